import type { Stack } from "../model/stack.ts";
import { ensureSecrets, readSecrets } from "../state/secrets.ts";

/** Passwords Lash made up for managed resources. */
export interface GeneratedSecrets {
  /** The password of a resource; a placeholder until `ensure` has made it. */
  readonly get: (resource: string) => string;
  readonly values: () => readonly string[];
  /** Makes the missing ones and keeps them in `.lash/`. */
  readonly ensure: () => Promise<void>;
}

/** Before a password exists, plans and lists show this. */
const placeholder = "generated-at-first-up";

const managedKinds = new Set(["postgres", "mysql", "mariadb", "redis"]);

/** Reads what was generated before; generates nothing until asked to. */
export async function generatedSecrets(stack: Stack): Promise<GeneratedSecrets> {
  const wanted = stack.resources
    .filter(({ kind, declared }) => managedKinds.has(kind) && declared["password"] === undefined)
    .map(({ name }) => name);
  let known: Readonly<Record<string, string>> = wanted.length === 0 ? {} : await readSecrets(stack.directory);
  return {
    get: (resource) => known[resource] ?? placeholder,
    values: () => Object.values(known),
    ensure: async () => {
      if (wanted.every((name) => name in known)) return;
      known = await ensureSecrets(stack.directory, wanted);
    },
  };
}
