import { LashError } from "../../model/errors.ts";
import type { VariableUse } from "../../model/stack.ts";
import type { Context } from "../context.ts";
import { type Column, tableLines } from "../render/rows.ts";
import { plain } from "../render/text.ts";
import { readNamedStack } from "../stack-source.ts";

const columns: readonly Column[] = [
  { title: "VARIABLE", shrinks: "last" },
  { title: "FROM", shrinks: "never" },
  { title: "USED BY", shrinks: "first" },
];

export async function secretsCheck(context: Context): Promise<number> {
  const { output } = context;
  const stack = await readNamedStack(context);
  const missing = stack.variables.filter((each) => each.source === "missing");
  if (output.json) {
    await output.document({
      project: stack.project,
      variables: stack.variables,
      missing: missing.map((each) => each.name),
    });
    return missing.length === 0 ? 0 : 2;
  }
  if (stack.variables.length === 0) output.talk(`v "${plain(stack.project)}" needs no variables`);
  else
    await output.data(
      `${variableLines(stack.variables, output.stdoutIsTerminal ? output.columns() : undefined).join("\n")}\n`,
    );
  if (missing.length === 0) return 0;
  throw new LashError(
    "variable-missing",
    `Cannot start "${stack.project}": ${missing.map((each) => `"${each.name}"`).join(", ")} missing`,
    {
      data: { missing: missing.map((each) => each.name) },
      hint: "Set them in the environment, in .env, or in the secrets file",
    },
  );
}

function variableLines(variables: readonly VariableUse[], width: number | undefined): readonly string[] {
  const rows = variables.map((each) => [`${each.scheme}.${each.name}`, each.source, each.path].map(plain));
  return tableLines(columns, rows, { width, decorate: (text) => text });
}
