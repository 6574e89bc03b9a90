import type { InputOf } from "../command.ts";
import type { downCommand } from "../commands/down.ts";
import type { Context } from "../context.ts";
import { progressOf } from "../progress-of.ts";
import { plain } from "../render/text.ts";
import { openNamedStack } from "../stack-source.ts";

export async function down(context: Context, { options }: InputOf<typeof downCommand>): Promise<number> {
  const { output, signal, killSignal } = context;
  await using handle = await openNamedStack(context);
  const names = handle.stack.resources.map((each) => each.name);
  const work = async () => {
    using _view = progressOf(context, handle, {
      title: "down",
      goal: "stopped",
      names,
      silent: output.json,
    });
    return await handle.down({ signal, killSignal, volumes: options.volumes, graceMs: options.grace });
  };
  const result = await work();
  if (output.json) {
    await output.document(result);
    return 0;
  }
  const removed = result.removed.length + result.networks.length + result.volumes.length;
  output.talk(
    removed === 0
      ? "v nothing was there to remove"
      : `v removed ${[...result.removed, ...result.networks, ...result.volumes].map(plain).join(", ")}`,
  );
  if (result.kept.length > 0)
    output.talk(`  kept volumes ${result.kept.map(plain).join(", ")} (remove them with --volumes)`);
  return 0;
}
