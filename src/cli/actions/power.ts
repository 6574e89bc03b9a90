import type { StackHandle } from "../../app/types.ts";
import type { InputOf } from "../command.ts";
import type { restartCommand, startCommand, stopCommand } from "../commands/power.ts";
import type { Context } from "../context.ts";
import { progressOf } from "../progress-of.ts";
import { knownResources } from "../resource-names.ts";
import { openNamedStack } from "../stack-source.ts";

export async function start(context: Context, input: InputOf<typeof startCommand>): Promise<number> {
  const { signal, killSignal } = context;
  return await act(context, "start", input.arguments, (handle, names) =>
    handle.start(names, { signal, killSignal }),
  );
}

export async function stop(context: Context, input: InputOf<typeof stopCommand>): Promise<number> {
  const options = { signal: context.signal, killSignal: context.killSignal, graceMs: input.options.grace };
  return await act(context, "stop", input.arguments, (handle, names) => handle.stop(names, options));
}

export async function restart(context: Context, input: InputOf<typeof restartCommand>): Promise<number> {
  const options = { signal: context.signal, killSignal: context.killSignal, graceMs: input.options.grace };
  return await act(context, "restart", input.arguments, (handle, names) => handle.restart(names, options));
}

async function act(
  context: Context,
  title: string,
  wanted: readonly string[],
  work: (handle: StackHandle, names: readonly string[]) => Promise<void>,
): Promise<number> {
  const { output } = context;
  const goal = title === "stop" ? "stopped" : "ready";
  await using handle = await openNamedStack(context);
  const names = knownResources(handle.stack, wanted) ?? handle.stack.resources.map((each) => each.name);
  const shown = async (): Promise<void> => {
    using _view = progressOf(context, handle, { title, goal, names, silent: output.json });
    await work(handle, names);
  };
  await shown();
  if (output.json) await output.document({ done: title, resources: names });
  return 0;
}
