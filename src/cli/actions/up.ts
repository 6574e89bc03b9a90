import type { StackHandle, SuperviseEnd, UpOptions, UpResult } from "../../app/types.ts";
import { LashError } from "../../model/errors.ts";
import type { InputOf } from "../command.ts";
import type { upCommand } from "../commands/up.ts";
import type { Context } from "../context.ts";
import { progressOf } from "../progress-of.ts";
import { planLines } from "../render/plan.ts";
import { pad, plain, shortPath, textWidth } from "../render/text.ts";
import { knownResources } from "../resource-names.ts";
import { openNamedStack } from "../stack-source.ts";
import { type Running, showRunning } from "./running.ts";

type Input = InputOf<typeof upCommand>;

export async function up(context: Context, input: Input): Promise<number> {
  await using handle = await openNamedStack(context, { complete: true });
  const options = upOptions(context, handle, input);
  if (input.options.plan) return await printPlan(context, handle, options);
  const sinceIso = new Date(context.clock.now()).toISOString();
  const result = await bringUp(context, handle, options);
  if (!context.output.json) announce(context, result);
  if (input.options.detach) return await detach(context, handle);
  return await stay(context, handle, { input, options, sinceIso });
}

function upOptions(
  { signal, killSignal }: Context,
  { stack }: StackHandle,
  { arguments: names, options }: Input,
): UpOptions {
  return {
    signal,
    killSignal,
    resources: knownResources(stack, names),
    noDependencies: options.noDependencies,
    build: options.build,
    pull: options.pull,
    forceRecreate: options.forceRecreate,
    removeOrphans: options.removeOrphans,
    keep: options.keep,
    adopt: options.adopt,
    timeoutMs: options.timeout,
    graceMs: options.grace,
  };
}

async function printPlan({ output }: Context, handle: StackHandle, options: UpOptions): Promise<number> {
  const plan = await handle.plan(options);
  if (output.json) await output.document(plan);
  else
    await output.data(
      planLines(plan, output.paint)
        .map((line) => `${line}\n`)
        .join(""),
    );
  return 0;
}

async function bringUp(context: Context, handle: StackHandle, options: UpOptions): Promise<UpResult> {
  const names = options.resources ?? handle.stack.resources.map((each) => each.name);
  using _view = progressOf(context, handle, { title: "up", goal: "ready", names, silent: false });
  return await handle.up(options);
}

/** The addresses to open. */
function announce({ output }: Context, { addresses }: UpResult): void {
  const columns = Math.max(0, ...addresses.map((each) => textWidth(plain(each.name))));
  for (const { name, url } of addresses) {
    output.talk(`  ${pad(plain(name), columns)}  ${output.talkPaint.as("bold", plain(url))}`);
  }
}

async function detach({ app, globals, io, output }: Context, handle: StackHandle): Promise<number> {
  const passed = [
    ["--project", globals.project],
    ["--env-file", globals.envFile],
    ["--secrets-file", globals.secretsFile],
    ...globals.profiles.map((each) => ["--profile", each]),
  ];
  const argv = [
    ...io.self,
    "--file",
    handle.stack.manifestPath,
    ...passed.flatMap(([flag, value]) => (flag === undefined || value === undefined ? [] : [flag, value])),
    "supervise",
  ];
  const { pid, log } = await app.detachSupervisor(handle, { argv });
  if (output.json) await output.jsonLine({ type: "supervisor_started", pid, log });
  else
    output.talk(`  supervised in the background by process ${pid}, log in ${plain(shortPath(log, io.cwd))}`);
  return 0;
}

interface Stay {
  readonly input: Input;
  readonly options: UpOptions;
  /** Only output from then on is followed. */
  readonly sinceIso: string;
}

/** Follows logs and supervises until a signal, a `down` from elsewhere or the end of all; then brings it down. */
async function stay(
  context: Context,
  handle: StackHandle,
  { input, options, sinceIso }: Stay,
): Promise<number> {
  const running = showRunning(context, handle, { resources: options.resources, sinceIso });
  let end: SuperviseEnd;
  try {
    end = await handle.supervise({ signal: context.signal });
  } catch (thrown) {
    if (!context.signal.aborted) throw thrown;
    end = { reason: "signal" };
  } finally {
    running.stopTalking();
  }
  try {
    return await leave(context, handle, { end, input, running });
  } finally {
    await running.close();
  }
}

interface Leave {
  readonly end: SuperviseEnd;
  readonly input: Input;
  readonly running: Running;
}

async function leave(context: Context, handle: StackHandle, { end, input, running }: Leave): Promise<number> {
  switch (end.reason) {
    case "down":
      say(context, "brought down from elsewhere");
      return 0;
    case "released":
      say(context, "handed over: another Lash supervises it now");
      return 0;
    case "signal":
      await takeDown(context, handle, { input, running });
      return 0;
    case "all-ended":
      if (!input.options.keep) await takeDown(context, handle, { input, running });
      if (end.failures.length === 0) return 0;
      throw new LashError(
        "resource-failed",
        `Cannot keep "${handle.stack.project}" up: every resource has ended`,
        {
          data: { failures: end.failures },
        },
      );
  }
}

async function takeDown(
  context: Context,
  handle: StackHandle,
  { input, running }: Pick<Leave, "input" | "running">,
): Promise<void> {
  const names = handle.stack.resources.map((each) => each.name);
  using view = progressOf(context, handle, { title: "down", goal: "stopped", names, silent: false });
  running.printBy(view.above);
  try {
    await handle.down({ killSignal: context.killSignal, graceMs: input.options.grace });
  } finally {
    await running.close();
  }
}

function say({ output }: Context, text: string): void {
  if (!output.json) output.talk(`- ${text}`);
}
