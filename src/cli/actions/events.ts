import type { InputOf } from "../command.ts";
import type { eventsCommand } from "../commands/events.ts";
import type { Context } from "../context.ts";
import { eventLines } from "../render/event-line.ts";
import { nameColumnsOf } from "../render/progress.ts";
import { Told } from "../render/told.ts";
import { knownResources } from "../resource-names.ts";
import { openNamedStack } from "../stack-source.ts";

export async function events(context: Context, input: InputOf<typeof eventsCommand>): Promise<number> {
  const { output, signal } = context;
  await using handle = await openNamedStack(context);
  const wanted = knownResources(handle.stack, input.arguments);
  const nameColumns = nameColumnsOf(handle.stack.resources.map((each) => each.name));
  const told = new Told();
  try {
    for await (const event of handle.events({ signal })) {
      if (wanted !== undefined && (!("name" in event) || !wanted.includes(event.name))) continue;
      if (output.json) {
        await output.jsonLine(event);
        continue;
      }
      const lines = eventLines(event, { paint: output.paint, nameColumns, columns: undefined, told });
      told.hear(event);
      for (const line of lines) await output.data(`${output.paint.as("dim", event.at)} ${line}\n`);
    }
  } catch (thrown) {
    if (!signal.aborted) throw thrown;
  }
  return 0;
}
