import { parseByteSize } from "../model/byte-size.ts";
import type { Healthcheck } from "../model/container-spec.ts";
import { parseDuration } from "../model/duration.ts";
import { parsePort } from "../model/port-mapping.ts";
import type { ReadyCheck, ResolvedResource, ResourceKind, RestartPolicy } from "../model/stack.ts";
import type { Fields } from "./fields.ts";
import { describeFound } from "./problem.ts";

/** What every resource may declare, resolved. */
export type Common = Pick<
  ResolvedResource,
  "ready" | "readyTimeoutMs" | "readyIntervalMs" | "restart" | "stopGraceMs"
>;

/** What a kind brings along when nothing is declared. */
export interface CommonDefaults {
  readonly ready: ReadyCheck;
  readonly healthcheck: Healthcheck | undefined;
  /** Port that `http` without `port` asks. */
  readonly port: number | undefined;
}

/** Ten seconds, the engine's own default. */
const defaultStopGraceMs = 10_000;
const defaultReadyTimeoutMs = 60_000;
/** A task is ready when it has ended, and a migration of a large database takes its time. */
const defaultTaskTimeoutMs = 900_000;
/** Lash's own probes look again this often at most; they cost little beside what waits for them. */
const defaultProbeIntervalMs = 1000;
/** Defaults of a healthcheck, which LightShuttle's format has too. */
const healthDefaults = { intervalMs: 5000, timeoutMs: 3000, retries: 5, startPeriodMs: 5000 };

/** A built-in healthcheck with the default times. */
export function healthcheckOf(test: readonly string[]): Healthcheck {
  return { test, ...healthDefaults };
}

/** The declared healthcheck, else the kind's own. */
export function readHealthcheck(fields: Fields): Healthcheck | undefined {
  const inside = fields.inside("healthcheck");
  if (inside === undefined) return undefined;
  const raw = inside.raw("test");
  const list = inside.list("test") ?? [];
  const test = typeof raw === "string" ? ["CMD-SHELL", raw] : list;
  const isBlank = (typeof raw === "string" && raw.trim() === "") || list.length === 0;
  if (isBlank) inside.wrong("test", "a command that is not empty");
  else if (!["CMD", "CMD-SHELL", "NONE"].includes(test[0] ?? "")) {
    inside.wrong(["test", 0], "CMD, CMD-SHELL or NONE before the command", describeFound(list[0]));
  } else if (test[0] === "NONE" ? test.length > 1 : test.length < 2) {
    inside.wrong(
      "test",
      test[0] === "NONE" ? "NONE alone" : `a command after ${test[0]}`,
      `${test.length} items`,
    );
  }
  return {
    test,
    intervalMs: inside.grammar("interval", parseDuration) ?? healthDefaults.intervalMs,
    timeoutMs: inside.grammar("timeout", parseDuration) ?? healthDefaults.timeoutMs,
    retries: inside.integer("retries", { min: 1 }) ?? healthDefaults.retries,
    startPeriodMs: inside.grammar("start_period", parseDuration) ?? healthDefaults.startPeriodMs,
  };
}

/** Readiness, restart policy and grace of a resource. */
export function readCommon(fields: Fields, kind: ResourceKind, defaults: CommonDefaults): Common {
  const inside = fields.inside("ready");
  const declared = inside === undefined ? undefined : readReady(inside, kind, defaults);
  // Without one of its own a container may still have its image's, which only the engine knows.
  const hasHealthcheck =
    defaults.healthcheck === undefined
      ? kind !== "process" && kind !== "external"
      : defaults.healthcheck.test[0] !== "NONE";
  if (declared?.type === "healthcheck" && !hasHealthcheck) {
    inside?.wrong("healthcheck", "a healthcheck of this resource to wait for", "none declared");
  }
  const ready = declared ?? defaults.ready;
  const usesHealthcheck = ready.type === "healthcheck" && defaults.healthcheck !== undefined;
  const intervalMs = usesHealthcheck ? defaults.healthcheck.intervalMs : defaultProbeIntervalMs;
  return {
    ready,
    readyTimeoutMs:
      inside?.grammar("timeout", parseDuration) ??
      (kind === "task" ? defaultTaskTimeoutMs : defaultReadyTimeoutMs),
    readyIntervalMs: inside?.grammar("interval", parseDuration) ?? intervalMs,
    restart: readRestart(fields),
    stopGraceMs: fields.grammar("stop_grace", parseDuration) ?? defaultStopGraceMs,
  };
}

const checks = ["http", "tcp", "exec", "log", "healthcheck"] as const;

/** What cannot be asked of a resource of which there is no container. */
const impossible: Readonly<Partial<Record<ResourceKind, readonly string[]>>> = {
  external: ["exec", "log", "healthcheck"],
  process: ["healthcheck"],
  task: checks,
};

function readReady(fields: Fields, kind: ResourceKind, defaults: CommonDefaults): ReadyCheck | undefined {
  const declared = checks.filter((check) => fields.has(check));
  const refused = declared.find((check) => impossible[kind]?.includes(check));
  if (refused !== undefined) {
    fields.wrong(
      refused,
      kind === "task" ? "no check: a task is ready when it ends" : `no ${refused} check of this kind`,
      refused,
    );
    return undefined;
  }
  const [check] = declared;
  if (check === undefined || declared.length > 1) {
    if (declared.length > 1)
      fields.wrong([], "one of http, tcp, exec, log and healthcheck", declared.join(" and "));
    return undefined;
  }
  switch (check) {
    case "http":
      return readHttp(fields, defaults);
    case "tcp":
      return { type: "tcp", port: fields.grammar("tcp", (text) => parsePort(text, 1)) ?? 1 };
    case "exec": {
      const command = fields.command("exec") ?? [];
      if (command.length === 0) fields.wrong("exec", "a command that is not empty");
      return { type: "exec", command, timeoutMs: 5000 };
    }
    case "log":
      return { type: "log", pattern: readPattern(fields) };
    case "healthcheck":
      return { type: "healthcheck" };
  }
}

function readHttp(fields: Fields, defaults: CommonDefaults): ReadyCheck {
  const path = fields.text("http") ?? "/";
  if (!/^\/[^\s]*$/.test(path)) fields.wrong("http", "a path that starts with '/'");
  const port = fields.grammar("port", (text) => parsePort(text, 1)) ?? defaults.port;
  if (port === undefined && !fields.has("port"))
    fields.wrong("http", "`port` beside it, as no port is declared");
  const status = fields.text("status");
  const match = /^([1-5]\d\d)(?:-([1-5]\d\d))?$/.exec(status ?? "200-399");
  if (match === null) fields.wrong("status", 'a status such as 200, or "200-399"');
  const first = Number(match?.[1] ?? 200);
  return { type: "http", port: port ?? 1, path, status: [first, Number(match?.[2] ?? first)] };
}

function readPattern(fields: Fields): string {
  const pattern = fields.text("log") ?? "";
  try {
    return new RegExp(pattern).source;
  } catch {
    fields.wrong("log", "a regular expression");
    return "";
  }
}

/** Restart policy when none is declared: an end is shown, as a Compose user expects, and nothing is started again. */
const defaultRestart: RestartPolicy = { mode: "never", max: undefined, windowMs: 600_000 };

function readRestart(fields: Fields): RestartPolicy {
  const short = fields.raw("restart");
  if (short === undefined) return defaultRestart;
  const inside = fields.inside("restart");
  return {
    mode: toMode(inside === undefined ? short : inside.raw("mode")),
    max: inside?.integer("max", { min: 0 }),
    windowMs: inside?.grammar("window", parseDuration) ?? defaultRestart.windowMs,
  };
}

function toMode(word: unknown): RestartPolicy["mode"] {
  switch (word) {
    case "never":
    case "always":
    case "unless-stopped":
      return word;
    default:
      return "on-failure";
  }
}

/** Sizes and counts that limit a container. */
export function readLimits(fields: Fields): { memoryBytes: number | undefined; cpus: number | undefined } {
  return { memoryBytes: fields.grammar("memory", parseByteSize), cpus: fields.number("cpus", { min: 0.01 }) };
}
