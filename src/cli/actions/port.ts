import { LashError } from "../../model/errors.ts";
import type { InputOf } from "../command.ts";
import type { portCommand } from "../commands/port.ts";
import type { Context } from "../context.ts";
import { type PublishedPort, parsePublishedPort } from "../published-port.ts";
import { knownResources } from "../resource-names.ts";
import { openNamedStack } from "../stack-source.ts";

export async function port(context: Context, input: InputOf<typeof portCommand>): Promise<number> {
  const { output, signal } = context;
  const [resource = "", wanted] = input.arguments;
  await using handle = await openNamedStack(context);
  knownResources(handle.stack, [resource]);
  const views = await handle.list({ signal, urls: false });
  const published = views
    .filter((view) => view.name === resource)
    .flatMap((view) => view.ports)
    .flatMap((text) => parsePublishedPort(text) ?? [])
    .filter((each) => wanted === undefined || matches(each, wanted));
  if (published.length === 0) {
    const what = wanted === undefined ? "a port" : `port ${wanted}`;
    throw new LashError(
      "resource-failed",
      `Cannot tell where ${what} of "${resource}" is: it publishes none now`,
      {
        data: { resource, port: wanted ?? null },
        hint: "See what runs and where: lash ps",
      },
    );
  }
  if (output.json) {
    await output.document(published);
    return 0;
  }
  const lines = published.map((each) =>
    wanted === undefined ? `${each.inside} -> ${each.address}` : each.address,
  );
  await output.data(`${lines.join("\n")}\n`);
  return 0;
}

function matches(published: PublishedPort, wanted: string): boolean {
  return published.inside === (wanted.includes("/") ? wanted : `${wanted}/tcp`);
}
