import { deadlineSignal } from "../async/signals.ts";
import { freeDisk } from "../host/disk.ts";
import { lookAtPath } from "../host/path.ts";
import { isLashError, LashError } from "../model/errors.ts";
import type { PortChoice, Stack } from "../model/stack.ts";
import type { Failure } from "../recovery/failure.ts";
import type { Observed } from "../stack/observe.ts";
import { portsToFollow } from "../stack/port-choice.ts";
import type { SameHost } from "../stack/same-host.ts";
import { machineId } from "../state/machine.ts";
import { checkSocket, inToolsOf, judgeEngine, judgeNoEngine } from "./doctor-engine.ts";
import {
  judgeBinds,
  judgeDisk,
  judgeImages,
  judgeNames,
  judgeNetworks,
  judgePools,
  judgeVariables,
} from "./doctor-judge.ts";
import { type EngineLook, lookAtEngine } from "./doctor-look.ts";
import { elsewhereOf, type Owner, ownProcesses } from "./doctor-own.ts";
import { judgeOtherBundles, judgePorts } from "./doctor-ports.ts";
import {
  type Check,
  type CheckName,
  counted,
  type DoctorReport,
  ok,
  problem,
  skipped,
  verdictOf,
} from "./doctor-report.ts";
import { seePorts } from "./doctor-see-ports.ts";
import { type Wants, wantsOf } from "./doctor-wants.ts";
import { findManifest, type ReadOptions, readStack } from "./read-stack.ts";

export interface DoctorOptions extends ReadOptions {
  /** Absolute path; undefined: the first found from `directory` upwards, and none is no problem. */
  readonly manifest: string | undefined;
  readonly directory: string;
  readonly signal: AbortSignal;
}

/** An engine that has not answered by then counts as one that does not. */
const engineDeadlineMs = 5000;

/** Order in which the checks are told. */
const order: readonly CheckName[] = [
  "manifest",
  "variables",
  "secrets",
  "engine",
  "socket",
  "api version",
  "engine choice",
  "ports",
  "other bundles",
  "network pools",
  "engine disk",
  "own disk",
  "images",
  "bind mounts",
  "networks",
  "names",
];

/** Looks for what would stop an `up`. Starts and changes nothing; every look is bounded. */
export async function runDoctor(options: DoctorOptions): Promise<DoctorReport> {
  const environment = options.environment ?? process.env;
  using deadline = deadlineSignal(
    options.signal,
    engineDeadlineMs,
    () =>
      new LashError(
        "engine-unreachable",
        `Cannot use the engine: it did not answer within ${engineDeadlineMs / 1000} s`,
        { hint: "Look at its log, or start it again" },
      ),
  );
  const reading = readForLook(options);
  const looking = lookAtEngine(environment, { reading, signal: deadline.signal });
  const [read, look] = await Promise.all([reading, looking]);
  options.signal.throwIfAborted();
  const own = await ownOf(read.stack, look, options.signal);
  const stack = inUse(read, own, options);
  const wants = stack === undefined ? undefined : wantsOf(stack);
  const parts = await Promise.all([
    engineChecks(look, environment),
    checkOwnDisk(stack?.directory ?? options.directory, options.signal),
    checkEngineDisk(look, options.signal),
    stack === undefined || wants === undefined
      ? withoutManifest(read.because, look)
      : stackChecks(stack, wants, {
          look,
          own,
          isFixed: options.bundle !== undefined,
          signal: options.signal,
        }),
  ]);
  const sorted = [...read.checks, ...parts.flat()].toSorted(
    (a, b) => order.indexOf(a.name) - order.indexOf(b.name),
  );
  const checks = inToolsOf(look.type === "seen" ? look.info.product : "", sorted);
  return {
    project: stack?.project,
    manifest: stack?.manifestPath ?? read.path,
    verdict: verdictOf(checks),
    checks,
  };
}

/** What reading the manifest came to. */
interface Read {
  readonly path: string | undefined;
  readonly stack: Stack | undefined;
  /** The same with other host ports. */
  readonly restack?: ((ports: PortChoice) => Stack) | undefined;
  readonly checks: readonly Check[];
  /** Why there is no stack to look at. */
  readonly because: string;
}

async function readForLook(options: DoctorOptions): Promise<Read> {
  const nothing = { path: options.manifest, stack: undefined, because: "there is no manifest" };
  try {
    const path = options.manifest ?? findManifest(options.directory);
    const { stack, restack } = await readStack(path, options);
    const said = `${path}: project "${stack.project}", ${counted(stack.resources.length, "resource")}`;
    const checks = [ok("manifest", said), judgeVariables(stack, "env"), judgeVariables(stack, "secret")];
    return { path, stack, restack, checks, because: "" };
  } catch (error) {
    if (!isLashError(error)) throw error;
    if (isLashError(error, "manifest-not-found") && options.manifest === undefined) {
      const checks = [
        skipped("manifest", `none in ${options.directory} or above`),
        skipped("variables", nothing.because),
        skipped("secrets", nothing.because),
      ];
      return { ...nothing, checks };
    }
    const because = "the manifest cannot be read";
    const failures = manifestFailures(error);
    const checks = [
      problem("manifest", counted(failures.length, "problem"), failures),
      skipped("variables", because),
      skipped("secrets", because),
    ];
    return { ...nothing, because, checks };
  }
}

function manifestFailures(error: LashError): readonly Failure[] {
  const { problems, file } = error.data;
  const advice = error.hint === undefined ? [] : [{ text: error.hint }];
  const failure = { code: "manifest-invalid", subject: "", evidence: "" } as const;
  if (!Array.isArray(problems) || !isLashError(error, "manifest-invalid")) {
    return [{ ...failure, message: error.message, advice }];
  }
  return problems.map((each: Readonly<Record<string, unknown>>) => ({
    ...failure,
    message: `${String(file)}:${String(each["line"])}:${String(each["column"])}: ${String(each["message"])}`,
  }));
}

/** What exists of the stack's project. */
async function ownOf(
  stack: Stack | undefined,
  look: EngineLook,
  signal: AbortSignal,
): Promise<readonly Observed[]> {
  if (stack === undefined) return [];
  const containers = look.type === "seen" ? look.own : [];
  return [...containers, ...(await ownProcesses(stack, signal))];
}

/** The stack with the ports that an `up` would begin with. */
function inUse(
  { stack, restack }: Read,
  own: readonly Observed[],
  { bundle }: DoctorOptions,
): Stack | undefined {
  if (stack === undefined || bundle !== undefined) return stack;
  const ports = portsToFollow(stack, own);
  return ports === undefined ? stack : restack?.(ports);
}

async function engineChecks(look: EngineLook, environment: NodeJS.ProcessEnv): Promise<readonly Check[]> {
  switch (look.type) {
    case "seen":
      return [...judgeEngine(look.info, look, environment), await checkSocket(look.endpoint)];
    case "failed":
      return judgeNoEngine(look.error);
    case "not-needed":
      return (["engine", "socket", "api version", "engine choice"] as const).map((name) =>
        skipped(name, look.because),
      );
  }
}

async function checkOwnDisk(directory: string, signal: AbortSignal): Promise<Check> {
  const space = await freeDisk(directory, { signal });
  if (space === undefined) return skipped("own disk", `${directory} cannot be looked at`);
  return judgeDisk("own disk", directory, space);
}

async function checkEngineDisk(look: EngineLook, signal: AbortSignal): Promise<Check> {
  if (look.type !== "seen") return skipped("engine disk", look.because);
  const folder = look.info.host?.dataFolder ?? "";
  if (folder === "") return skipped("engine disk", "the engine does not tell where its data is");
  if (!look.host.same) return skipped("engine disk", look.host.because);
  const space = await freeDisk(folder, { signal });
  if (space === undefined) return skipped("engine disk", `${folder} cannot be looked at`);
  return judgeDisk("engine disk", folder, space);
}

function withoutManifest(because: string, look: EngineLook): readonly Check[] {
  const pools =
    look.type === "seen"
      ? judgePools(look.info, look.networks, { network: undefined, project: "" })
      : skipped("network pools", look.because);
  const others = ["ports", "other bundles", "images", "bind mounts", "networks", "names"] as const;
  return [pools, ...others.map((name) => skipped(name, because))];
}

interface StackLook {
  readonly look: EngineLook;
  readonly own: readonly Observed[];
  readonly isFixed: boolean;
  readonly signal: AbortSignal;
}

async function stackChecks(stack: Stack, wants: Wants, given: StackLook): Promise<readonly Check[]> {
  const { look, own } = given;
  const { project, manifestPath } = stack;
  const owner: Owner = { project, manifestPath, machine: machineId() };
  const containers = look.type === "seen" ? look.containers : [];
  const [seen, binds] = await Promise.all([
    seePorts(stack, wants, { ...given, owner, containers, host: hostOf(look) }),
    checkBinds(wants, given),
  ]);
  const ports = judgePorts(seen.ports, {
    rootless: look.type === "seen" && look.info.host?.rootless === true,
    elsewhere: hostOf(look).same ? undefined : hostOf(look).because,
    moves: seen.moves,
  });
  const others = judgeOtherBundles(seen.bundles);
  const elsewhere = elsewhereOf(owner, own);
  if (look.type !== "seen") {
    const unseen = ["network pools", "images", "networks"] as const;
    const names =
      elsewhere === undefined
        ? skipped("names", look.because)
        : judgeNames(wants, { containers: [], networks: [] }, { owner, elsewhere });
    return [ports, others, binds, names, ...unseen.map((name) => skipped(name, look.because))];
  }
  const { info, networks, images } = look;
  return [
    ports,
    others,
    binds,
    judgePools(info, networks, { network: wants.network, project: stack.project }),
    judgeImages(wants.images, images, info),
    judgeNetworks(wants, networks),
    judgeNames(wants, look, { owner, elsewhere }),
  ];
}

function hostOf(look: EngineLook): SameHost {
  return look.type === "seen" ? look.host : { same: false, because: look.because };
}

async function checkBinds(wants: Wants, { look, signal }: StackLook): Promise<Check> {
  const seen = await Promise.all(
    wants.binds.map(async (bind) => ({ ...bind, found: await lookAtPath(bind.source, { signal }) })),
  );
  return judgeBinds(seen, hostOf(look));
}
