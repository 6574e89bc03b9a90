import { join } from "node:path";
import { deadlineSignal } from "../../async/signals.ts";
import { isLashError, LashError, messageOf } from "../../model/errors.ts";
import { EngineClient, type EngineGreeting } from "../engine-api/client.ts";
import {
  dockerConfigFolder,
  type Environment,
  homeFolder,
  readDockerConfig,
} from "../engine-api/docker-config.ts";
import { type Endpoint, parseEndpoint, unixEndpoint } from "../engine-api/endpoint.ts";
import { permissionHint, reasonOf } from "../engine-api/errors.ts";
import { contextEndpoint, readTls } from "./context.ts";

/** Where an engine would be whose socket is known. */
export { unixEndpoint };

/** Looking must not take long: a stopped engine's socket still connects and never answers. */
const lookDeadlineMs = 10_000;

/** One place where an engine was looked for, and why there was none. */
export interface Tried {
  readonly endpoint: string;
  /** What named it: "DOCKER_HOST", `docker context "x"`, "default". */
  readonly source: string;
  /** Node's code, "" if there is none. */
  readonly code: string;
  readonly reason: string;
}

export interface FoundEngine {
  readonly endpoint: Endpoint;
  readonly source: string;
  readonly driver: "docker" | "podman";
  /** For `openDocker` and `openPodman`: saves asking again. */
  readonly greeting: EngineGreeting;
  /** Places looked at before without success. */
  readonly tried: readonly Tried[];
}

interface Place {
  readonly endpoint: Endpoint;
  readonly source: string;
}

/**
 * Finds the engine as the docker CLI does, then looks where rootless Docker, Docker Desktop and Podman listen. What
 * DOCKER_HOST, DOCKER_CONTEXT, the current context or CONTAINER_HOST name is final: no other engine is taken instead.
 * Rejects with `engine-unreachable`, or `engine-permission` when a socket is there but not for us (`data.tried` lists
 * every place with its reason), or with `engine-api-version` when what is there is too old.
 */
export async function findEngine(options: {
  readonly env: Environment;
  readonly signal: AbortSignal;
}): Promise<FoundEngine> {
  const { env, signal } = options;
  const named = await namedPlace(env);
  const tried: Tried[] = [];
  for (const place of named === undefined ? usualPlaces(env) : [named]) {
    const greeting = await look(place, signal);
    if ("apiVersion" in greeting) {
      const driver = greeting.server.startsWith("Libpod") ? "podman" : "docker";
      return { ...place, driver, greeting, tried };
    }
    tried.push(greeting);
  }
  throw notFound(tried, named);
}

/** What the person chose; undefined when nothing is chosen. */
async function namedPlace(env: Environment): Promise<Place | undefined> {
  const host = env["DOCKER_HOST"] ?? "";
  if (host !== "") {
    return {
      source: "DOCKER_HOST",
      endpoint: parseEndpoint(host, "DOCKER_HOST", await tlsFromEnvironment(env)),
    };
  }
  const fromEnvironment = env["DOCKER_CONTEXT"] ?? "";
  const name =
    fromEnvironment === "" ? ((await readDockerConfig(env)).currentContext ?? "") : fromEnvironment;
  if (name !== "" && name !== "default") {
    const source = fromEnvironment === "" ? "docker's config.json" : "DOCKER_CONTEXT";
    return { source: `docker context "${name}"`, endpoint: await contextEndpoint(name, source, env) };
  }
  // "default" is a choice too, but of what docker itself would take, which is where we look first anyway.
  const container = env["CONTAINER_HOST"] ?? "";
  if (container === "") return undefined;
  return { source: "CONTAINER_HOST", endpoint: parseEndpoint(container, "CONTAINER_HOST", undefined) };
}

/** The docker CLI's rule: DOCKER_TLS_VERIFY turns TLS and verification on, DOCKER_TLS TLS alone. */
async function tlsFromEnvironment(env: Environment): ReturnType<typeof readTls> {
  const verify = (env["DOCKER_TLS_VERIFY"] ?? "") !== "";
  if (!verify && (env["DOCKER_TLS"] ?? "") === "") return undefined;
  const folder = env["DOCKER_CERT_PATH"] || dockerConfigFolder(env);
  return (await readTls(folder, verify)) ?? { verify };
}

/** Where engines listen when nobody says otherwise. The root-owned one first, as the docker CLI does. */
function usualPlaces(env: Environment): readonly Place[] {
  const runtime = env["XDG_RUNTIME_DIR"] ?? "";
  const ofRuntime = (path: string): string[] => (runtime === "" ? [] : [join(runtime, path)]);
  const sockets = [
    "/var/run/docker.sock",
    ...ofRuntime("docker.sock"),
    join(homeFolder(env), ".docker/run/docker.sock"),
    ...ofRuntime("podman/podman.sock"),
    "/run/podman/podman.sock",
  ];
  return sockets.map((path) => ({ source: "default", endpoint: unixEndpoint(path) }));
}

async function look({ endpoint, source }: Place, signal: AbortSignal): Promise<EngineGreeting | Tried> {
  using client = new EngineClient(endpoint);
  const seconds = lookDeadlineMs / 1000;
  using deadline = deadlineSignal(signal, lookDeadlineMs, () =>
    Object.assign(new Error(`what listens there did not answer within ${seconds} s`), { code: "ETIMEDOUT" }),
  );
  try {
    return await client.greet(deadline.signal);
  } catch (error) {
    signal.throwIfAborted();
    // An engine is there, of another time: looking on would hide that.
    if (isLashError(error, "engine-api-version")) throw error;
    const cause = isLashError(error) && error.cause !== undefined ? error.cause : error;
    const code = isLashError(error) ? error.data["code"] : (error as { readonly code?: unknown }).code;
    return {
      endpoint: endpoint.text,
      source,
      code: typeof code === "string" ? code : "",
      reason: isLashError(cause) ? messageOf(cause) : reasonOf(cause),
    };
  }
}

function notFound(tried: readonly Tried[], named: Place | undefined): LashError {
  const denied = tried.find(({ code }) => code === "EACCES" || code === "EPERM");
  const data = { tried };
  if (denied !== undefined) {
    return new LashError(
      "engine-permission",
      `Cannot reach a container engine: no permission to use ${denied.endpoint}`,
      {
        data,
        hint: permissionHint,
      },
    );
  }
  if (named !== undefined) {
    const reason = tried[0]?.reason ?? "";
    return new LashError(
      "engine-unreachable",
      `Cannot reach the container engine at ${named.endpoint.text}, named by ${named.source}: ${reason}`,
      { data, hint: `Start that engine, or change ${named.source}` },
    );
  }
  return new LashError(
    "engine-unreachable",
    `Cannot find a container engine: looked at ${tried.length} sockets`,
    {
      data,
      hint: "Start Docker or Podman (`podman system service`), or name an engine with DOCKER_HOST",
    },
  );
}
