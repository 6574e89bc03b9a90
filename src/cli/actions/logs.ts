import { LashError } from "../../model/errors.ts";
import type { InputOf } from "../command.ts";
import type { logsCommand } from "../commands/logs.ts";
import type { Context } from "../context.ts";
import { logLines } from "../render/log-line.ts";
import { knownResources } from "../resource-names.ts";
import { openNamedStack } from "../stack-source.ts";
import { parseMoment } from "../values.ts";

export async function logs(context: Context, input: InputOf<typeof logsCommand>): Promise<number> {
  const { output, signal, clock } = context;
  const { options } = input;
  const since = sinceOf(options.since, clock.now());
  await using handle = await openNamedStack(context);
  const resources = knownResources(handle.stack, input.arguments);
  const line = logLines({
    paint: output.paint,
    names: resources ?? handle.stack.resources.map((each) => each.name),
    prefix: !options.noPrefix,
    timestamps: options.timestamps,
  });
  try {
    for await (const { resource, entry } of handle.logs({
      signal,
      resources,
      follow: options.follow,
      tail: options.tail,
      since,
    })) {
      if (output.json) await output.jsonLine({ resource, ...entry });
      else await output.data(line(resource, entry));
      if (signal.aborted) break;
    }
  } catch (thrown) {
    // Following ends by interrupting it: that is how it is done, not a failure.
    if (!options.follow || !signal.aborted) throw thrown;
  }
  return 0;
}

function sinceOf(written: string | undefined, nowMs: number): string | undefined {
  if (written === undefined) return undefined;
  const since = parseMoment(written, nowMs);
  if (since !== undefined) return since;
  throw new LashError(
    "usage",
    `Cannot read --since: expected a time such as "10m" or a date, found "${written}"`,
  );
}
