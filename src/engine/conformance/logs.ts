import assert from "node:assert/strict";
import type { LogEntry } from "../facts.ts";
import { type Bench, collect, conformanceCase, endNow, rejectsBecause, rejectsWith, serve } from "./bench.ts";
import type { Behaviour, ConformanceCase } from "./harness.ts";

/** Output. */
export const logCases: readonly ConformanceCase[] = [
  conformanceCase("logs() keeps the streams apart and the lines whole", [], async (bench) => {
    const lines = ["out 1", "err 1", "", "  spaced  ", "häuser 家 🏠", "a=b 'c' \"d\" $e"];
    const printed = lines.map(
      (text, index) => ({ stream: index % 2 === 0 ? "stdout" : "stderr", text }) as const,
    );
    const name = await ended(bench, { kind: "write lines", lines: printed, unterminated: false });
    const entries = await read(bench, name, lines.length);
    for (const stream of ["stdout", "stderr"] as const) {
      const texts = entries.filter((each) => each.stream === stream).map((each) => each.text);
      assert.deepEqual(
        texts,
        printed.filter((each) => each.stream === stream).map((each) => each.text),
      );
    }
    for (const { at } of entries) {
      assert.match(at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/);
      assert.ok(Math.abs(Date.parse(at) - Date.now()) < 60_000, `written at ${at}`);
    }
  }),

  conformanceCase("logs() of what wrote nothing is empty", [], async (bench) => {
    const never = await bench.create(endNow, {}, "never");
    assert.deepEqual(await bench.output(never), []);
    const silent = await ended(bench, endNow);
    assert.deepEqual(await bench.output(silent), []);
    assert.deepEqual(await collect(bench.engine.logs(silent, { signal: bench.signal, follow: true })), []);
  }),

  conformanceCase("logs() gives a last line without its end", [], async (bench) => {
    const lines = [
      { stream: "stdout", text: "whole" },
      { stream: "stdout", text: "cut o" },
    ] as const;
    const name = await ended(bench, { kind: "write lines", lines, unterminated: true });
    assert.deepEqual(texts(await read(bench, name, 2)), ["whole", "cut o"]);
  }),

  conformanceCase("logs() gives the last lines only, if asked", [], async (bench) => {
    const name = await ended(bench, { kind: "count", count: 50 });
    await read(bench, name, 50);
    const tail = async (count: number): Promise<readonly string[]> =>
      texts(await collect(bench.engine.logs(name, { signal: bench.signal, follow: false, tail: count })));
    assert.deepEqual(await tail(3), ["line 48", "line 49", "line 50"]);
    assert.deepEqual(await tail(1), ["line 50"]);
    assert.equal((await tail(500)).length, 50);
    assert.deepEqual(await tail(0), []);
  }),

  conformanceCase("logs() gives what came after a moment only, if asked", [], async (bench) => {
    const name = await bench.start({ kind: "tick", everyMs: 2100, count: 3 });
    await bench.engine.wait(name, bench);
    const all = await read(bench, name, 3);
    const second = all[1];
    assert.ok(second !== undefined);
    // Between two lines: whether one written exactly at the moment belongs to it, engines answer differently. Over a
    // second away from both, since Podman stamps and compares whole seconds.
    const since = new Date(Date.parse(second.at) + 1100).toISOString();
    const options = { signal: bench.signal, follow: false, since };
    assert.deepEqual(texts(await collect(bench.engine.logs(name, options))), ["tick 3"]);
    const later = { ...options, since: new Date(Date.now() + 3_600_000).toISOString() };
    assert.deepEqual(await collect(bench.engine.logs(name, later)), []);
  }),

  conformanceCase("logs() follows until the end", [], async (bench) => {
    const name = await bench.start({ kind: "tick", everyMs: 100, count: 5 });
    const arrived: number[] = [];
    const lines: string[] = [];
    for await (const { text } of bench.engine.logs(name, { signal: bench.signal, follow: true })) {
      lines.push(text);
      arrived.push(performance.now());
    }
    assert.deepEqual(lines, ["tick 1", "tick 2", "tick 3", "tick 4", "tick 5"]);
    assert.ok((arrived[4] ?? 0) - (arrived[0] ?? 0) > 100, "the lines came all at once, at the end");
    await bench.engine.wait(name, bench);
  }),

  conformanceCase("logs() follows from the last lines on", [], async (bench) => {
    const name = await bench.start({ kind: "tick", everyMs: 200, count: 6 });
    await bench.eventually(async () => (await bench.output(name)).length >= 3, "no ticks");
    const lines = texts(
      await collect(bench.engine.logs(name, { signal: bench.signal, follow: true, tail: 1 })),
    );
    assert.ok(lines.length >= 1 && lines.length <= 4, `got ${lines.join(", ")}`);
    assert.equal(lines.at(-1), "tick 6");
  }),

  conformanceCase("logs() loses none of ten thousand lines", [], async (bench) => {
    const name = await ended(bench, { kind: "count", count: 10_000 });
    assert.deepEqual(texts(await read(bench, name, 10_000)), tenThousand());
  }),

  conformanceCase("logs() followed loses none of ten thousand lines", ["follow-fast"], async (bench) => {
    const name = await bench.start({ kind: "count", count: 10_000 });
    const followed = texts(await collect(bench.engine.logs(name, { signal: bench.signal, follow: true })));
    assert.deepEqual(followed, tenThousand());
  }),

  conformanceCase("logs() gives a long line as one", ["long-lines"], async (bench) => {
    const text = "0123456789".repeat(4000);
    const lines = [
      { stream: "stdout", text },
      { stream: "stdout", text: "after" },
    ] as const;
    const name = await ended(bench, { kind: "write lines", lines, unterminated: false });
    const entries = await read(bench, name, 2);
    assert.deepEqual(
      texts(entries).map((each) => each.length),
      [40_000, 5],
    );
    assert.equal(entries[0]?.text, text);
  }),

  conformanceCase("logs() keeps what earlier runs wrote", [], async (bench) => {
    const name = await ended(bench, { kind: "count", count: 2 });
    await read(bench, name, 2);
    await bench.engine.start(name, bench);
    await bench.engine.wait(name, bench);
    assert.deepEqual(texts(await read(bench, name, 4)), ["line 1", "line 2", "line 1", "line 2"]);
  }),

  conformanceCase("logs() followed by several gives each of them everything", [], async (bench) => {
    const name = await bench.start({ kind: "tick", everyMs: 50, count: 6 });
    const follow = (): Promise<readonly LogEntry[]> =>
      collect(bench.engine.logs(name, { signal: bench.signal, follow: true }));
    for (const entries of await Promise.all([follow(), follow(), follow()])) assert.equal(entries.length, 6);
  }),

  conformanceCase("logs() ends with the signal's reason, or when its reader leaves", [], async (bench) => {
    const name = await bench.serving(serve);
    const cancel = new AbortController();
    const reason = new Error("enough");
    const reading = (async () => {
      for await (const _ of bench.engine.logs(name, { signal: cancel.signal, follow: true }))
        cancel.abort(reason);
    })();
    await rejectsBecause(reading, reason);
    for await (const _ of bench.engine.logs(name, { signal: bench.signal, follow: true })) break;
    assert.equal(await bench.state(name), "running");
  }),

  conformanceCase("logs() of what is absent is refused", [], async (bench) => {
    const reading = collect(bench.engine.logs(bench.name("absent"), { signal: bench.signal, follow: false }));
    await rejectsWith(reading, "engine-not-found");
  }),
];

function tenThousand(): readonly string[] {
  return Array.from({ length: 10_000 }, (_, index) => `line ${index + 1}`);
}

async function ended(bench: Bench, behaviour: Behaviour): Promise<string> {
  const name = await bench.start(behaviour);
  await bench.engine.wait(name, bench);
  return name;
}

/** Output is complete a moment after the end only, on some engines. */
function read(bench: Bench, name: string, count: number): Promise<readonly LogEntry[]> {
  return bench.eventually(async () => {
    const entries = await collect(bench.engine.logs(name, { signal: bench.signal, follow: false }));
    return entries.length >= count ? entries : undefined;
  }, `"${name}" did not write ${count} lines`);
}

function texts(entries: readonly LogEntry[]): readonly string[] {
  return entries.map((each) => each.text);
}
