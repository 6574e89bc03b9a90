import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { LashError } from "../../model/errors.ts";
import { collect, conformanceCase, rejectsBecause, serve } from "./bench.ts";
import type { ConformanceCase } from "./harness.ts";

/** Signals. */
export const cancelCases: readonly ConformanceCase[] = [
  conformanceCase(
    "a signal that was aborted before: every call rejects and does nothing",
    [],
    async (bench) => {
      const { engine } = bench;
      const name = await bench.serving(serve);
      const before = await bench.facts(name);
      const reason = new LashError("cancelled", "Cannot go on: the test says so");
      const signal = AbortSignal.abort(reason);
      const calls = [
        engine.info({ signal }),
        engine.list({}, { signal }),
        engine.inspect(name, { signal }),
        engine.create(bench.spec(bench.name("never"), serve), { signal }),
        engine.start(name, { signal }),
        engine.stop(name, { signal, graceMs: 100 }),
        engine.kill(name, { signal, signalName: "SIGKILL" }),
        engine.remove(name, { signal }),
        engine.rename(name, { signal, name: bench.name("never") }),
        engine.wait(name, { signal }),
        collect(engine.logs(name, { signal, follow: false })),
        collect(engine.events({}, { signal })),
      ];
      for (const call of calls) await rejectsBecause(call, reason);
      assert.deepEqual(await bench.facts(name), before);
      assert.equal(await bench.state(bench.name("never")), "absent");
    },
  ),

  conformanceCase("wait() cancelled leaves it running and the engine usable", [], async (bench) => {
    const name = await bench.serving(serve);
    const reason = new LashError("timed-out", "Cannot wait longer: the test says so");
    for (const _ of [1, 2, 3]) {
      const cancel = new AbortController();
      const waiting = bench.engine.wait(name, { signal: cancel.signal });
      setTimeout(() => cancel.abort(reason), 50);
      await rejectsBecause(waiting, reason);
    }
    assert.equal(await bench.state(name), "running");
  }),

  conformanceCase("stop() cancelled rejects at once; asked again it completes", [], async (bench) => {
    const name = await bench.serving({ kind: "stubborn" });
    const cancel = new AbortController();
    const reason = new Error("enough");
    const stopping = bench.engine.stop(name, { signal: cancel.signal, graceMs: 3000 });
    setTimeout(() => cancel.abort(reason), 100);
    const begun = performance.now();
    await rejectsBecause(stopping, reason);
    assert.ok(performance.now() - begun < 2500, "it waited for the grace");
    await bench.engine.stop(name, { signal: bench.signal, graceMs: 100 });
    assert.notEqual(await bench.state(name), "running");
  }),

  conformanceCase("any call cut at any moment leaves the engine usable", [], async (bench) => {
    const { engine } = bench;
    const reason = new Error("cut");
    const name = bench.name();
    for (const afterMs of [0, 1, 2, 5, 10, 20]) {
      const steps: ((signal: AbortSignal) => Promise<unknown>)[] = [
        (signal) => engine.create(bench.spec(name, serve), { signal }),
        (signal) => engine.start(name, { signal }),
        (signal) => engine.inspect(name, { signal }),
        (signal) => engine.list(bench.labels, { signal }),
        (signal) => collect(engine.logs(name, { signal, follow: true })),
        (signal) => engine.stop(name, { signal, graceMs: 50 }),
        (signal) => engine.remove(name, { signal }),
      ];
      for (const step of steps) {
        const cancel = new AbortController();
        const timer = setTimeout(() => cancel.abort(reason), afterMs);
        // It may be done before it is cut, or be refused because an earlier step was: all that counts comes after.
        await Promise.race([Promise.allSettled([step(cancel.signal)]), sleep(10_000)]);
        clearTimeout(timer);
      }
    }
    const gone = async (): Promise<boolean> => {
      await engine.remove(name, bench);
      return (await bench.state(name)) === "absent";
    };
    await bench.eventually(gone, "it cannot be removed");
    // Under another name: Podman 4.3 keeps the name of a creation that was cut off in its storage.
    const again = await bench.serving(serve, {}, "again");
    await engine.stop(again, { signal: bench.signal, graceMs: 5000 });
    assert.equal(await bench.state(again), "exited");
  }),
];
