import { Buffer } from "node:buffer";
import { networkInterfaces } from "node:os";
import type { Semaphore } from "../async/semaphore.ts";
import { deadlineSignal } from "../async/signals.ts";
import type { Engine } from "../engine/engine.ts";
import type { ContainerFacts } from "../engine/facts.ts";
import { isLashError, LashError, messageOf } from "../model/errors.ts";
import type { ReadyCheck, ResolvedResource } from "../model/stack.ts";
import { type ProbeResult, probeHttp, probeTcp, type Target } from "./probe.ts";

/** What one check of a resource needs. */
export interface CheckContext {
  readonly engine: Engine;
  readonly resolved: ResolvedResource;
  readonly facts: ContainerFacts;
  /** Id of the stack's network; undefined: not known. */
  readonly networkId: string | undefined;
  /** Bounds exec probes in flight per engine: one costs 43 ms alone, eight at once 300 ms each, and starts need the CPU. */
  readonly execPermits: Semaphore;
  readonly signal: AbortSignal;
}

type Repeated = Exclude<ReadyCheck, { readonly type: "running" | "completed" | "log" }>;

type PortCheck = Extract<ReadyCheck, { readonly type: "tcp" | "http" }>;

/** A tcp or http probe that has not answered by then counts as one that cannot. */
const networkTimeoutMs = 1000;

/** Last output of a failed command that is worth showing. */
const outputLimit = 2000;

/** Runs the resource's check once. */
export async function checkOnce(check: Repeated, context: CheckContext): Promise<ProbeResult> {
  switch (check.type) {
    case "tcp":
    case "http":
      return checkPort(check, context);
    case "exec":
      return checkExec(check.command, check.timeoutMs, context);
    case "healthcheck":
      return checkHealth(context);
  }
}

/** Runs the check of something that Lash does not run, at its own address. */
export async function checkRemote(
  check: PortCheck,
  resolved: ResolvedResource,
  signal: AbortSignal,
): Promise<ProbeResult> {
  const { work } = resolved;
  const host = work.type === "external" ? work.host : "127.0.0.1";
  return probe(check, { host, port: check.port, proxied: false }, signal);
}

async function probe(check: PortCheck, target: Target, signal: AbortSignal): Promise<ProbeResult> {
  const options = { timeoutMs: networkTimeoutMs, signal };
  return check.type === "tcp" ? probeTcp(target, options) : probeHttp(target, check, options);
}

async function checkPort(check: PortCheck, context: CheckContext): Promise<ProbeResult> {
  const targets = targetsOf(check.port, context);
  const results = await Promise.all(targets.map((target) => probe(check, target, context.signal)));
  const passed = results.find((result) => result.type === "passed");
  if (passed !== undefined) return passed;
  const failed = results.find((result) => result.type === "failed");
  if (failed !== undefined) return failed;
  return checkListening(check.port, context);
}

/**
 * The container's own address where it is certain to be that container's, else what it publishes: an engine elsewhere (in
 * a VM, another network namespace, on another machine) gives out addresses that may be somebody else's here.
 */
function targetsOf(port: number, { facts, resolved, networkId }: CheckContext): readonly Target[] {
  if (resolved.work.type === "process") {
    return ["127.0.0.1", "::1"].map((host) => ({ host, port, proxied: false }));
  }
  if (networkId !== undefined && hasBridge(networkId)) {
    const own = Object.values(facts.addresses).filter((address) => address !== "");
    if (own.length > 0) return own.map((host) => ({ host, port, proxied: false }));
  }
  return facts.ports
    .filter((each) => each.containerPort === port && each.hostPort !== undefined && each.protocol === "tcp")
    .map((each) => ({ host: loopbackFor(each.hostIp), port: each.hostPort ?? 0, proxied: true }));
}

/** moby names a network's bridge after the network's id (seen on 20.10 and 28), so its presence here is proof. */
function hasBridge(networkId: string): boolean {
  return `br-${networkId.slice(0, 12)}` in networkInterfaces();
}

function loopbackFor(hostIp: string): string {
  if (hostIp === "" || hostIp === "0.0.0.0") return "127.0.0.1";
  return hostIp === "::" ? "::1" : hostIp;
}

/**
 * For a port that cannot be reached from here (Desktop, rootless, remote): asks the kernel inside the container whether
 * something listens. Needs `cat` in the image, nothing else.
 */
async function checkListening(port: number, context: CheckContext): Promise<ProbeResult> {
  const command = ["cat", "/proc/net/tcp", "/proc/net/tcp6"];
  const result = await execOutput(command, networkTimeoutMs * 3, context);
  if (result.type === "error") return { type: "no-route", output: result.output };
  return isListening(result.output, port)
    ? { type: "passed" }
    : { type: "failed", output: `nothing listens on port ${port} inside` };
}

/** 127.0.0.0/8, also written as IPv6, and ::1, as the kernel prints them: in words of four bytes, last byte first. */
const loopback = /^(?:(?:0{16}FFFF0000)?[0-9A-F]{6}7F|0{24}01000000):/;

/** Whether a table of /proc/net/tcp shows a listener (state 0A) on this port on an address others can reach. Pure. */
export function isListening(table: string, port: number): boolean {
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  return table.split("\n").some((line) => {
    const [, local, , state] = line.trim().split(/\s+/);
    return state === "0A" && local !== undefined && local.endsWith(`:${hex}`) && !loopback.test(local);
  });
}

async function checkExec(
  command: readonly string[],
  timeoutMs: number,
  context: CheckContext,
): Promise<ProbeResult> {
  const result = await execOutput(command, timeoutMs, context);
  if (result.type === "error") return { type: "failed", output: result.output };
  if (result.exitCode === 0) return { type: "passed" };
  const said = result.output.trim();
  return { type: "failed", output: said === "" ? `exit code ${result.exitCode}` : said };
}

/** Lash runs the declared test itself; an image's own test is known to the engine alone, so its verdict is read. */
async function checkHealth(context: CheckContext): Promise<ProbeResult> {
  const { work } = context.resolved;
  const healthcheck = work.type === "container" ? work.spec.healthcheck : undefined;
  const [kind, ...words] = healthcheck?.test ?? [];
  if (kind === "CMD") return checkExec(words, healthcheck?.timeoutMs ?? networkTimeoutMs, context);
  if (kind === "CMD-SHELL") {
    return checkExec(["/bin/sh", "-c", words.join(" ")], healthcheck?.timeoutMs ?? networkTimeoutMs, context);
  }
  const facts = await context.engine.inspect(context.facts.id, { signal: context.signal });
  if (facts?.health === "healthy") return { type: "passed" };
  if (facts?.health === "none")
    return { type: "failed", output: "neither manifest nor image declares a healthcheck" };
  return { type: "failed", output: facts?.healthOutput ?? "" };
}

type ExecOutcome =
  | { readonly type: "ended"; readonly exitCode: number; readonly output: string }
  | { readonly type: "error"; readonly output: string };

async function execOutput(
  command: readonly string[],
  timeoutMs: number,
  { engine, facts, execPermits, signal }: CheckContext,
): Promise<ExecOutcome> {
  using _permit = await execPermits.acquire(signal);
  using deadline = deadlineSignal(
    signal,
    timeoutMs,
    () => new LashError("timed-out", `Cannot run "${command[0] ?? ""}": no end in ${timeoutMs} ms`),
  );
  try {
    await using session = await engine.exec(facts.id, { command, signal: deadline.signal });
    let output = "";
    for await (const { data } of session.output) {
      if (output.length < outputLimit * 8) output += Buffer.from(data).toString("utf8");
    }
    const exitCode = await session.exitCode;
    return { type: "ended", exitCode, output: exitCode === 0 ? output : output.slice(-outputLimit) };
  } catch (error) {
    signal.throwIfAborted();
    if (isLashError(error)) return { type: "error", output: messageOf(error) };
    throw error;
  }
}
