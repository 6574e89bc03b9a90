import type { Clock } from "../async/clock.ts";
import { merge } from "../async/merge.ts";
import { deadlineSignal } from "../async/signals.ts";
import type { Engine } from "../engine/engine.ts";
import type { ContainerFacts, LogEntry } from "../engine/facts.ts";
import { LashError } from "../model/errors.ts";
import { label } from "../model/labels.ts";
import { statusOf } from "../stack/list.ts";
import { containerName } from "../stack/names.ts";
import type { ResourceView } from "../stack/status.ts";
import { HeldStacks } from "./held-stacks.ts";
import type { ServerStacks, StackDetails, StackNews, StackResource, StackSummary } from "./server-port.ts";
import { actOnStack } from "./stack-action.ts";
import { type FoldersStack, readStackFolder } from "./stack-folder.ts";

export interface ServerStacksOptions {
  readonly engine: () => Engine;
  /** Folder of the manifests that may be brought up and down. */
  readonly folder: string | undefined;
  readonly environment: NodeJS.ProcessEnv;
  readonly callTimeoutMs: number;
  readonly clock: Clock;
  readonly onFault: (error: unknown) => void;
}

/** The stacks of a server's engine. Disposing it ends the supervision of what it holds; the stacks go on. */
export function openServerStacks(options: ServerStacksOptions): ServerStacks & AsyncDisposable {
  return new EngineStacks(options);
}

interface WithSignal {
  readonly signal: AbortSignal;
}

class EngineStacks implements ServerStacks, AsyncDisposable {
  readonly #options: ServerStacksOptions;
  readonly #held: HeldStacks;

  constructor(options: ServerStacksOptions) {
    this.#options = options;
    this.#held = new HeldStacks(options);
  }

  async list({ signal }: WithSignal): Promise<readonly StackSummary[]> {
    const [containers, folder] = await Promise.all([this.#containers("", signal), this.#folder()]);
    const names = new Set([...containers.map(projectOf), ...folder.map(({ name }) => name)]);
    return [...names]
      .toSorted()
      .map((name) =>
        summary(name, { containers: containers.filter((each) => projectOf(each) === name), folder }),
      );
  }

  async get(stack: string, { signal }: WithSignal): Promise<StackDetails> {
    const { containers, folder } = await this.#known(stack, signal);
    const handle = this.#held.handle(stack);
    const items =
      handle === undefined
        ? containers.map(resourceOf)
        : (await handle.list({ signal, urls: false })).map((view) => viewed(stack, view));
    return { ...summary(stack, { containers, folder }), items, operation: this.#held.operation(stack) };
  }

  async act(
    stack: string,
    action: "start" | "stop" | "restart",
    options: Parameters<ServerStacks["act"]>[2],
  ): Promise<void> {
    const { signal, resources, graceMs } = options;
    const { containers } = await this.#known(stack, signal);
    const known = new Set(containers.map(resourceName));
    const unknown = resources?.find((name) => !known.has(name));
    if (unknown !== undefined) throw unknownResource(stack, unknown);
    const targets = containers.filter(
      (facts) => resources === undefined || resources.includes(resourceName(facts)),
    );
    const handle = this.#held.handle(stack);
    if (handle !== undefined) {
      await handle[action](targets.map(resourceName), { signal, graceMs });
      return;
    }
    const { environment, clock } = this.#options;
    await actOnStack(
      this.#options.engine(),
      { stack, action, targets, graceMs },
      { signal, environment, clock },
    );
  }

  async logs(
    stack: string,
    options: Parameters<ServerStacks["logs"]>[1],
  ): Promise<AsyncIterable<{ readonly resource: string; readonly entry: LogEntry }>> {
    const { signal, resource } = options;
    const { containers } = await this.#known(stack, signal);
    const wanted = containers.filter((facts) => resource === undefined || resourceName(facts) === resource);
    if (wanted.length === 0 && resource !== undefined) throw unknownResource(stack, resource);
    const engine = this.#options.engine();
    return merge(wanted.map((facts) => named(resourceName(facts), engine.logs(facts.id, options))));
  }

  async news(stack: string, { signal }: WithSignal): Promise<AsyncIterable<StackNews>> {
    await this.#known(stack, signal);
    const events = this.#options.engine().events({ [label.project]: stack }, { signal });
    const ofContainers = (async function* read(): AsyncGenerator<StackNews> {
      for await (const event of events) {
        yield { type: "container", resource: event.labels[label.resource] ?? "", event };
      }
    })();
    return merge<StackNews>([ofContainers, this.#held.news(stack, signal)]);
  }

  async up(stack: string, options: Parameters<ServerStacks["up"]>[1]): ReturnType<ServerStacks["up"]> {
    return await this.#held.up(await this.#managed(stack), options);
  }

  async down(stack: string, options: Parameters<ServerStacks["down"]>[1]): ReturnType<ServerStacks["down"]> {
    return await this.#held.down(await this.#managed(stack), options);
  }

  async settled(stack: string, options: WithSignal): ReturnType<ServerStacks["settled"]> {
    return await this.#held.settled(stack, options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#held[Symbol.asyncDispose]();
  }

  /** Containers of one stack, or of all for "". One-off ones are nobody's resource. */
  async #containers(stack: string, signal: AbortSignal): Promise<readonly ContainerFacts[]> {
    const { engine, callTimeoutMs } = this.#options;
    using deadline = deadlineSignal(
      signal,
      callTimeoutMs,
      () => new LashError("timed-out", `Cannot list stacks: no answer within ${callTimeoutMs} ms`),
    );
    const all = await engine().list({ [label.project]: stack }, { signal: deadline.signal });
    return all
      .filter(({ name, labels }) => labels[label.oneOff] === undefined && !name.endsWith(".previous"))
      .toSorted((one, other) => (one.name < other.name ? -1 : 1));
  }

  async #known(
    stack: string,
    signal: AbortSignal,
  ): Promise<{ readonly containers: readonly ContainerFacts[]; readonly folder: readonly FoldersStack[] }> {
    const [containers, folder] = await Promise.all([this.#containers(stack, signal), this.#folder()]);
    if (containers.length === 0 && !folder.some(({ name }) => name === stack)) throw unknownStack(stack);
    return { containers, folder };
  }

  async #folder(): Promise<readonly FoldersStack[]> {
    const { folder, onFault } = this.#options;
    if (folder === undefined) return [];
    try {
      return await readStackFolder(folder);
    } catch (error) {
      onFault(error);
      return [];
    }
  }

  async #managed(stack: string): Promise<FoldersStack> {
    const [found, other] = (await this.#folder()).filter(({ name }) => name === stack);
    if (found === undefined) throw unknownStack(stack, "the server has no manifest of it");
    if (other === undefined) return found;
    throw new LashError(
      "stack-elsewhere",
      `Cannot choose a manifest of "${stack}": ${found.manifest} and ${other.manifest} both are`,
      {
        data: { manifests: [found.manifest, other.manifest] },
        hint: "Give one of them another project name",
      },
    );
  }
}

async function* named(
  resource: string,
  entries: AsyncIterable<LogEntry>,
): AsyncGenerator<{ readonly resource: string; readonly entry: LogEntry }> {
  for await (const entry of entries) yield { resource, entry };
}

function projectOf({ labels }: ContainerFacts): string {
  return labels[label.project] ?? "";
}

function resourceName({ labels, name }: ContainerFacts): string {
  return labels[label.resource] ?? name;
}

function summary(
  name: string,
  of: { readonly containers: readonly ContainerFacts[]; readonly folder: readonly FoldersStack[] },
): StackSummary {
  const managed = of.folder.find((each) => each.name === name);
  return {
    name,
    manifest: of.containers[0]?.labels[label.manifest] ?? managed?.manifest ?? "",
    resources: of.containers.length,
    running: of.containers.filter(({ state }) => state === "running").length,
    managed: managed !== undefined,
  };
}

function resourceOf(facts: ContainerFacts): StackResource {
  const kind = facts.labels[label.kind] ?? "";
  const ended = facts.state === "exited" || facts.state === "dead";
  return {
    name: resourceName(facts),
    kind,
    status: statusOf(facts, kind),
    detail: "",
    containerId: facts.id,
    containerName: facts.name,
    image: facts.image,
    startedAt: facts.startedAt,
    exitCode: ended ? facts.exitCode : undefined,
    restarts: facts.restartCount,
    ports: facts.ports
      .filter(({ hostPort }) => hostPort !== undefined)
      .map((port) => `${port.hostIp}:${port.hostPort}->${port.containerPort}/${port.protocol}`),
  };
}

function viewed(stack: string, view: ResourceView): StackResource {
  return {
    name: view.name,
    kind: view.kind,
    status: view.status,
    detail: view.detail,
    containerId: view.id,
    containerName: view.id === undefined ? undefined : containerName(stack, view.name),
    image: view.image,
    startedAt: view.startedAt,
    exitCode: view.exitCode,
    restarts: view.restarts,
    ports: view.ports,
  };
}

function unknownStack(stack: string, why = "there is none"): LashError {
  return new LashError("resource-unknown", `Cannot find stack "${stack}": ${why}`, {
    data: { what: "stack", stack },
  });
}

function unknownResource(stack: string, resource: string): LashError {
  return new LashError("resource-unknown", `Cannot find resource "${resource}" in stack "${stack}"`, {
    data: { what: "resource", stack, resource },
  });
}
