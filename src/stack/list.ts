import type { ContainerFacts } from "../engine/facts.ts";
import type { PortMapping } from "../model/container-spec.ts";
import { label } from "../model/labels.ts";
import type { Stack } from "../model/stack.ts";
import { containerName } from "./names.ts";
import type { Observation } from "./observe.ts";
import type { ResourceStatus, ResourceView, StatusTag } from "./status.ts";

/**
 * Every resource of the stack, then what the manifest no longer declares. A status this process knows (because it
 * starts or supervises the resource) tells more than the engine does; without one the engine's word counts.
 */
export function describeStack(
  stack: Stack,
  observation: Observation,
  known: (name: string) => ResourceStatus | undefined,
  isDeclared: (name: string) => boolean,
): readonly ResourceView[] {
  const declared = stack.resources.map((resource): ResourceView => {
    const name = containerName(stack.project, resource.name);
    const found = observation.containers.find((each) => each.facts.name === name);
    const status =
      found === undefined && resource.kind === "external"
        ? ({ tag: "ready", id: "" } as const)
        : known(resource.name);
    return view({ name: resource.name, kind: resource.kind, orphan: false }, found?.facts, status);
  });
  const names = new Set(stack.resources.map(({ name }) => containerName(stack.project, name)));
  const others = observation.containers
    .filter(({ facts }) => !names.has(facts.name))
    .map(({ facts, resource }) =>
      view(
        {
          name: facts.labels[label.oneOff] === undefined ? resource : facts.name,
          kind: facts.labels[label.kind] ?? "",
          orphan: facts.labels[label.oneOff] === undefined && !isDeclared(resource),
        },
        facts,
        undefined,
      ),
    );
  return [...declared, ...others];
}

function view(
  identity: Pick<ResourceView, "name" | "kind" | "orphan">,
  facts: ContainerFacts | undefined,
  status: ResourceStatus | undefined,
): ResourceView {
  const told = status === undefined || status.tag === "pending" ? undefined : status;
  return {
    ...identity,
    status: told?.tag ?? statusOf(facts, identity.kind),
    detail: told === undefined ? detailOf(facts) : detailOfStatus(told),
    id: facts?.id,
    image: facts?.image ?? "",
    startedAt: facts?.startedAt,
    exitCode: facts?.state === "exited" ? facts.exitCode : undefined,
    restarts: facts?.restartCount ?? 0,
    ports: facts?.ports.filter((port) => port.hostPort !== undefined).map(portText) ?? [],
    url: undefined,
  };
}

/** A status from the engine's facts alone. Without a health check, running is all there is to know. */
export function statusOf(facts: ContainerFacts | undefined, kind: string): StatusTag {
  if (facts === undefined) return "stopped";
  switch (facts.state) {
    case "created":
      return "pending";
    case "restarting":
      return "restarting";
    case "removing":
      return "stopping";
    case "paused":
      return "stopped";
    case "running":
      if (facts.health === "unhealthy") return "unhealthy";
      return facts.health === "starting" || kind === "task" ? "running" : "ready";
    case "exited":
    case "dead":
      if (facts.exitCode === 0 && kind === "task") return "completed";
      return facts.exitCode === 0 || wasStopped(facts) ? "stopped" : "failed";
  }
}

/** Ended by the stop signal or the kill that follows it: 128 + 15, 128 + 2, 128 + 9 without memory shortage. */
function wasStopped({ exitCode, oomKilled }: ContainerFacts): boolean {
  return !oomKilled && (exitCode === undefined || [130, 137, 143].includes(exitCode));
}

function detailOf(facts: ContainerFacts | undefined): string {
  if (facts === undefined) return "";
  if (facts.state === "paused") return "paused";
  if (facts.oomKilled) return "out of memory";
  if (facts.state === "exited") return `exit code ${facts.exitCode ?? "unknown"}`;
  return facts.health === "unhealthy" ? (facts.healthOutput.split("\n")[0] ?? "") : "";
}

function detailOfStatus(status: ResourceStatus): string {
  switch (status.tag) {
    case "waiting":
      return `waits for ${status.on.join(", ")}`;
    case "failed":
      return status.failure.message;
    case "unhealthy":
      return status.output.split("\n")[0] ?? "";
    case "restarting":
      return `attempt ${status.attempt}`;
    case "pending":
    case "pulling":
    case "building":
    case "starting":
    case "running":
    case "ready":
    case "stopping":
    case "completed":
    case "stopped":
      return "";
  }
}

function portText(port: PortMapping): string {
  const host = port.hostIp.includes(":") ? `[${port.hostIp}]` : port.hostIp;
  return `${host === "" ? "0.0.0.0" : host}:${port.hostPort}->${port.containerPort}/${port.protocol}`;
}
