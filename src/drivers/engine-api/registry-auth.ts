import { spawn } from "node:child_process";
import { deadlineSignal } from "../../async/signals.ts";
import { LashError } from "../../model/errors.ts";
import { type AuthEntry, type Environment, readDockerConfig } from "./docker-config.ts";
import { codeOf } from "./errors.ts";
import { dockerHub } from "./reference.ts";

/** A helper may ask a key chain that asks the person; a minute is what someone at the keyboard needs. */
const helperDeadlineMs = 60_000;
/** Docker Hub goes by its first address of 2013 wherever credentials are kept. */
const hubKey = "https://index.docker.io/v1/";

/** Credentials as the Engine API takes them. Never put into an error or a log. */
interface Credentials {
  readonly username?: string;
  readonly password?: string;
  readonly identitytoken?: string;
  readonly serveraddress: string;
}

interface AuthOptions {
  readonly env: Environment;
  readonly signal: AbortSignal;
}

/** The `X-Registry-Auth` value for a registry, as `docker login` stored it; undefined if the person has not logged in. */
export async function registryAuth(registry: string, options: AuthOptions): Promise<string | undefined> {
  const found = await credentialsFor(registry, options);
  return found === undefined ? undefined : encode(found);
}

/** The `X-Registry-Config` value of a build: credentials by registry; undefined if there are none. */
export async function registryConfig(
  registries: readonly string[],
  options: AuthOptions,
): Promise<string | undefined> {
  const found = await Promise.all(
    registries.map(async (registry) => await credentialsFor(registry, options)),
  );
  const known = found.filter((each) => each !== undefined);
  if (known.length === 0) return undefined;
  return encode(Object.fromEntries(known.map((each) => [each.serveraddress, each])));
}

async function credentialsFor(registry: string, options: AuthOptions): Promise<Credentials | undefined> {
  const config = await readDockerConfig(options.env);
  const key = registry === dockerHub ? hubKey : registry;
  const helper = config.credHelpers?.[registry] ?? config.credHelpers?.[key] ?? config.credsStore;
  const stored = helper === undefined || helper === "" ? undefined : await askHelper(helper, key, options);
  return stored ?? fromEntry(findEntry(config.auths ?? {}, registry), key);
}

/** With padding: moby 20.10 ignores the whole header without it. */
function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString("base64").replaceAll("+", "-").replaceAll("/", "_");
}

/** Entries carry the host alone or a whole address, depending on who wrote them. */
function findEntry(
  auths: Readonly<Record<string, AuthEntry | undefined>>,
  registry: string,
): AuthEntry | undefined {
  const wanted = registry === dockerHub ? ["index.docker.io", dockerHub] : [registry];
  for (const [key, entry] of Object.entries(auths)) {
    const host = key.replace(/^https?:\/\//, "").split("/")[0] ?? "";
    if (entry !== undefined && wanted.includes(host)) return entry;
  }
  return undefined;
}

function fromEntry(entry: AuthEntry | undefined, serveraddress: string): Credentials | undefined {
  if (entry === undefined) return undefined;
  const decoded = Buffer.from(entry.auth ?? "", "base64").toString("utf8");
  const colon = decoded.indexOf(":");
  const username = entry.username ?? (colon === -1 ? "" : decoded.slice(0, colon));
  // docker pads the decoded value with NUL bytes in old files.
  const password = entry.password ?? (colon === -1 ? "" : decoded.slice(colon + 1).replace(/\0+$/, ""));
  if (entry.identitytoken !== undefined && entry.identitytoken !== "") {
    return { username, identitytoken: entry.identitytoken, serveraddress };
  }
  return username === "" ? undefined : { username, password, serveraddress };
}

/** Runs `docker-credential-<helper> get`. What it prints is a secret: nothing of it reaches an error. */
async function askHelper(
  helper: string,
  key: string,
  { env, signal }: AuthOptions,
): Promise<Credentials | undefined> {
  const program = `docker-credential-${helper}`;
  const fail = (why: string, cause?: unknown): LashError =>
    new LashError("engine-refused", `Cannot get credentials for "${key}": ${program} ${why}`, {
      data: { helper: program, registry: key },
      hint: `Run \`docker login\`, or mend "credsStore" and "credHelpers" in docker's config.json`,
      cause,
    });
  using deadline = deadlineSignal(signal, helperDeadlineMs, () =>
    fail(`did not answer within ${helperDeadlineMs / 1000} s`),
  );
  const { code, output } = await run(program, key, env, deadline.signal).catch((cause: unknown) => {
    deadline.signal.throwIfAborted();
    throw fail(codeOf(cause) === "ENOENT" ? "is not installed" : `could not be run (${codeOf(cause)})`);
  });
  if (code !== 0) {
    // The protocol's own words for "has none"; helpers print them on standard output.
    if (/credentials not found/i.test(output)) return undefined;
    throw fail(`failed with exit code ${code}`);
  }
  let answer: { readonly Username?: unknown; readonly Secret?: unknown };
  try {
    answer = JSON.parse(output) as typeof answer;
  } catch {
    throw fail("answered with something that is no JSON");
  }
  const username = typeof answer.Username === "string" ? answer.Username : "";
  const secret = typeof answer.Secret === "string" ? answer.Secret : "";
  if (secret === "") return undefined;
  // "<token>" is the helpers' sign that the secret is an identity token.
  if (username === "<token>") return { identitytoken: secret, serveraddress: key };
  return { username, password: secret, serveraddress: key };
}

async function run(
  program: string,
  input: string,
  env: Environment,
  signal: AbortSignal,
): Promise<{ readonly code: number; readonly output: string }> {
  signal.throwIfAborted();
  return await new Promise((resolve, reject) => {
    const child = spawn(program, ["get"], {
      env: { ...env },
      stdio: ["pipe", "pipe", "ignore"],
      signal,
      killSignal: "SIGKILL",
    });
    const chunks: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
    child.stdin.on("error", () => {});
    child.once("error", reject);
    child.once("close", (code) =>
      resolve({ code: code ?? -1, output: Buffer.concat(chunks).toString("utf8") }),
    );
    child.stdin.end(input);
  });
}
