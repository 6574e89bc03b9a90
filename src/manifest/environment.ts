import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { LashError, messageOf } from "../model/errors.ts";
import { parseDotenv } from "./dotenv.ts";
import type { Manifest } from "./manifest.ts";
import type { Variables } from "./variables.ts";

export type { Variables } from "./variables.ts";

/** Where variables are read from. */
export interface EnvironmentOptions {
  readonly manifest: Pick<Manifest, "directory">;
  /** Environment file that has to exist; without it `.env` beside the manifest, which may be absent. */
  readonly envFile?: string | undefined;
  /**
   * File of `${secret.NAME}` values that has to exist; without it `.lash/secrets.env` beside the manifest, which may be
   * absent. Same grammar as an environment file.
   */
  readonly secretsFile?: string | undefined;
  /** The process environment. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Told what is risky, for example a secrets file that others can read. */
  readonly onWarning?: ((message: string) => void) | undefined;
}

/** Variables of a stack: the environment file wins over the process environment, and empty counts as unset. */
export async function readEnvironment(options: EnvironmentOptions): Promise<Variables> {
  const { directory } = options.manifest;
  const file = await readVariables(options.envFile ?? join(directory, ".env"), options.envFile !== undefined);
  const secretsPath = options.secretsFile ?? join(directory, ".lash", "secrets.env");
  const secrets = await readVariables(secretsPath, options.secretsFile !== undefined);
  if (secrets !== undefined) await warnOfOthers(secretsPath, options.onWarning);
  const env = new Map<string, { value: string; source: "env-file" | "environment" }>();
  for (const [name, value] of Object.entries(options.environment)) {
    if (value !== undefined) env.set(name, { value, source: "environment" });
  }
  for (const [name, value] of file ?? []) env.set(name, { value, source: "env-file" });
  return {
    env: new Map([...env].filter(([, { value }]) => value !== "")),
    secrets: new Map([...(secrets ?? [])].filter(([, value]) => value !== "")),
  };
}

async function readVariables(
  path: string,
  required: boolean,
): Promise<ReadonlyMap<string, string> | undefined> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    const isAbsent = cause instanceof Error && "code" in cause && cause.code === "ENOENT";
    if (isAbsent && !required) return undefined;
    const why = isAbsent ? "no such file" : messageOf(cause);
    throw new LashError("usage", `Cannot read environment file ${path}: ${why}`, {
      data: { file: path },
      cause,
    });
  }
  const { values, problems } = parseDotenv(text);
  const [first] = problems;
  if (first === undefined) return values;
  // What stands there is not repeated: it may be half of a secret.
  throw new LashError(
    "usage",
    `Cannot read environment file ${path}: line ${first.line}: expected ${first.expected}`,
    {
      data: { file: path, problems },
    },
  );
}

async function warnOfOthers(path: string, onWarning: ((message: string) => void) | undefined): Promise<void> {
  const { mode } = await stat(path);
  if ((mode & 0o077) !== 0) onWarning?.(`${path} can be read by others; run: chmod 600 ${path}`);
}
