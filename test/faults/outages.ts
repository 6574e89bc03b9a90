import { setTimeout as sleep } from "node:timers/promises";
import { waitFor } from "../bed/processes.ts";
import { type FaultBed, openFaultBed } from "./fault-bed.ts";
import { type FaultPlatform, openFaultPlatform } from "./fault-platform.ts";
import { type Kind, type LoadGate, type Outcome, putLoad } from "./load.ts";
import type { Holding } from "./measure-preload.ts";
import type { Random } from "./random.ts";
import { assertNone, type OpenSuite, type RunContext, type Suite } from "./suite.ts";

/** How hard and how long. Outages, samples and their order scale with the length. */
export interface OutagePlan {
  readonly perSecond: number;
  readonly seconds: number;
  /** How much more heap than at a quarter of the time there may be at any later sample. */
  readonly heapGrowth: number;
  /** When the server gives up a call to a runner that hangs: well before it goes on. */
  readonly callTimeoutMs: number;
}

const wholePlan: OutagePlan = { perSecond: 1000, seconds: 60, heapGrowth: 0.1, callTimeoutMs: 4000 };

/** A minute of 1 000 requests a second at a real server, whose runner goes away three times. */
export const outages: Suite = {
  runs: 1,
  timeoutMs: 300_000,
  async open(): Promise<OpenSuite> {
    const bed = await openFaultBed();
    return {
      async run(context) {
        try {
          return await runOutages(bed, wholePlan, context);
        } finally {
          await bed.sweep();
        }
      },
      [Symbol.asyncDispose]: () => bed[Symbol.asyncDispose](),
    };
  },
};

const zeroSession = "00000000-0000-4000-8000-000000000000";
const get = { method: "GET", status: 200, weight: 1 } as const;
/** Every sort of route, and every sort of answer that each of them has. */
function kindsFor(one: string): readonly Kind[] {
  const terminal = `/api/containers/${one}/terminal?sessionId=${zeroSession}&token=${"0".repeat(48)}`;
  const held = `"name":"${one}"`;
  return [
    { ...get, name: "list", guarded: true, weight: 5, path: "/api/containers", holds: held },
    { ...get, name: "get", guarded: true, weight: 3, path: `/api/containers/${one}`, holds: held },
    { ...get, name: "get none", guarded: true, path: "/api/containers/none", status: 404 },
    { ...get, name: "stacks", guarded: true, path: "/api/stacks", holds: '"items"' },
    { ...get, name: "logs", guarded: true, weight: 0.1, path: `/api/containers/${one}/logs?tail=1` },
    { ...get, name: "terminal", guarded: true, weight: 0.1, path: terminal, webSocket: true, status: 101 },
    {
      ...get,
      name: "exec nothing",
      guarded: true,
      method: "POST",
      path: `/api/containers/${one}/exec`,
      body: {},
      status: 400,
    },
    { ...get, name: "health", guarded: false, weight: 4, path: "/health", holds: '"status":"ok"' },
    { ...get, name: "live", guarded: false, path: "/health/live" },
    { ...get, name: "ready", guarded: false, weight: 2, path: "/health/ready", holds: '"status":"ok"' },
    { ...get, name: "startup", guarded: false, path: "/health/startup" },
    {
      ...get,
      name: "stale list",
      guarded: false,
      weight: 3,
      path: "/api/containers?stale=true",
      holds: held,
    },
    { ...get, name: "metrics", guarded: false, weight: 0.1, path: "/metrics", holds: "lash_dependency_up" },
    { ...get, name: "contract", guarded: false, weight: 0.1, path: "/api/openapi.json" },
    { ...get, name: "no path", guarded: false, path: "/api/nothing", status: 404 },
    { ...get, name: "no method", guarded: false, path: "/api/dependency/retry", status: 405 },
  ];
}

/** When the runner was away. Times since the load began. */
interface Outage {
  readonly how: "killed" | "hung" | "stopped";
  readonly fromMs: number;
  /** When it could answer again. */
  readonly backMs: number;
}

interface Sample {
  readonly atMs: number;
  /** No request was under way. */
  readonly isQuiet: boolean;
  readonly holding: Holding;
}

/** Longest that a sample waits for requests under way: longer than they take, shorter than the runner hangs. */
const quietWithinMs = 1000;
/** A call that hangs is given up, then comes a probe with 3 s, and then the next one. */
const knownWithinMs = 10_000;
/** Idle connections to a runner that a server may keep: src/drivers/runner/transport.ts. */
const pooledSockets = 8;

export async function runOutages(
  bed: FaultBed,
  plan: OutagePlan,
  { random, note }: Pick<RunContext, "random" | "note">,
): Promise<string> {
  await using platform = await openFaultPlatform(bed, plan);
  const { server } = platform;
  const kinds = kindsFor(platform.container);
  await warmUp(platform, { kinds, random });
  const before = await atRest(platform);
  const outcomes: Outcome[] = [];
  const startedAt = performance.now();
  const clock = (): number => performance.now() - startedAt;
  const samples: Sample[] = [];
  const gate: LoadGate = { isClosed: false, pending: 0 };
  const [load, away] = await Promise.all([
    putLoad({
      url: server.url,
      perSecond: plan.perSecond,
      durationMs: plan.seconds * 1000,
      kinds,
      random,
      onOutcome: (outcome) => void outcomes.push(outcome),
      gate,
    }),
    takeAway(platform, { plan, random, clock }),
    sample(platform, { plan, clock, gate, samples }),
  ]);
  const after = await atRest(platform, before);
  samples.push({ atMs: clock(), isQuiet: true, holding: after.holding });
  for (const outage of away) note(wordsOn(outage, outcomes));
  note(`heap after a forced collection: ${samples.map(heapText).join(", ")}`);
  note(
    `sockets ${before.sockets}, then ${after.sockets}; ${resourceText(before)}, then ${resourceText(after)}`,
  );
  const wrong = [
    ...firstOfEach(outcomes.flatMap(({ wrong: each }) => each ?? [])),
    ...refusedForNothing(outcomes, away),
    ...away.flatMap((outage) => notSeen(outage, outcomes)),
    ...(load.sent / load.activeMs < (plan.perSecond / 1000) * 0.9
      ? [
          `only ${Math.round((load.sent / load.activeMs) * 1000)} a second were sent: too busy a machine to tell`,
        ]
      : []),
    ...(server.isAlive ? [] : ["the server is gone"]),
    ...leaks(before, after),
    ...growth(samples, plan.heapGrowth),
    ...(await faultsIn(platform)),
  ];
  assertNone(wrong);
  const served = outcomes.filter(({ kind, status }) => kind.guarded && status !== 503).length;
  const guarded = outcomes.filter(({ kind }) => kind.guarded).length;
  const rate = Math.round((load.sent / load.activeMs) * 1000);
  return `${load.sent} requests, ${rate} a second, ${guarded} guarded: ${served} served, ${guarded - served} refused; unguarded ${latencyText(outcomes)}`;
}

/** Compiled code and caches of a process are not what is looked for: every kind of request has been there before. */
async function warmUp(
  { server }: FaultPlatform,
  { kinds, random }: { readonly kinds: readonly Kind[]; readonly random: Random },
): Promise<void> {
  const wrong: string[] = [];
  const onOutcome = (outcome: Outcome): void => void (outcome.wrong && wrong.push(outcome.wrong));
  await putLoad({ url: server.url, perSecond: 200, durationMs: 1500, kinds, random, onOutcome });
  assertNone(wrong.slice(0, 5));
}

/** Takes the runner away and brings it back, three times, each time otherwise. */
async function takeAway(
  platform: FaultPlatform,
  {
    plan,
    random,
    clock,
  }: { readonly plan: OutagePlan; readonly random: Random; readonly clock: () => number },
): Promise<readonly Outage[]> {
  const away: Outage[] = [];
  const at = (share: number): number => plan.seconds * 1000 * (share + random() * 0.02);
  const moments = [
    ["killed", at(0.07), at(0.14)],
    ["hung", at(0.36), at(0.48)],
    ["stopped", at(0.68), at(0.75)],
  ] as const;
  for (const [how, from, back] of moments) {
    await sleep(Math.max(0, from - clock()));
    const fromMs = clock();
    if (how === "hung") platform.runner.signal("SIGSTOP");
    else await platform.runner.end(how === "killed" ? "SIGKILL" : "SIGTERM");
    await sleep(Math.max(0, back - clock()));
    if (how === "hung") platform.runner.signal("SIGCONT");
    else await platform.startRunner();
    away.push({ how, fromMs, backMs: clock() });
  }
  return away;
}

/**
 * Measures ten times, from a quarter of the time on, each time when all that was asked is answered: requests under way
 * are in memory, and how many those are is the machine's affair.
 */
async function sample(
  { server }: FaultPlatform,
  options: {
    readonly plan: OutagePlan;
    readonly clock: () => number;
    readonly gate: LoadGate;
    readonly samples: Sample[];
  },
): Promise<void> {
  const { plan, clock, gate, samples } = options;
  for (let index = 0; index < 10; index += 1) {
    await sleep(Math.max(0, (plan.seconds * 1000 * (3 + index)) / 12 - clock()));
    gate.isClosed = true;
    const isQuiet = await waitFor(() => (gate.pending === 0 ? true : undefined), {
      timeoutMs: quietWithinMs,
      describe: () => "requests wait",
    }).catch(() => false);
    samples.push({ atMs: clock(), isQuiet, holding: await server.holding() });
    gate.isClosed = false;
  }
}

interface Rest {
  readonly sockets: number;
  readonly holding: Holding;
}

/** What the server holds when nobody asks it anything and its runner is there; not more than `like`, if that comes true. */
async function atRest({ server }: FaultPlatform, like?: Rest): Promise<Rest> {
  let last: Rest | undefined;
  const settled = async (): Promise<Rest | undefined> => {
    const previous = last;
    last = { sockets: server.sockets(), holding: await server.holding() };
    const isSteady = like === undefined && previous?.sockets === last.sockets;
    const isClean = like !== undefined && leaks(like, last).length === 0;
    return isSteady || isClean ? last : undefined;
  };
  // Connections of clients end 5 s after their last request.
  await sleep(like === undefined ? 6000 : 0);
  try {
    return await waitFor(settled, { timeoutMs: 45_000, everyMs: 1000, describe: () => "not at rest" });
  } catch (error) {
    if (last === undefined) throw error;
    return last;
  }
}

function leaks(before: Rest, after: Rest): readonly string[] {
  const kindsOf = new Set([
    ...Object.keys(before.holding.resources),
    ...Object.keys(after.holding.resources),
  ]);
  const more = [...kindsOf].filter((kind) => {
    const allowed = kind === "TCPSocketWrap" ? pooledSockets : 0;
    return count(after, kind) > count(before, kind) + allowed;
  });
  return [
    ...(after.sockets > before.sockets + pooledSockets
      ? [`${after.sockets} sockets are open, it were ${before.sockets}`]
      : []),
    ...more.map((kind) => `${count(after, kind)} of ${kind} are left, it were ${count(before, kind)}`),
  ];
}

function count({ holding }: Rest, kind: string): number {
  return holding.resources[kind] ?? 0;
}

/** Samples with requests under way, which wait for a runner that hangs, are told and not judged. */
function growth(samples: readonly Sample[], heapGrowth: number): readonly string[] {
  const quiet = samples.filter(({ isQuiet }) => isQuiet);
  const [first, ...later] = quiet;
  if (first === undefined || quiet.length < samples.length / 2) return ["too few samples of the heap"];
  const most = first.holding.heapBytes * (1 + heapGrowth);
  return later
    .filter(({ holding }) => holding.heapBytes > most)
    .map((each) => `heap grew by more than ${heapGrowth * 100} %: ${heapText(each)}`);
}

/** A 503 outside of an outage, and of the time after it in which the server may not know yet. */
function refusedForNothing(outcomes: readonly Outcome[], away: readonly Outage[]): readonly string[] {
  const none = outcomes.filter(
    ({ status, sentAtMs, tookMs }) =>
      status === 503 &&
      !away.some(({ fromMs, backMs }) => sentAtMs + tookMs >= fromMs && sentAtMs <= backMs + knownWithinMs),
  );
  const [first] = none;
  if (first === undefined) return [];
  return [
    `${none.length} were refused while the runner was there, the first at ${Math.round(first.sentAtMs)} ms`,
  ];
}

/** An outage that nobody was refused in, or after which nobody was served, was none. */
function notSeen({ how, fromMs, backMs }: Outage, outcomes: readonly Outcome[]): readonly string[] {
  const during = outcomes.filter(({ sentAtMs }) => sentAtMs >= fromMs && sentAtMs <= backMs);
  const after = outcomes.filter(({ sentAtMs }) => sentAtMs > backMs);
  return [
    ...(during.some(({ status }) => status === 503)
      ? []
      : [`nobody was refused while the runner was ${how}`]),
    ...(after.some(isServed) ? [] : [`nobody was served after the runner was ${how}`]),
  ];
}

function isServed({ kind, status }: Outcome): boolean {
  return kind.guarded && status === kind.status;
}

async function faultsIn({ server }: FaultPlatform): Promise<readonly string[]> {
  const bad = (await server.lines()).filter(
    ({ level, dependency, error }) =>
      level === "fatal" || (level === "error" && dependency === undefined && !isOutage(error)),
  );
  return firstOfEach(bad.map((line) => JSON.stringify(line).slice(0, 500)));
}

/** Work in the background that met an outage says so, and is done again after it. */
function isOutage(error: unknown): boolean {
  const code = typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
  return code === "timed-out" || code === "engine-unreachable";
}

/** Each of them once, with how often it came. */
function firstOfEach(texts: readonly string[]): readonly string[] {
  return [...new Set(texts)]
    .slice(0, 20)
    .map((text) => `${text} (${texts.filter((each) => each === text).length} times)`);
}

function wordsOn({ how, fromMs, backMs }: Outage, outcomes: readonly Outcome[]): string {
  const ends = (test: (outcome: Outcome) => boolean): number =>
    Math.min(...outcomes.filter(test).map(({ sentAtMs, tookMs }) => sentAtMs + tookMs));
  const refused = ends(({ status, sentAtMs }) => status === 503 && sentAtMs >= fromMs);
  const served = ends((outcome) => isServed(outcome) && outcome.sentAtMs >= backMs);
  const seconds = ((backMs - fromMs) / 1000).toFixed(1);
  return `${how} at ${(fromMs / 1000).toFixed(1)} s for ${seconds} s: first 503 after ${Math.round(refused - fromMs)} ms, served again ${Math.round(served - backMs)} ms after it could answer`;
}

function heapText({ atMs, isQuiet, holding }: Sample): string {
  const busy = isQuiet ? "" : " (with requests under way)";
  return `${(holding.heapBytes / 1e6).toFixed(1)} MB at ${(atMs / 1000).toFixed(0)} s${busy}`;
}

function resourceText({ holding }: Rest): string {
  return Object.entries(holding.resources)
    .map(([kind, number]) => `${number} ${kind}`)
    .join(" ");
}

function latencyText(outcomes: readonly Outcome[]): string {
  const times = outcomes
    .filter(({ kind }) => !kind.guarded)
    .map(({ tookMs }) => tookMs)
    .toSorted((a, b) => a - b);
  const at = (share: number): string => `${(times[Math.floor(times.length * share)] ?? 0).toFixed(1)} ms`;
  return `median ${at(0.5)}, 99 % within ${at(0.99)}`;
}
