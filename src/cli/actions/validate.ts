import type { Context } from "../context.ts";
import { plain, shortPath } from "../render/text.ts";
import { readNamedStack } from "../stack-source.ts";

export async function validate(context: Context): Promise<number> {
  const { output, io } = context;
  const stack = await readNamedStack(context);
  if (output.json) {
    await output.document({
      valid: true,
      manifest: stack.manifestPath,
      format: stack.format,
      project: stack.project,
      resources: stack.resources.map((each) => each.name),
    });
    return 0;
  }
  const count = stack.resources.length === 1 ? "1 resource" : `${stack.resources.length} resources`;
  output.talk(
    `v ${plain(shortPath(stack.manifestPath, io.cwd))}: project "${plain(stack.project)}", ${count}`,
  );
  return 0;
}
