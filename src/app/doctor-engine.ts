import { constants } from "node:fs";
import { access } from "node:fs/promises";
import type { EngineInfo } from "../engine/facts.ts";
import { isLashError, type LashError } from "../model/errors.ts";
import type { Failure, FailureCode } from "../recovery/failure.ts";
import { type Check, note, ok, problem, skipped } from "./doctor-report.ts";

/** Where the engine was found: what named its endpoint, "default" when nothing did. */
export interface EngineChoice {
  readonly endpoint: string;
  readonly source: string;
}

/** Oldest Engine API that Lash is tested with: that of Docker Engine 20.10. */
const oldestApi = [1, 41] as const;

/** The checks of an engine that answered. Pure. */
export function judgeEngine(
  info: EngineInfo,
  choice: EngineChoice,
  environment: NodeJS.ProcessEnv,
): readonly Check[] {
  return [
    ok("engine", `${info.product} ${info.version} for ${info.platform} at ${info.endpoint}`),
    judgeApi(info),
    judgeChoice(choice, environment),
  ];
}

function judgeApi({ apiVersion, product, version }: EngineInfo): Check {
  if (apiVersion === "") return skipped("api version", `${product} has none`);
  const [major = 0, minor = 0] = apiVersion.split(".").map(Number);
  const isOld = major < oldestApi[0] || (major === oldestApi[0] && minor < oldestApi[1]);
  const said = `${apiVersion}, agreed on with ${product} ${version}`;
  return isOld
    ? note("api version", `${said}; Lash is tested with ${oldestApi.join(".")} and newer`)
    : ok("api version", said);
}

/** Variables that name an engine, the one that wins first. */
const naming = ["DOCKER_HOST", "DOCKER_CONTEXT", "CONTAINER_HOST"];

function judgeChoice({ endpoint, source }: EngineChoice, environment: NodeJS.ProcessEnv): Check {
  const others = naming.filter(
    (name) => (environment[name] ?? "") !== "" && !named(source, name, environment),
  );
  const ignored = others.length === 0 ? "" : `, which wins over ${others.join(" and ")}`;
  if (source === "default") return ok("engine choice", "the usual socket; nothing names another engine");
  return note("engine choice", `${source} names ${endpoint}${ignored}`);
}

function named(source: string, name: string, environment: NodeJS.ProcessEnv): boolean {
  return source === name || (name === "DOCKER_CONTEXT" && source.includes(`"${environment[name] ?? ""}"`));
}

/** Whether this user may use the engine's socket. */
export async function checkSocket(endpoint: string): Promise<Check> {
  if (!endpoint.startsWith("unix://")) return skipped("socket", `${endpoint} is no socket file`);
  const path = endpoint.slice("unix://".length);
  try {
    await access(path, constants.R_OK | constants.W_OK);
    return ok("socket", `this user may use ${path}`);
  } catch {
    // It was used a moment ago all the same, for example through an access list that access() does not know.
    return note("socket", `${path} is not writable by its mode, and answers nevertheless`);
  }
}

/** The checks of an engine that cannot be used. Pure. */
export function judgeNoEngine(error: LashError): readonly Check[] {
  const failure = engineFailure(error);
  const because = "the engine cannot be reached";
  if (failure.code === "engine-permission") {
    return [
      skipped("engine", "its socket is not for this user"),
      problem("socket", "no permission", [failure]),
      skipped("api version", because),
      skipped("engine choice", because),
    ];
  }
  if (failure.code === "engine-wrong-host") {
    return [
      skipped("engine", "there is none where it is said to be"),
      skipped("socket", because),
      skipped("api version", because),
      problem("engine choice", "what names the engine is wrong", [failure]),
    ];
  }
  const isVersion = failure.code === "engine-api-version";
  return [
    isVersion
      ? note("engine", "it answers, in another version")
      : problem("engine", "out of reach", [failure]),
    skipped("socket", because),
    isVersion ? problem("api version", "none in common", [failure]) : skipped("api version", because),
    skipped("engine choice", because),
  ];
}

/** Node's codes for a host name that leads nowhere. */
const unknownHost = new Set(["ENOTFOUND", "EAI_AGAIN"]);

/** Why there is no engine to work with, as a failure. Pure. */
export function engineFailure(error: LashError): Failure {
  const tried = triedOf(error);
  return {
    code: codeOf(error, tried),
    subject: "",
    message: error.message.replace(/^Cannot /, "cannot "),
    evidence: tried.map(({ endpoint, source, reason }) => `${endpoint} (${source}): ${reason}`).join("\n"),
    advice: error.hint === undefined ? [] : [{ text: error.hint }],
  };
}

interface Tried {
  readonly endpoint: string;
  readonly source: string;
  readonly code: string;
  readonly reason: string;
}

/** The places an engine was looked for, read with care: `data` is for programs of any kind. */
function triedOf(error: LashError): readonly Tried[] {
  const { tried } = error.data;
  if (!Array.isArray(tried)) return [];
  return tried.map((each: Readonly<Record<string, unknown>>) => ({
    endpoint: String(each["endpoint"]),
    source: String(each["source"]),
    code: String(each["code"]),
    reason: String(each["reason"]),
  }));
}

function codeOf(error: LashError, tried: readonly Tried[]): FailureCode {
  if (isLashError(error, "engine-permission")) return "engine-permission";
  if (isLashError(error, "engine-api-version")) return "engine-api-version";
  // A context that does not exist, an address that makes no sense or is not for us.
  if (isLashError(error, "usage") || isLashError(error, "engine-unsupported")) return "engine-wrong-host";
  if (tried.some(({ code }) => unknownHost.has(code))) return "engine-wrong-host";
  return isLashError(error, "engine-unreachable") || isLashError(error, "timed-out")
    ? "engine-unreachable"
    : "internal";
}

/** The checks with the commands of their advice in the words of the engine's own tool. Pure. */
export function inToolsOf(product: string, checks: readonly Check[]): readonly Check[] {
  if (product !== "Podman Engine") return checks;
  const reword = (failure: Failure): Failure => ({
    ...failure,
    advice: failure.advice?.map((each) => ({
      ...each,
      command: each.command?.replaceAll(/\bdocker (?=\w)/g, "podman "),
    })),
  });
  return checks.map((check) => ({ ...check, problems: check.problems.map(reword) }));
}
