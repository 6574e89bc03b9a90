import assert from "node:assert/strict";
import type { ExecOptions } from "../engine.ts";
import { type Bench, conformanceCase, endNow, rejectsBecause, rejectsWith, serve } from "./bench.ts";
import type { CommandAction, ConformanceCase } from "./harness.ts";
import { oddValues, readVariables } from "./variables.ts";

/** Commands inside. */
export const commandCases: readonly ConformanceCase[] = [
  conformanceCase("exec() gives both streams and the exit code", ["exec"], async (bench) => {
    const name = await bench.serving(serve);
    const action = { kind: "print", stdout: "to out\n", stderr: "to err\n", code: 7 } as const;
    assert.deepEqual(await runInside(bench, name, action), {
      stdout: "to out\n",
      stderr: "to err\n",
      exitCode: 7,
    });
    const silent = { kind: "print", stdout: "", stderr: "", code: 0 } as const;
    assert.deepEqual(await runInside(bench, name, silent), { stdout: "", stderr: "", exitCode: 0 });
  }),

  conformanceCase("exec() gives a large output whole", ["exec"], async (bench) => {
    const name = await bench.serving(serve);
    const stdout = "0123456789".repeat(5000);
    const result = await runInside(bench, name, {
      kind: "print",
      stdout,
      stderr: "e".repeat(20_000),
      code: 0,
    });
    assert.equal(result.stdout, stdout);
    assert.equal(result.stderr.length, 20_000);
  }),

  conformanceCase("exec() tells the exit code also to who reads no output", ["exec"], async (bench) => {
    const name = await bench.serving(serve);
    const command = bench.harness.command({ kind: "print", stdout: "a\n", stderr: "b\n", code: 5 });
    await using session = await bench.engine.exec(name, { signal: bench.signal, command });
    const collected = (async () => {
      for await (const _ of session.output);
    })();
    assert.equal(await session.exitCode, 5);
    await collected;
  }),

  conformanceCase("exec() hands the input on and its end", ["exec", "exec-stdin"], async (bench) => {
    const name = await bench.serving(serve);
    const command = bench.harness.command({ kind: "echo input" });
    await using session = await bench.engine.exec(name, { signal: bench.signal, command, stdin: true });
    const text = `${"line of input 家\n".repeat(2000)}end`;
    const writing = (async () => {
      await session.write(new TextEncoder().encode(text));
      await session.endInput();
    })();
    assert.equal((await readAll(session.output)).stdout, text);
    await writing;
    assert.equal(await session.exitCode, 0);
  }),

  conformanceCase("exec() without input refuses to write some", ["exec"], async (bench) => {
    const name = await bench.serving(serve);
    const command = bench.harness.command({ kind: "run on" });
    await using session = await bench.engine.exec(name, { signal: bench.signal, command });
    await assert.rejects(session.write(new Uint8Array([65])));
  }),

  conformanceCase("exec() has the container's variables and its own", ["exec"], async (bench) => {
    const name = await bench.serving(serve, {
      env: { ...bench.harness.spec("x", serve).env, OURS: "1", BOTH: "old" },
    });
    const env = { ...oddValues, BOTH: "new" };
    const names = ["OURS", ...Object.keys(env), "ABSENT"];
    const { stdout } = await runInside(bench, name, { kind: "print variables", names }, { env });
    assert.deepEqual(readVariables(stdout.split("\n")), { OURS: "1", ...env, ABSENT: undefined });
  }),

  conformanceCase("exec() runs in the folder asked for", ["exec"], async (bench) => {
    const name = await bench.serving(serve);
    const workingDir = bench.harness.folder;
    const { stdout } = await runInside(bench, name, { kind: "print folder" }, { workingDir });
    assert.equal(stdout.trim(), workingDir);
  }),

  conformanceCase(
    "exec() of no such program is refused, or ends with 126 or 127",
    ["exec"],
    async (bench) => {
      const name = await bench.serving(serve);
      // Docker answers with an exit code or with an error, by version; a check treats both as failed.
      const work = runInside(bench, name, { kind: "no program" });
      const [result] = await Promise.allSettled([work]);
      if (result.status === "rejected") await rejectsWith(work, "engine-refused", "engine-not-found");
      else assert.ok([126, 127].includes(result.value.exitCode), `exit code ${result.value.exitCode}`);
      assert.equal(await bench.state(name), "running");
    },
  ),

  conformanceCase("exec() in what does not run, or is absent, is refused", ["exec"], async (bench) => {
    const command = bench.harness.command({ kind: "run on" });
    const exec = (name: string): Promise<unknown> =>
      bench.engine.exec(name, { signal: bench.signal, command });
    await rejectsWith(exec(bench.name("absent")), "engine-not-found");
    await rejectsWith(exec(await bench.create(serve, {}, "created")), "engine-conflict");
    const ended = await bench.start(endNow, {}, "ended");
    await bench.engine.wait(ended, bench);
    await rejectsWith(exec(ended), "engine-conflict");
  }),

  conformanceCase("exec() ten times at once keeps the answers apart", ["exec"], async (bench) => {
    const name = await bench.serving(serve);
    const runs = Array.from({ length: 10 }, (_, index) =>
      runInside(bench, name, { kind: "print", stdout: `${index}\n`, stderr: "", code: index }),
    );
    for (const [index, result] of (await Promise.all(runs)).entries()) {
      assert.deepEqual(result, { stdout: `${index}\n`, stderr: "", exitCode: index });
    }
  }),

  conformanceCase("exec() can be left: by disposal, and by its signal", ["exec"], async (bench) => {
    const name = await bench.serving(serve);
    const command = bench.harness.command({ kind: "run on" });
    const session = await bench.engine.exec(name, { signal: bench.signal, command });
    for await (const _ of session.output) break;
    await session[Symbol.asyncDispose]();
    const cancel = new AbortController();
    await using cancelled = await bench.engine.exec(name, { signal: cancel.signal, command });
    const reading = Promise.allSettled([readAll(cancelled.output)]);
    cancel.abort(new Error("enough"));
    await reading;
    assert.equal(await bench.state(name), "running");
    const after = await runInside(bench, name, { kind: "print", stdout: "fine", stderr: "", code: 0 });
    assert.equal(after.stdout, "fine");
  }),

  conformanceCase("exec() asked with an aborted signal rejects with its reason", ["exec"], async (bench) => {
    const name = await bench.serving(serve);
    const reason = new Error("before");
    const signal = AbortSignal.abort(reason);
    await rejectsBecause(bench.engine.exec(name, { signal, command: ["true"] }), reason);
  }),
];

interface Result {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

async function runInside(
  bench: Bench,
  name: string,
  action: CommandAction,
  more: Partial<ExecOptions> = {},
): Promise<Result> {
  const command = bench.harness.command(action);
  await using session = await bench.engine.exec(name, { signal: bench.signal, command, ...more });
  const output = await readAll(session.output);
  return { ...output, exitCode: await session.exitCode };
}

async function readAll(
  output: AsyncIterable<{ readonly stream: "stdout" | "stderr"; readonly data: Uint8Array }>,
): Promise<{ stdout: string; stderr: string }> {
  const parts = { stdout: new Array<Uint8Array>(), stderr: new Array<Uint8Array>() };
  for await (const { stream, data } of output) parts[stream].push(data);
  return { stdout: Buffer.concat(parts.stdout).toString(), stderr: Buffer.concat(parts.stderr).toString() };
}
