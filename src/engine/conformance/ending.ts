import assert from "node:assert/strict";
import { conformanceCase, endNow, rejectsWith, serve } from "./bench.ts";
import type { ConformanceCase } from "./harness.ts";

/** Stopping, killing, removing, waiting for the end. */
export const endingCases: readonly ConformanceCase[] = [
  conformanceCase("stop() ends it before the grace is over", [], async (bench) => {
    const name = await bench.serving(serve);
    const begun = performance.now();
    await bench.engine.stop(name, { signal: bench.signal, graceMs: 20_000 });
    assert.ok(performance.now() - begun < 10_000, "it took the whole grace");
    const facts = await bench.facts(name);
    assert.equal(facts.state, "exited");
    assert.equal(facts.pid, undefined);
    assert.equal(facts.oomKilled, false);
    assert.ok(Date.parse(facts.finishedAt ?? "") >= Date.parse(facts.startedAt ?? ""));
  }),

  conformanceCase("stop() honours the grace, then kills", ["exit-codes"], async (bench) => {
    const name = await bench.serving({ kind: "stubborn" });
    const begun = performance.now();
    await bench.engine.stop(name, { signal: bench.signal, graceMs: 1000 });
    const tookMs = performance.now() - begun;
    assert.ok(tookMs >= 900, `killed after ${tookMs} ms`);
    assert.ok(tookMs < 8000, `killed only after ${tookMs} ms`);
    const facts = await bench.facts(name);
    assert.equal(facts.state, "exited");
    assert.equal(facts.exitCode, 137);
  }),

  conformanceCase(
    "stop() sends the stop signal of the specification",
    ["exit-codes", "stop-signal"],
    async (bench) => {
      const behaviour = { kind: "serve", on: "SIGUSR1", code: 10 } as const;
      const name = await bench.serving(behaviour, { stopSignal: "SIGUSR1" });
      await bench.engine.stop(name, { signal: bench.signal, graceMs: 10_000 });
      assert.equal((await bench.facts(name)).exitCode, 10);
    },
  ),

  conformanceCase("stop() of what is stopped, never started or absent is success", [], async (bench) => {
    const stop = (name: string): Promise<void> =>
      bench.engine.stop(name, { signal: bench.signal, graceMs: 1000 });
    const name = await bench.create(serve);
    await stop(name);
    assert.notEqual(await bench.state(name), "running");
    await bench.engine.start(name, bench);
    await stop(name);
    await stop(name);
    assert.equal(await bench.state(name), "exited");
    await stop(bench.name("absent"));
  }),

  conformanceCase("stop() asked twice at once stops it once", [], async (bench) => {
    const name = await bench.serving(serve);
    const stop = (): Promise<void> => bench.engine.stop(name, { signal: bench.signal, graceMs: 5000 });
    await Promise.all([stop(), stop()]);
    assert.equal(await bench.state(name), "exited");
  }),

  conformanceCase("kill() sends that signal", ["exit-codes"], async (bench) => {
    const name = await bench.serving(serve);
    await bench.engine.kill(name, { signal: bench.signal, signalName: "SIGTERM" });
    assert.equal((await bench.engine.wait(name, bench)).exitCode, 143);
  }),

  conformanceCase("kill() with SIGKILL ends what ignores everything else", ["exit-codes"], async (bench) => {
    const name = await bench.serving({ kind: "stubborn" });
    await bench.engine.kill(name, { signal: bench.signal, signalName: "SIGTERM" });
    assert.equal(await bench.state(name), "running");
    await bench.engine.kill(name, { signal: bench.signal, signalName: "SIGKILL" });
    assert.equal((await bench.engine.wait(name, bench)).exitCode, 137);
  }),

  conformanceCase("kill() of what does not run or is absent is success", [], async (bench) => {
    const name = await bench.create(serve);
    await bench.engine.kill(name, { signal: bench.signal, signalName: "SIGKILL" });
    await bench.engine.kill(bench.name("absent"), { signal: bench.signal, signalName: "SIGKILL" });
    assert.equal(await bench.state(name), "created");
  }),

  conformanceCase("remove() takes it away in every state; absent is success", [], async (bench) => {
    const created = await bench.create(serve, {}, "created");
    const running = await bench.serving(serve, {}, "running");
    const ended = await bench.start(endNow, {}, "ended");
    await bench.engine.wait(ended, bench);
    for (const name of [created, running, ended]) {
      await bench.engine.remove(name, bench);
      assert.equal(await bench.state(name), "absent");
      await bench.engine.remove(name, bench);
    }
    await bench.engine.remove(bench.name("absent"), bench);
  }),

  conformanceCase("a removed one's name can be used again", [], async (bench) => {
    const name = await bench.serving(serve);
    const { id } = await bench.facts(name);
    await bench.engine.remove(name, bench);
    const again = await bench.engine.create(bench.spec(name, serve), bench);
    assert.notEqual(again.id, id);
    assert.equal(await bench.engine.inspect(id, bench), undefined);
  }),

  conformanceCase(
    "wait() gives the exit code, asked before and after the end",
    ["exit-codes"],
    async (bench) => {
      const name = await bench.start({ kind: "exit", code: 3, afterMs: 300 });
      const before = bench.engine.wait(name, bench);
      const other = bench.engine.wait(name, bench);
      for (const exit of [await before, await other, await bench.engine.wait(name, bench)]) {
        assert.equal(exit.exitCode, 3);
        assert.equal(exit.oomKilled, false);
      }
      const facts = await bench.facts(name);
      assert.equal(facts.state, "exited");
      assert.equal(facts.exitCode, 3);
    },
  ),

  ...[0, 1, 42, 125, 126, 127, 128, 255].map((code) =>
    conformanceCase(`exit code ${code} is told as it is`, ["exit-codes"], async (bench) => {
      const name = await bench.start({ kind: "exit", code, afterMs: 0 });
      assert.equal((await bench.engine.wait(name, bench)).exitCode, code);
      assert.equal((await bench.facts(name)).exitCode, code);
    }),
  ),

  conformanceCase("wait() ends when it is stopped meanwhile", [], async (bench) => {
    const name = await bench.serving(serve);
    const waiting = bench.engine.wait(name, bench);
    await bench.engine.stop(name, { signal: bench.signal, graceMs: 5000 });
    await waiting;
    assert.equal(await bench.state(name), "exited");
  }),

  conformanceCase("wait() ends when it is removed meanwhile", [], async (bench) => {
    const name = await bench.serving(serve);
    const waiting = Promise.allSettled([bench.engine.wait(name, bench)]);
    await bench.engine.remove(name, bench);
    const [result] = await waiting;
    // Told with the end, or told that it is gone: engines differ, and both are true.
    if (result.status === "rejected") await rejectsWith(Promise.reject(result.reason), "engine-not-found");
  }),

  conformanceCase("wait() for what is absent is refused", [], async (bench) => {
    await rejectsWith(bench.engine.wait(bench.name("absent"), bench), "engine-not-found");
  }),

  conformanceCase("the engine's own restarts are counted", ["restart-policy"], async (bench) => {
    const restart = { name: "on-failure", maximumRetryCount: 2 } as const;
    const name = await bench.start({ kind: "exit", code: 7, afterMs: 0 }, { restart });
    const done = async (): Promise<boolean> => {
      const { state, restartCount } = await bench.facts(name);
      return state === "exited" && restartCount === 2;
    };
    await bench.eventually(done, "it was not restarted twice");
    assert.equal((await bench.facts(name)).exitCode, 7);
  }),

  conformanceCase(
    "stop() ends the engine's own restarts",
    ["restart-policy", "restart-stop"],
    async (bench) => {
      const name = await bench.start({ kind: "exit", code: 7, afterMs: 0 }, { restart: { name: "always" } });
      await bench.eventually(async () => (await bench.facts(name)).restartCount >= 2, "it was not restarted");
      await bench.engine.stop(name, { signal: bench.signal, graceMs: 1000 });
      const { state, restartCount } = await bench.facts(name);
      assert.equal(state, "exited");
      await bench.engine.wait(name, bench);
      assert.equal((await bench.facts(name)).restartCount, restartCount);
    },
  ),
];
