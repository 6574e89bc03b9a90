import { Semaphore } from "../../async/semaphore.ts";
import type { CallOptions, LabelFilter, LogOptions, StopOptions } from "../../engine/engine.ts";
import type { ContainerFacts, EngineEvent, ExitFacts, LogEntry } from "../../engine/facts.ts";
import type { ContainerSpec } from "../../model/container-spec.ts";
import { isLashError, LashError } from "../../model/errors.ts";
import { type EngineClient, pathPart } from "./client.ts";
import { createPlan, wholeSeconds } from "./create.ts";
import type { Dialect } from "./dialect.ts";
import { containerFacts, eventFacts } from "./facts.ts";
import { followToTheEnd } from "./follow.ts";
import { readFramesOrRaw } from "./frames.ts";
import { readLines } from "./lines.ts";
import { readJsonLines } from "./stream.ts";
import type { ContainerJson, EventJson, WaitJson } from "./wire.ts";

/**
 * Starting sets up namespaces, networks and ports under locks of the engine: with 20 at once on two cores the last one
 * took 3 s; remote storage and volume plug-ins take longer. Removing may have gigabytes to delete.
 */
const slowDeadlineMs = 180_000;
/** How long a stop may take beyond its grace: the kill, and taking the network down. */
const stopMarginMs = 60_000;
/** Refused starts remembered, for an engine that does not keep the reason itself: more than any stack has. */
const rememberedStarts = 200;
/** Inspects at once for one list; more only queue up in the engine. */
const parallelInspects = 8;

/** The role every driver has, without `exec`: see exec.ts. */
export class Containers {
  readonly #client: EngineClient;
  readonly #dialect: Dialect;
  /** Why starts were refused, by container, for an engine that does not keep it. */
  readonly #startErrors = new Map<string, string>();

  constructor(client: EngineClient, dialect: Dialect) {
    this.#client = client;
    this.#dialect = dialect;
  }

  async list(filter: LabelFilter, { signal }: CallOptions): Promise<readonly ContainerFacts[]> {
    const found = await this.#client.json<readonly { readonly Id?: string }[]>({
      method: "GET",
      path: "/containers/json",
      query: { all: 1, filters: filtersText({ label: labelFilters(filter) }) },
      doing: "list containers",
      signal,
    });
    const permits = new Semaphore(parallelInspects);
    const looks = found.map(async ({ Id = "" }) => {
      using _permit = await permits.acquire(signal);
      return await this.inspect(Id, { signal });
    });
    return (await Promise.all(looks)).filter((each) => each !== undefined);
  }

  async inspect(container: string, { signal }: CallOptions): Promise<ContainerFacts | undefined> {
    const json = await this.#json(container, signal);
    if (json === undefined) return undefined;
    const facts = containerFacts(json, this.#dialect);
    const error = facts.error || (facts.state === "created" ? this.#startErrors.get(facts.id) : undefined);
    return error === undefined ? facts : { ...facts, error };
  }

  async #json(container: string, signal: AbortSignal): Promise<ContainerJson | undefined> {
    return await this.#client.find<ContainerJson>({
      method: "GET",
      path: `/containers/${pathPart(container)}/json`,
      doing: `inspect container "${container}"`,
      signal,
    });
  }

  async create(wanted: ContainerSpec, { signal }: CallOptions): Promise<{ readonly id: string }> {
    const { apiVersion } = await this.#client.greet(signal);
    const spec = (await this.#dialect.prepare?.(wanted, this.#client, signal)) ?? wanted;
    const plan = createPlan(spec, apiVersion);
    const doing = `create container "${spec.name}"`;
    const created = await this.#client.json<{ readonly Id?: string }>({
      method: "POST",
      path: "/containers/create",
      query: { name: spec.name, platform: spec.platform },
      json: plan.body,
      doing,
      signal,
      deadlineMs: slowDeadlineMs,
    });
    const id = created.Id ?? "";
    try {
      for (const { network, aliases } of plan.connectAfter) {
        await this.#client.text({
          method: "POST",
          path: `/networks/${pathPart(network)}/connect`,
          json: { Container: id, EndpointConfig: { Aliases: aliases } },
          doing: `connect container "${spec.name}" to network "${network}"`,
          signal,
        });
      }
    } catch (error) {
      await this.#removeHalfMade(id);
      throw error;
    }
    return { id };
  }

  async start(container: string, { signal }: CallOptions): Promise<void> {
    try {
      await this.#post(container, "start", { signal, deadlineMs: slowDeadlineMs });
    } catch (error) {
      if (!this.#dialect.keepsStartError && isLashError(error, "engine-refused")) {
        const { Id = "" } = (await this.#json(container, signal)) ?? {};
        this.#startErrors.set(Id, String(error.data["message"]));
        const [oldest] = this.#startErrors.keys();
        if (oldest !== undefined && this.#startErrors.size > rememberedStarts)
          this.#startErrors.delete(oldest);
      }
      throw error;
    }
  }

  async stop(container: string, { signal, graceMs }: StopOptions): Promise<void> {
    const seconds = wholeSeconds(graceMs);
    const deadlineMs = seconds * 1000 + stopMarginMs;
    const ask = async (): Promise<"changed" | "unchanged"> =>
      await this.#post(container, "stop", { signal, deadlineMs, query: { t: seconds } });
    try {
      const answer = await ask();
      const look = async (): Promise<ContainerJson | undefined> => await this.#json(container, signal);
      if (answer === "unchanged") await this.#dialect.stopForGood?.({ look, ask, signal });
    } catch (error) {
      if (!isLashError(error, "engine-not-found")) throw error;
    }
  }

  async kill(
    container: string,
    { signal, signalName }: CallOptions & { readonly signalName: string },
  ): Promise<void> {
    // 409 is "not running". A paused container is killed.
    const query = { signal: signalName };
    await ignoring(
      ["engine-not-found", "engine-conflict"],
      this.#post(container, "kill", { signal, query, deadlineMs: slowDeadlineMs }),
    );
  }

  async remove(container: string, { signal }: CallOptions): Promise<void> {
    const target = await this.#removalTarget(container, signal);
    if (target === undefined) return;
    const doing = `remove container "${container}"`;
    const path = `/containers/${pathPart(target)}`;
    try {
      const query = { force: 1, v: 1 };
      await this.#client.text({ method: "DELETE", path, query, doing, signal, deadlineMs: slowDeadlineMs });
    } catch (error) {
      if (isLashError(error, "engine-not-found")) return;
      // "removal of container … is already in progress": someone else's removal is as good as ours, once it is done.
      if (!isLashError(error, "engine-conflict") || !error.message.includes("already in progress"))
        throw error;
      const query = { condition: "removed" };
      const gone = this.#client.text({
        method: "POST",
        path: `${path}/wait`,
        query,
        doing,
        signal,
        deadlineMs: slowDeadlineMs,
      });
      await ignoring(["engine-not-found"], gone);
    }
  }

  /** What to ask for the removal of; undefined: there is nothing of that name. */
  async #removalTarget(container: string, signal: AbortSignal): Promise<string | undefined> {
    if (!this.#dialect.removesByIdOnly || /^[0-9a-f]{64}$/.test(container)) return container;
    try {
      return (await this.#json(container, signal))?.Id;
    } catch (error) {
      // A record that is broken already cannot be looked at, and its removal by name finishes it.
      if (isLashError(error, "engine-refused")) return container;
      throw error;
    }
  }

  async rename(container: string, { signal, name }: CallOptions & { readonly name: string }): Promise<void> {
    await this.#post(container, "rename", { signal, query: { name } });
  }

  async wait(container: string, { signal }: CallOptions): Promise<ExitFacts> {
    using answer = await this.#client.stream({
      method: "POST",
      path: `/containers/${pathPart(container)}/wait`,
      doing: `wait for container "${container}"`,
      signal,
      deadlineMs: "none",
    });
    let ended: WaitJson = {};
    for await (const value of readJsonLines(answer.chunks)) ended = value as WaitJson;
    if (ended.StatusCode === undefined) {
      throw new LashError(
        "engine-unreachable",
        `Cannot wait for container "${container}": the engine ended the wait without an answer`,
        {
          data: { endpoint: this.#client.endpoint.text, code: "ECONNRESET" },
          hint: "Check that the engine runs",
        },
      );
    }
    // The wait tells the code only; what else is known of the end is in the container, if it is still there.
    const facts = await this.inspect(container, { signal });
    const isOver = facts !== undefined && facts.state !== "running" && facts.state !== "paused";
    return {
      // A container that never started "ends" with 0 in Docker and -1 in Podman; one that runs again, with its last.
      exitCode: isOver ? facts.exitCode : ended.StatusCode,
      oomKilled: facts?.oomKilled ?? false,
      error: facts?.error || ended.Error?.Message || "",
    };
  }

  logs(container: string, options: LogOptions): AsyncGenerator<LogEntry, void, undefined> {
    if (!options.follow || this.#dialect.followsToTheEnd) return this.#readLog(container, options);
    const read = (reading: Omit<LogOptions, "signal">): AsyncIterable<LogEntry> =>
      this.#readLog(container, { ...reading, signal: options.signal });
    return followToTheEnd(read, { tail: options.tail, since: options.since });
  }

  async *#readLog(container: string, options: LogOptions): AsyncGenerator<LogEntry, void, undefined> {
    const { signal, follow, tail, since } = options;
    using answer = await this.#client.stream({
      method: "GET",
      path: `/containers/${pathPart(container)}/logs`,
      query: {
        stdout: 1,
        stderr: 1,
        timestamps: 1,
        follow: follow ? 1 : 0,
        tail: tail ?? "all",
        since: since === undefined ? undefined : unixTime(Date.parse(since), since),
      },
      doing: `read the output of container "${container}"`,
      signal,
      // Podman sends nothing, not even a status, before the first line.
      deadlineMs: "none",
    });
    yield* readLines(readFramesOrRaw(answer.chunks));
  }

  async *events(
    filter: LabelFilter,
    options: CallOptions & {
      readonly sinceMs?: number | undefined;
      readonly onOpen?: (() => void) | undefined;
    },
  ): AsyncGenerator<EngineEvent, void, undefined> {
    const { signal, onOpen } = options;
    using answer = await this.#client.stream({
      method: "GET",
      path: "/events",
      query: {
        filters: filtersText({
          type: ["container"],
          label: labelFilters(filter),
          event: this.#dialect.actions ?? [],
        }),
        // moby answers first and subscribes then. Asking for what happened since now closes that gap: it replays what
        // it remembers, and ignores a moment in the future, should the clocks differ.
        since: unixTime(options.sinceMs ?? Date.now()),
      },
      doing: "listen to the engine's events",
      signal,
    });
    onOpen?.();
    for await (const value of readJsonLines(answer.chunks)) {
      const event = eventFacts(this.#dialect.event(value as EventJson));
      if (event === undefined || !carries(event.labels, filter) || this.#dialect.isNoise(event.action))
        continue;
      yield event;
    }
    signal.throwIfAborted();
    throw new LashError(
      "engine-unreachable",
      "Cannot listen to the engine's events: the engine ended the stream",
      {
        data: { endpoint: this.#client.endpoint.text, code: "ECONNRESET" },
        hint: "Check that the engine runs, then list the containers again",
      },
    );
  }

  async #post(
    container: string,
    verb: "start" | "stop" | "kill" | "rename",
    options: {
      readonly signal: AbortSignal;
      readonly deadlineMs?: number;
      readonly query?: Readonly<Record<string, string | number>>;
    },
  ): Promise<"changed" | "unchanged"> {
    return await this.#client.change({
      method: "POST",
      path: `/containers/${pathPart(container)}/${verb}`,
      doing: `${verb} container "${container}"`,
      ...options,
    });
  }

  /** Our own half-made container is removed even when the call was cancelled. */
  async #removeHalfMade(id: string): Promise<void> {
    const signal = AbortSignal.timeout(slowDeadlineMs);
    try {
      await this.remove(id, { signal });
    } catch {
      // The error that matters is why it could not be finished; what is left carries our labels.
    }
  }
}

/** Podman takes several label conditions for alternatives (4.3.1), so all are asked here once more. */
function carries(labels: Readonly<Record<string, string>>, filter: LabelFilter): boolean {
  return Object.entries(filter).every(
    ([key, value]) => key in labels && (value === "" || labels[key] === value),
  );
}

/** Label conditions as the engine's filters take them. */
export function labelFilters(filter: LabelFilter): readonly string[] {
  return Object.entries(filter).map(([key, value]) => (value === "" ? key : `${key}=${value}`));
}

/** The `filters` parameter; empty conditions are left out. */
export function filtersText(filters: Readonly<Record<string, readonly string[]>>): string | undefined {
  const used = Object.entries(filters).filter(([, values]) => values.length > 0);
  return used.length === 0 ? undefined : JSON.stringify(Object.fromEntries(used));
}

/** Settles as `work` does, but takes these refusals for success. */
export async function ignoring(
  codes: readonly ("engine-not-found" | "engine-conflict")[],
  work: Promise<unknown>,
): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!codes.some((code) => isLashError(error, code))) throw error;
  }
}

/** Seconds and nanoseconds since the epoch, as moby and Podman take them; `precise` keeps the text's own fraction. */
function unixTime(ms: number, precise?: string): string {
  const seconds = Math.floor(ms / 1000);
  const fraction = precise === undefined ? undefined : /\.(\d{1,9})/.exec(precise)?.[1];
  const nanos = fraction === undefined ? String(Math.round(ms - seconds * 1000)).padStart(3, "0") : fraction;
  return `${seconds}.${nanos.padEnd(9, "0")}`;
}
