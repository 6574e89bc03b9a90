import type { InputOf } from "../command.ts";
import type { runCommand } from "../commands/run.ts";
import type { Context } from "../context.ts";
import { logText } from "../render/text.ts";
import { knownResources } from "../resource-names.ts";
import { openNamedStack } from "../stack-source.ts";

export async function runOnce(context: Context, input: InputOf<typeof runCommand>): Promise<number> {
  const { io, output, signal } = context;
  const [resource = "", ...command] = input.arguments;
  await using handle = await openNamedStack(context, { complete: true });
  knownResources(handle.stack, [resource]);
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
