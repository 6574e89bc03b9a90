import { LashError } from "../../model/errors.ts";
import type { InputOf } from "../command.ts";
import type { completionCommand } from "../commands/completion.ts";
import { completionScript, isShell } from "../completion/script.ts";
import type { Context } from "../context.ts";

export async function completion(
  context: Context,
  input: InputOf<typeof completionCommand>,
): Promise<number> {
  const [shell = ""] = input.arguments;
  if (!isShell(shell)) {
    throw new LashError("usage", `Cannot complete for "${shell}": expected bash, zsh or fish`);
  }
  await context.output.data(completionScript(shell, context.commands));
  return 0;
}
