import { LashError } from "../model/errors.ts";

/** What an `up` is refused with while variables have no value. */
export function missingError(project: string, missing: readonly string[]): LashError {
  const what = missing.length === 1 ? "a variable is" : `${missing.length} variables are`;
  return new LashError(
    "variable-missing",
    `Cannot bring "${project}" up: ${what} missing: ${missing.join(", ")}`,
    {
      data: { missing },
      hint: "Set them in .env beside the manifest or in the environment; `lash secrets check` lists all",
    },
  );
}
