import type { StackHandle } from "../../app/types.ts";
import type { InputOf } from "../command.ts";
import type { runCommand } from "../commands/run.ts";
import type { Context } from "../context.ts";
import { isRecovery } from "../render/board.ts";
import { eventLines } from "../render/event-line.ts";
import { logText } from "../render/text.ts";
import { knownResources } from "../resource-names.ts";
import { openNamedStack } from "../stack-source.ts";

export async function runOnce(context: Context, input: InputOf<typeof runCommand>): Promise<number> {
  const { io, output, signal } = context;
  const [resource = "", ...command] = input.arguments;
  await using handle = await openNamedStack(context, { complete: true });
  knownResources(handle.stack, [resource]);
  using _recovery = showRecovery(context, handle);
  return await handle.run(resource, {
    signal,
    command: command.length === 0 ? undefined : command,
    onOutput(entry) {
      const stream = entry.stream === "stdout" ? io.stdout : io.stderr;
      const text = stream.isTTY ? logText(entry.text, output.paint.enabled) : entry.text;
      stream.write(`${text}\n`);
    },
  });
}

/** Standard output and progress are the command's own; only what is repaired on the way is said. */
function showRecovery({ output }: Context, handle: StackHandle): Disposable {
  const { json, talkPaint: paint, told } = output;
  if (json) return { [Symbol.dispose]: () => {} };
  const end = handle.onEvent((event) => {
    const lines = isRecovery(event)
      ? eventLines(event, { paint, nameColumns: 0, columns: undefined, told })
      : [];
    told.hear(event);
    for (const line of lines) output.talk(line);
  });
  return { [Symbol.dispose]: end };
}
