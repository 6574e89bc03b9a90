import type { Context } from "../context.ts";
import { readNamedStack } from "../stack-source.ts";

export async function config(context: Context): Promise<number> {
  const { app, output } = context;
  const described = await app.configOf(await readNamedStack(context));
  if (output.json) {
    await output.document(described);
    return 0;
  }
  const { stringify } = await import("yaml");
  await output.data(stringify(described, { lineWidth: 0 }));
  return 0;
}
