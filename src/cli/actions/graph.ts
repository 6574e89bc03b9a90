import type { InputOf } from "../command.ts";
import type { graphCommand } from "../commands/manifest.ts";
import type { Context } from "../context.ts";
import { readNamedStack } from "../stack-source.ts";

export async function graph(context: Context, { options }: InputOf<typeof graphCommand>): Promise<number> {
  const { app, output } = context;
  const stack = await readNamedStack(context);
  if (output.json) {
    const resources = stack.resources.map(({ name, kind, dependsOn }) => ({ name, kind, dependsOn }));
    await output.document({ project: stack.project, resources });
    return 0;
  }
  const text = await app.graphText(stack, options.format);
  await output.data(text.endsWith("\n") ? text : `${text}\n`);
  return 0;
}
