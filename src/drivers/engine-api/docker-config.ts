import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { LashError } from "../../model/errors.ts";
import { codeOf } from "./errors.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** The docker CLI's configuration, as far as we read it. */
export interface DockerConfig {
  readonly auths?: Readonly<Record<string, AuthEntry | undefined>>;
  readonly credsStore?: string;
  readonly credHelpers?: Readonly<Record<string, string | undefined>>;
  readonly currentContext?: string;
}

export interface AuthEntry {
  readonly auth?: string;
  readonly username?: string;
  readonly password?: string;
  readonly identitytoken?: string;
}

/** The person's home folder. */
export function homeFolder(env: Environment): string {
  return env["HOME"] || homedir();
}

/** Folder of the docker CLI's configuration. */
export function dockerConfigFolder(env: Environment): string {
  return env["DOCKER_CONFIG"] || join(homeFolder(env), ".docker");
}

/** The docker CLI's configuration; empty when there is none. Rejects with `usage` when it cannot be read. */
export async function readDockerConfig(env: Environment): Promise<DockerConfig> {
  const file = join(dockerConfigFolder(env), "config.json");
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (cause) {
    if (["ENOENT", "ENOTDIR"].includes(codeOf(cause))) return {};
    throw unreadable(file, codeOf(cause), cause);
  }
  try {
    const parsed = JSON.parse(text) as unknown;
    return typeof parsed === "object" && parsed !== null ? parsed : {};
  } catch {
    // The parser's message quotes the text, which holds credentials.
    throw unreadable(file, "it is no JSON", undefined);
  }
}

function unreadable(file: string, why: string, cause: unknown): LashError {
  return new LashError("usage", `Cannot read docker's configuration "${file}": ${why}`, {
    data: { file },
    hint: "Mend the file, or set DOCKER_CONFIG to another folder",
    cause,
  });
}
