/** Values that a manifest's `${env.NAME}` and `${secret.NAME}` read. None is empty: empty counts as unset. */
export interface Variables {
  readonly env: ReadonlyMap<string, { readonly value: string; readonly source: "env-file" | "environment" }>;
  /** From the secrets file. */
  readonly secrets: ReadonlyMap<string, string>;
}

/** No variable at all. */
export const noVariables: Variables = { env: new Map(), secrets: new Map() };
