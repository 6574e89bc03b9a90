import type { Engine } from "../../engine/engine.ts";
import { type Dialect, dockerState } from "../engine-api/dialect.ts";
import type { Endpoint } from "../engine-api/endpoint.ts";
import { type OpenOptions, openEngine } from "../engine-api/open.ts";
import { parseReference } from "../engine-api/reference.ts";
import type { EventJson } from "../engine-api/wire.ts";
import { preparePodman } from "./prepare.ts";
import { stopForGood } from "./stop.ts";

/**
 * Podman's service at an endpoint, 4.3 or newer, through its Docker-compatible API. Its health checks are timers of
 * systemd: where there is none, the state stays "starting" for ever.
 */
export function openPodman(endpoint: Endpoint, options: OpenOptions = {}): Engine {
  return openEngine(endpoint, podmanDialect, options);
}

const podmanDialect: Dialect = {
  driver: "podman",
  product: "Podman Engine",
  // Podman makes up a new ID for each call (4.3.1); one storage folder of one machine is one engine.
  identity: ({ Name = "", DockerRootDir = "" }) => `podman:${Name}:${DockerRootDir}`,
  state: podmanState,
  event: podmanEvent,
  actions: undefined,
  // Its own steps, of which Docker tells nothing. Its filter for actions knows its own words only.
  isNoise: (action) => ["exec", "exec_died", "init", "cleanup"].includes(action),
  keepsStartError: false,
  followsToTheEnd: false,
  stopForGood,
  // A forced removal by a name that is not in its database yet takes the storage from under the creation (4.3.1); the
  // record that stays behind makes every list fail with "getting container from store …: container not known"
  // (the state of containers/podman issue 15526).
  removesByIdOnly: true,
  // "localhost/app:1" and "docker.io/library/redis:7" were asked for as "app:1" and "redis:7".
  imageName: (name) => name.replace(/^(?:localhost\/|docker\.io\/library\/|docker\.io\/)/, ""),
  takesCommitLabels: false,
  prepare: preparePodman,
  localNames,
};

function podmanState(word: string): ReturnType<Dialect["state"]> {
  switch (word) {
    case "configured":
    case "initialized":
      return "created";
    case "stopping":
      return "running";
    case "stopped":
      return "exited";
    default:
      return dockerState(word);
  }
}

function podmanEvent(event: EventJson): EventJson {
  const attributes = event.Actor?.Attributes ?? {};
  const exitCode = attributes["exitCode"] ?? attributes["containerExitCode"];
  return {
    ...event,
    Action: podmanAction(event.Action ?? event.status ?? "", attributes),
    Actor: { ...event.Actor, Attributes: exitCode === undefined ? attributes : { ...attributes, exitCode } },
  };
}

function podmanAction(action: string, attributes: Readonly<Record<string, string>>): string {
  switch (action) {
    case "died":
      return "die";
    case "remove":
      return "destroy";
    case "health_status":
      return `health_status: ${attributes["health_status"] ?? ""}`;
    default:
      return action;
  }
}

/**
 * What was built or loaded under a short name is kept as "localhost/…", what was pulled as "docker.io/library/…". The
 * service finds both by the short name (4.3.1); the second form is for services that are asked for one registry only.
 */
function localNames(reference: string): readonly string[] {
  const isId = /^(?:sha256:)?[0-9a-f]{12,64}$/.test(reference);
  const { registry, tag, digest } = parseReference(reference);
  if (isId || reference.startsWith(`${registry}/`)) return [reference];
  const tagged = tag === undefined && digest === undefined ? `${reference}:latest` : reference;
  return [reference, `localhost/${tagged}`];
}
