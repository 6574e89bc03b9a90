import type { JournalEntry } from "../../src/drivers/memory/journal.ts";
import type { ContainerScript } from "../../src/drivers/memory/script.ts";
import { type Graph, type GraphNode, violations } from "./graph.ts";
import { containerOf } from "./memory-world.ts";

/** Longest times in a memory graph, in ms of virtual time. */
const longestStartMs = 40;
const longestReadyMs = 400;

/** How late a probe may notice readiness: its shortest period, or 5 % of the time waited. */
const latenessMs = Math.max(50, 0.05 * longestReadyMs);

export function scriptsOf(graph: Graph): Readonly<Record<string, ContainerScript>> {
  return Object.fromEntries(graph.map((node) => [node.name, scriptOf(node)]));
}

function scriptOf(node: GraphNode): ContainerScript {
  const startMs = Math.round(node.startShare * longestStartMs);
  const readyMs = readyMsOf(node);
  return node.kind === "task" ? { startMs, exitAfterMs: readyMs, exitCode: 0 } : { startMs, readyMs };
}

function readyMsOf(node: GraphNode): number {
  return Math.round(node.readyShare * longestReadyMs);
}

export function resourcesOf(graph: Graph): Readonly<Record<string, unknown>> {
  return Object.fromEntries(graph.map((node) => [node.name, resourceOf(node)]));
}

function resourceOf({ kind, needs, restart }: GraphNode): unknown {
  const common = {
    image: "work:1",
    restart,
    depends_on: Object.fromEntries(needs.map(({ name, condition }) => [name, condition])),
  };
  switch (kind) {
    case "task":
      return { task: common };
    case "plain":
      return { container: common };
    case "exec":
      return { container: { ...common, ready: { exec: ["check"] } } };
    case "health":
      return { container: { ...common, healthcheck: { test: ["CMD", "check"] } } };
  }
}

type Change = Extract<JournalEntry, { readonly type: "change" }>;

/** What the engine's journal says happened to containers, by resource. Nothing here knows Lash. */
export function changesOf(log: readonly JournalEntry[], action: string): ReadonlyMap<string, Change> {
  const found = new Map<string, Change>();
  for (const entry of log) {
    if (entry.type !== "change" || entry.of !== "container" || entry.action !== action) continue;
    const name = entry.target.slice(containerOf("").length);
    if (!found.has(name)) found.set(name, entry);
  }
  return found;
}

/** Every broken edge, and everything that did not start or end as it should. */
export function judgeOrder(graph: Graph, log: readonly JournalEntry[]): string[] {
  const starts = changesOf(log, "start");
  const dies = changesOf(log, "die");
  const started = new Map([...starts].map(([name, { atMs }]) => [name, atMs]));
  const completed = new Map(
    [...dies].filter(([, { exitCode }]) => exitCode === 0).map(([name, { atMs }]) => [name, atMs]),
  );
  const ready = new Map(
    graph.flatMap((node) => {
      const at = started.get(node.name);
      return at === undefined || node.kind === "task"
        ? []
        : [[node.name, node.kind === "plain" ? at : at + readyMsOf(node)] as const];
    }),
  );
  return violations(graph, { started, ready, completed });
}

/** Resources that were created later than their dependencies and the probes' period explain, while there was room. */
export function judgePromptness(graph: Graph, log: readonly JournalEntry[], delayMs: number): string[] {
  const calls = new Map<string, number>();
  for (const entry of log) {
    if (entry.type === "call" && entry.method === "create") calls.set(entry.target, entry.atMs);
  }
  const starts = changesOf(log, "start");
  const dies = changesOf(log, "die");
  const first = log[0]?.atMs ?? 0;
  const byName = new Map(graph.map((node) => [node.name, node]));
  return graph.flatMap(({ name, needs }) => {
    const at = calls.get(containerOf(name));
    if (at === undefined) return [];
    const free = Math.max(
      first,
      ...needs.map((need) => {
        const node = byName.get(need.name);
        const startedAt = starts.get(need.name)?.atMs ?? first;
        if (node === undefined || need.condition === "started" || node.kind === "plain") return startedAt;
        if (node.kind === "task") return dies.get(need.name)?.atMs ?? startedAt;
        return startedAt + readyMsOf(node) + latenessMs;
      }),
    );
    // Looking at what is there, the network, and one inspection of each dependency come before.
    return at - free <= 4 * delayMs ? [] : [`"${name}" was created ${at - free} ms after it could have been`];
  });
}

/** Largest number of calls of these methods that were under way at once. */
export function mostInFlight(log: readonly JournalEntry[], methods: readonly string[]): number {
  let [now, most] = [0, 0];
  for (const entry of log) {
    if (entry.type === "change" || !methods.includes(entry.method)) continue;
    now += entry.type === "call" ? 1 : -1;
    most = Math.max(most, now);
  }
  return most;
}

/** Calls of a method, of all or for one target. */
export function countCalls(
  log: readonly JournalEntry[],
  method: string,
  targets?: ReadonlySet<string>,
): number {
  return log.filter(
    (entry) => entry.type === "call" && entry.method === method && (targets?.has(entry.target) ?? true),
  ).length;
}

/** A dependent ends before what it needs: by the journal's own order. */
export function judgeDown(graph: Graph, log: readonly JournalEntry[]): string[] {
  const ends = changesOf(log, "destroy");
  const late = graph.flatMap(({ name, needs }) =>
    needs.flatMap((need) => {
      const [first, then] = [ends.get(name), ends.get(need.name)];
      return first === undefined || then === undefined || first.sequence < then.sequence
        ? []
        : [`"${need.name}" was removed before "${name}", which needs it`];
    }),
  );
  return [
    ...late,
    ...graph.filter(({ name }) => !ends.has(name)).map(({ name }) => `"${name}" was not removed`),
  ];
}

/** Level of each resource for stopping, by a way of its own: 0 for what nobody needs. */
export function stopLevelOf(graph: Graph): ReadonlyMap<string, number> {
  const levels = new Map<string, number>();
  for (const node of graph.toReversed()) {
    const dependents = graph.filter(({ needs }) => needs.some(({ name }) => name === node.name));
    levels.set(node.name, Math.max(-1, ...dependents.map(({ name }) => levels.get(name) ?? 0)) + 1);
  }
  return levels;
}
