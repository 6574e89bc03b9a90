import assert from "node:assert/strict";
import type { Engine, LabelFilter } from "../engine.ts";
import type { EngineEvent } from "../facts.ts";
import { type Bench, conformanceCase, endNow, rejectsBecause, serve } from "./bench.ts";
import type { ConformanceCase } from "./harness.ts";

/** Events. */
export const eventCases: readonly ConformanceCase[] = [
  conformanceCase("events() tell create, start, die and destroy, in that order", [], async (bench) => {
    await using listener = await listen(bench, bench.engine, bench.labels);
    const name = await bench.start({ kind: "exit", code: 0, afterMs: 600 });
    await bench.engine.wait(name, bench);
    const { id } = await bench.facts(name);
    await listener.has("die");
    await bench.engine.remove(name, bench);
    await listener.has("destroy");
    const main = listener
      .actions()
      .filter((action) => ["create", "start", "die", "destroy"].includes(action));
    assert.deepEqual(main, ["create", "start", "die", "destroy"]);
    for (const event of listener.events) {
      assert.equal(event.id, id);
      assert.equal(event.name, name);
      assert.equal(event.labels["lash.conformance"], bench.labels["lash.conformance"]);
      assert.ok(Math.abs(event.atMs - Date.now()) < 60_000, `at ${event.atMs}`);
    }
  }),

  conformanceCase("the event of a death carries the exit code", ["exit-codes"], async (bench) => {
    await using listener = await listen(bench, bench.engine, bench.labels);
    await bench.start({ kind: "exit", code: 9, afterMs: 100 });
    assert.equal((await listener.has("die")).exitCode, 9);
  }),

  conformanceCase("events() tell another engine object's doings", [], async (bench) => {
    await using second = await bench.harness.openSecond();
    await using listener = await listen(bench, second, bench.labels);
    const name = await bench.serving(serve);
    await listener.has("start");
    await bench.engine.stop(name, { signal: bench.signal, graceMs: 5000 });
    await listener.has("die");
    await bench.engine.remove(name, bench);
    await listener.has("destroy");
  }),

  conformanceCase("events() miss nothing that happens from onOpen on", [], async (bench) => {
    for (const round of [1, 2, 3]) {
      await using listener = await listen(bench, bench.engine, bench.labels);
      await bench.create(endNow, {}, `round${round}`);
      await listener.has("create");
    }
  }),

  conformanceCase("events() come only of what carries all labels", [], async (bench) => {
    await using listener = await listen(bench, bench.engine, { ...bench.labels, role: "x" });
    await bench.create(endNow, { labels: { role: "y" } }, "other");
    const name = await bench.create(endNow, { labels: { role: "x" } }, "wanted");
    await listener.has("create");
    assert.deepEqual(
      listener.events.map((event) => event.name),
      [name],
    );
  }),

  conformanceCase("events() since a moment tell what happened after it", [], async (bench) => {
    await bench.create(endNow);
    const { createdAt = "" } = await bench.facts(bench.name());
    // Some engines count in whole seconds.
    const sinceMs = Date.parse(createdAt) - 1000;
    await using listener = await listen(bench, bench.engine, bench.labels, sinceMs);
    await listener.has("create");
  }),

  conformanceCase("two listeners hear the same", [], async (bench) => {
    await using a = await listen(bench, bench.engine, bench.labels);
    await using b = await listen(bench, bench.engine, bench.labels);
    const name = await bench.start({ kind: "exit", code: 0, afterMs: 400 });
    await bench.engine.wait(name, bench);
    for (const listener of [a, b]) await listener.has("die");
    assert.deepEqual(a.actions(), b.actions());
  }),

  conformanceCase("events() end with the signal's reason, or when the listener leaves", [], async (bench) => {
    const cancel = new AbortController();
    const reason = new Error("enough");
    const iterate = async (signal: AbortSignal, onOpen: () => void): Promise<void> => {
      for await (const _ of bench.engine.events(bench.labels, { signal, onOpen })) return;
    };
    await rejectsBecause(
      iterate(cancel.signal, () => cancel.abort(reason)),
      reason,
    );
    const leaving = iterate(bench.signal, () => void bench.create(endNow));
    await leaving;
    await bench.engine.info(bench);
  }),
];

interface Listener extends AsyncDisposable {
  readonly events: readonly EngineEvent[];
  actions(): readonly string[];
  /** The first event of this action, as soon as it came. */
  has(action: string): Promise<EngineEvent>;
}

/** Listens until disposed; resolves once the engine is listening. */
async function listen(
  bench: Bench,
  engine: Engine,
  filter: LabelFilter,
  sinceMs?: number,
): Promise<Listener> {
  const events: EngineEvent[] = [];
  const stop = new AbortController();
  const opened = Promise.withResolvers<void>();
  const done = (async () => {
    const options = { signal: stop.signal, sinceMs, onOpen: () => opened.resolve() };
    for await (const event of engine.events(filter, options)) events.push(event);
  })();
  done.catch((error: unknown) => opened.reject(error));
  await opened.promise;
  return {
    events,
    actions: () => events.map((event) => event.action),
    has: (action) =>
      bench.eventually(
        async () => events.find((event) => event.action === action),
        `no "${action}" among: ${events.map((event) => event.action).join(", ")}`,
      ),
    async [Symbol.asyncDispose]() {
      stop.abort(new Error("listened enough"));
      await Promise.allSettled([done]);
    },
  };
}
