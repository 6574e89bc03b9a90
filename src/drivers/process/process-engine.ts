import { createHash } from "node:crypto";
import { readFileSync, realpathSync } from "node:fs";
import { arch, hostname, release } from "node:os";
import { type Clock, systemClock } from "../../async/clock.ts";
import type { Engine, LabelFilter, LogOptions } from "../../engine/engine.ts";
import type { ContainerFacts, EngineEvent, EngineInfo, LogEntry } from "../../engine/facts.ts";
import { LashError } from "../../model/errors.ts";
import { carries, EventFeed } from "./event-feed.ts";
import { openExec } from "./exec.ts";
import { readOutput } from "./output.ts";
import { Processes } from "./processes.ts";
import { type ProcessRecord, toFacts } from "./record.ts";
import { ProcessStore } from "./store.ts";

/** How often the folder is looked at for what other engines did to it. */
const eventPeriodMs = 200;

/**
 * The embedded engine: native processes of this machine, without a shell, each in a session of its own, recorded in
 * `directory`. They write their output into files there, so they outlive the Lash that started them; another engine on
 * the same folder lists, stops and removes them. It has no abilities: what only a container can have is refused by
 * name with `engine-unsupported`. A process gets exactly the variables of its specification, plus `LASH_PROCESS_ID`.
 */
export async function openProcessEngine(options: {
  readonly directory: string;
  readonly clock?: Clock | undefined;
}): Promise<Engine> {
  const clock = options.clock ?? systemClock;
  const store = new ProcessStore(options.directory);
  const feeds = new Set<EventFeed>();
  const onChange = (id: string): void => {
    if (feeds.size === 0) return;
    const now = store.load(id);
    for (const feed of feeds) feed.look(id, now);
  };
  const processes = new Processes(store, clock, onChange);
  let info: EngineInfo | undefined;

  async function list(filter: LabelFilter, signal: AbortSignal): Promise<readonly ContainerFacts[]> {
    signal.throwIfAborted();
    const wanted = store.all().filter((each) => carries(each.labels, filter));
    const settled = await Promise.all(wanted.map((each) => processes.settled(each.id, signal)));
    return settled.filter((each) => each !== undefined).map(toFacts);
  }

  async function* logs(name: string, logOptions: LogOptions): AsyncGenerator<LogEntry, void, undefined> {
    const { id } = await processes.require(name, "read the output of", logOptions.signal);
    yield* readOutput(
      { folder: store.folder(id), clock, writing: () => processes.isRunning(id) },
      logOptions,
    );
  }

  async function* events(
    filter: LabelFilter,
    { signal, sinceMs, onOpen }: Parameters<Engine["events"]>[1],
  ): AsyncGenerator<EngineEvent, void, undefined> {
    signal.throwIfAborted();
    const feed = new EventFeed(filter, clock);
    feed.begin(store.all(), sinceMs);
    feeds.add(feed);
    try {
      onOpen?.();
      for (;;) {
        await look(feed, signal);
        for (const event of feed.take()) {
          signal.throwIfAborted();
          yield event;
        }
        await Promise.race([feed.pending(), clock.sleep(eventPeriodMs, { signal })]);
        signal.throwIfAborted();
      }
    } finally {
      feeds.delete(feed);
    }
  }

  async function look(feed: EventFeed, signal: AbortSignal): Promise<void> {
    const ids = new Set([...feed.ids, ...store.ids()]);
    for (const id of ids) feed.look(id, await processes.settled(id, signal));
  }

  return {
    driver: "process",
    async info({ signal }) {
      signal.throwIfAborted();
      info ??= describe(store.directory);
      return info;
    },
    list: (filter, { signal }) => list(filter, signal),
    async inspect(name, { signal }) {
      const found = await processes.find(name, signal);
      return found === undefined ? undefined : toFacts(found);
    },
    create: (spec, { signal }) => processes.create(spec, signal),
    start: (name, { signal }) => processes.start(name, signal),
    stop: (name, { signal, graceMs }) => processes.stop(name, graceMs, signal),
    kill: (name, { signal, signalName }) => processes.kill(name, signalName, signal),
    remove: (name, { signal }) => processes.remove(name, signal),
    rename: (name, given) => processes.rename(name, given.name, given.signal),
    wait: (name, { signal }) => processes.wait(name, signal),
    logs,
    async exec(name, execOptions) {
      const found = await processes.require(name, "run a command beside", execOptions.signal);
      requireRunning(found);
      return openExec(found, execOptions);
    },
    events,
    async [Symbol.asyncDispose]() {
      processes.close();
    },
  };
}

function requireRunning(found: ProcessRecord): void {
  if (found.phase.tag === "running") return;
  throw new LashError(
    "engine-conflict",
    `Cannot run a command beside process "${found.name}": it is not running`,
    {
      data: { status: 409 },
    },
  );
}

function describe(directory: string): EngineInfo {
  const place = realpathSync(directory);
  return {
    product: "process",
    version: release(),
    apiVersion: "",
    id: createHash("sha256").update(`${machineId()}\0${place}`).digest("hex").slice(0, 32),
    endpoint: place,
    platform: `${process.platform}/${arch() === "x64" ? "amd64" : arch()}`,
  };
}

function machineId(): string {
  try {
    return readFileSync("/etc/machine-id", "utf8").trim();
  } catch {
    // Not on macOS, nor in small containers.
    return hostname();
  }
}
