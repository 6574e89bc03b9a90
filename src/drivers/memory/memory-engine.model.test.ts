import * as fc from "fast-check";
import { expect, test } from "vitest";
import { isLashError } from "../../model/errors.ts";
import { createMemoryEngine, type MemoryEngine } from "./memory-engine.ts";

const signal = new AbortController().signal;
const names = ["a", "b", "c"] as const;
const anyName = fc.constantFrom(...names);

interface ModelContainer {
  readonly state: "created" | "running" | "exited";
  readonly hostPort: number | undefined;
  readonly exitCode: number | undefined;
}

/** All that a user should have to keep in mind: containers by name, and whether the engine is reached. */
interface Model {
  readonly containers: Map<string, ModelContainer>;
  connected: boolean;
}

type Command = fc.AsyncCommand<Model, MemoryEngine>;

/** A command: what it does, what it must answer, and what it changes in the model when it succeeds. */
function command(
  title: string,
  act: (engine: MemoryEngine) => Promise<unknown>,
  expected: (model: Model) => string,
  change: (model: Model) => void,
): Command {
  return {
    check: () => true,
    toString: () => title,
    async run(model, engine) {
      const wanted = model.connected ? expected(model) : "engine-unreachable";
      expect(await answer(act(engine))).toBe(wanted);
      if (wanted === "done") change(model);
      await compare(model, engine);
    },
  };
}

function move(title: string, change: (model: Model, engine: MemoryEngine) => void): Command {
  return {
    check: () => true,
    toString: () => title,
    async run(model, engine) {
      change(model, engine);
      await compare(model, engine);
    },
  };
}

async function answer(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return "done";
  } catch (error) {
    if (isLashError(error)) return error.code;
    throw error;
  }
}

async function compare(model: Model, engine: MemoryEngine): Promise<void> {
  if (!model.connected) return;
  const found = await engine.list({}, { signal });
  const seen = found.map(({ name, state, exitCode }) => ({ name, state, exitCode }));
  const wanted = [...model.containers].map(([name, { state, exitCode }]) => ({ name, state, exitCode }));
  expect(seen.sort(byName)).toEqual(wanted.sort(byName));
}

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name.localeCompare(b.name);
}

function portTaken(model: Model, name: string): boolean {
  const port = model.containers.get(name)?.hostPort;
  return [...model.containers].some(
    ([other, each]) =>
      other !== name && each.state === "running" && port !== undefined && each.hostPort === port,
  );
}

function end(model: Model, name: string, exitCode: number): void {
  const found = model.containers.get(name);
  if (found?.state === "running") model.containers.set(name, { ...found, state: "exited", exitCode });
}

const commands = [
  fc.tuple(anyName, fc.constantFrom(undefined, 8080)).map(([name, hostPort]) =>
    command(
      `create ${name} ${hostPort ?? ""}`,
      (engine) => {
        const ports = [{ hostIp: "", hostPort, containerPort: 80, protocol: "tcp" }] as const;
        return engine.create({ name, labels: {}, image: "i", env: {}, ports }, { signal });
      },
      (model) => (model.containers.has(name) ? "engine-conflict" : "done"),
      (model) => model.containers.set(name, { state: "created", hostPort, exitCode: undefined }),
    ),
  ),
  anyName.map((name) =>
    command(
      `start ${name}`,
      (engine) => engine.start(name, { signal }),
      (model) => {
        const found = model.containers.get(name);
        if (found === undefined) return "engine-not-found";
        if (found.state === "running" || !portTaken(model, name)) return "done";
        // A refused start leaves its mark: the exit code of a start that never was.
        model.containers.set(name, { ...found, exitCode: 127 });
        return "engine-refused";
      },
      (model) => {
        const found = model.containers.get(name);
        if (found !== undefined)
          model.containers.set(name, { ...found, state: "running", exitCode: undefined });
      },
    ),
  ),
  anyName.map((name) =>
    command(
      `stop ${name}`,
      (engine) => engine.stop(name, { signal, graceMs: 1000 }),
      () => "done",
      (model) => end(model, name, 143),
    ),
  ),
  anyName.map((name) =>
    command(
      `kill ${name}`,
      (engine) => engine.kill(name, { signal, signalName: "SIGKILL" }),
      () => "done",
      (model) => end(model, name, 137),
    ),
  ),
  anyName.map((name) =>
    command(
      `remove ${name}`,
      (engine) => engine.remove(name, { signal }),
      () => "done",
      (model) => model.containers.delete(name),
    ),
  ),
  fc.tuple(anyName, anyName).map(([from, to]) =>
    command(
      `rename ${from} ${to}`,
      (engine) => engine.rename(from, { signal, name: to }),
      (model) => {
        if (!model.containers.has(from)) return "engine-not-found";
        return from !== to && model.containers.has(to) ? "engine-conflict" : "done";
      },
      (model) => {
        const found = model.containers.get(from);
        model.containers.delete(from);
        if (found !== undefined) model.containers.set(to, found);
      },
    ),
  ),
  fc.tuple(anyName, fc.integer({ min: 0, max: 255 })).map(([name, code]) =>
    move(`crash ${name} ${code}`, (model, engine) => {
      if (model.containers.get(name)?.state === "running") engine.crash(name, code);
      end(model, name, code);
    }),
  ),
  fc.constantFrom(true, true, true, false).map((connected) =>
    move(connected ? "reconnect" : "disconnect", (model, engine) => {
      model.connected = connected;
      if (connected) engine.reconnect();
      else engine.disconnect();
    }),
  ),
];

test("the memory engine agrees with a simple model, whatever is asked of it", async () => {
  expect.hasAssertions();
  await fc.assert(
    fc.asyncProperty(fc.commands(commands, { maxCommands: 80, size: "max" }), async (sequence) => {
      await using engine = createMemoryEngine();
      const model: Model = { containers: new Map(), connected: true };
      await fc.asyncModelRun(() => ({ model, real: engine }), sequence);
      engine.reconnect();
      checkJournal(engine);
    }),
    { numRuns: 100 },
  );
});

/** Laws of the journal: no container starts twice without dying, dies without having started, or acts when destroyed. */
function checkJournal(engine: MemoryEngine): void {
  expect(engine.log.map((entry) => entry.sequence)).toEqual([...engine.log.keys()]);
  const calls = engine.log.filter((entry) => entry.type === "call").length;
  expect(engine.log.filter((entry) => entry.type === "return" || entry.type === "throw")).toHaveLength(calls);
  const started = engine.log.filter((entry) => entry.type === "change" && entry.action === "start").length;
  const died = engine.log.filter((entry) => entry.type === "change" && entry.action === "die").length;
  expect(started).toBeGreaterThanOrEqual(died);
  expect(started - died).toBeLessThanOrEqual(names.length);
}
