import type { EngineMethod } from "../../src/drivers/memory/memory-engine.ts";
import { isLashError, messageOf } from "../../src/model/errors.ts";
import type { Failure } from "../../src/recovery/failure.ts";
import { dependentsOf, type Graph, type GraphNode } from "./graph.ts";
import {
  changesOf,
  countCalls,
  judgeDown,
  judgeOrder,
  judgePromptness,
  mostInFlight,
  resourcesOf,
  scriptsOf,
  stopLevelOf,
} from "./memory-judge.ts";
import { bounded, containerOf, type MemoryWorld, openMemoryWorld } from "./memory-world.ts";
import { assertNone } from "./suite.ts";

/** Engine actions in flight at once that the design allows. */
const limit = 16;
const delayMs = 2;

/** Time of each engine call: without one, virtual time would not tell order from parallelism. */
const delays = {
  create: delayMs,
  start: delayMs,
  stop: delayMs,
  remove: delayMs,
  list: delayMs,
  "networks.create": delayMs,
};

function openGraph(graph: Graph): MemoryWorld {
  return openMemoryWorld(resourcesOf(graph), { scripts: scriptsOf(graph), delays });
}

/** Up and down of one graph: order, promptness, parallelism, number of calls. Returns what was in flight at most. */
export async function checkUpDown(graph: Graph): Promise<{ readonly upMs: number; readonly most: number }> {
  await using world = openGraph(graph);
  const { engine, handle, events } = world;
  const result = await bounded(handle.up(), "up");
  await world.clock.settle();
  const upLog = [...engine.log];
  const most = mostInFlight(upLog, ["create", "start", "images.pull"]);
  const wrong = [...judgeOrder(graph, upLog)];
  if (most > limit) wrong.push(`${most} actions in flight`);
  if (most < limit) wrong.push(...judgePromptness(graph, upLog, delayMs));
  for (const node of graph) wrong.push(...judgeEnd(node, world), ...judgeCalls(node, upLog, world));
  const lists = countCalls(upLog, "list");
  if (lists > 3) wrong.push(`${lists} listings in one up`);
  assertNone(wrong);

  await bounded(handle.down(), "down");
  const downLog = engine.log.slice(upLog.length);
  assertNone([
    ...judgeDown(graph, downLog),
    ...judgeLevels(graph, downLog),
    ...(await world.holdings()).map((left) => `left after down: ${left}`),
  ]);
  if (events.some(({ type }) => type === "resource_failed")) throw new Error("a resource was told as failed");
  return { upMs: result.tookMs, most };
}

/** Told once as ready or completed, and started once. */
function judgeEnd({ name, kind }: GraphNode, { events, engine }: MemoryWorld): string[] {
  const wanted = kind === "task" ? "resource_completed" : "resource_ready";
  const told = events.filter((event) => event.type === wanted && event.name === name).length;
  const starts = engine.log.filter(
    (entry) => entry.type === "change" && entry.target === containerOf(name) && entry.action === "start",
  ).length;
  return [
    ...(told === 1 ? [] : [`"${name}" was told ${told} times as ${wanted}`]),
    ...(starts === 1 ? [] : [`"${name}" was started ${starts} times`]),
  ];
}

/** One creation, one start, an inspection per thing that happened to it, and probes at their period. */
function judgeCalls(
  { name, kind, readyShare }: GraphNode,
  log: MemoryWorld["engine"]["log"],
  world: MemoryWorld,
): string[] {
  const started = world.events.find((event) => event.type === "resource_started" && event.name === name);
  const id = started !== undefined && "container_id" in started ? started.container_id : "";
  const targets = new Set([id, containerOf(name)]);
  const changes = log.filter((entry) => entry.type === "change" && entry.target === containerOf(name)).length;
  const most: Readonly<Record<string, number>> = {
    create: 1,
    start: 1,
    // One after the start, then one per change for each of the two who watch: readiness, later supervision.
    inspect: 3 + 2 * changes,
    exec: kind === "exec" || kind === "health" ? 2 + Math.ceil((readyShare * 400) / 50) : 0,
    stop: 0,
    remove: 0,
    wait: 0,
  };
  return Object.entries(most).flatMap(([method, allowed]) => {
    const count = countCalls(log, method, targets);
    return count <= allowed
      ? []
      : [`${count} calls of ${method} for "${name}" (${kind}), ${allowed} expected at most`];
  });
}

/** No level begins before the one in front of it is gone, and each level stops at once. */
function judgeLevels(graph: Graph, log: MemoryWorld["engine"]["log"]): string[] {
  const levels = stopLevelOf(graph);
  const gone = changesOf(log, "destroy");
  const spans = Map.groupBy(
    [...gone].map(([name, { atMs }]) => ({ atMs, level: levels.get(name) ?? 0 })),
    ({ level }) => level,
  );
  const wrong: string[] = [];
  let before = Number.NEGATIVE_INFINITY;
  for (const [level, ends] of [...spans].sort(([a], [b]) => a - b)) {
    const times = ends.map(({ atMs }) => atMs);
    if (Math.min(...times) <= before)
      wrong.push(`level ${level} began before the one in front of it was gone`);
    // A task has ended already, so it needs no stop and goes sooner.
    if (Math.max(...times) - Math.min(...times) > delayMs)
      wrong.push(`level ${level} was not stopped in parallel`);
    before = Math.max(...times);
  }
  return wrong;
}

export const breakages = [
  "create-refused",
  "start-refused",
  "exits-early",
  "never-ready",
  "exits-later",
] as const;
export type Breakage = (typeof breakages)[number];

/** One resource fails. Roll-back leaves nothing, the first error is that one, what waited for it is told why. */
export async function checkFailure(graph: Graph, at: number, breakage: Breakage): Promise<string> {
  const node = graph[at % graph.length];
  if (node === undefined) return "empty";
  const resources = { ...resourcesOf(graph) } as Record<string, { task?: object; container?: object }>;
  const effective =
    breakage === "never-ready" && (node.kind === "task" || node.kind === "plain") ? "exits-early" : breakage;
  const broken = { ...node, restart: "never" as const };
  const [[, resource] = ["", {}]] = Object.entries(resourcesOf([broken])) as [
    string,
    { container?: object; task?: object },
  ][];
  resources[node.name] =
    effective === "never-ready"
      ? { container: { ...resource.container, ready: { exec: ["check"], timeout: "30ms" } } }
      : resource;
  await using world = openMemoryWorld(resources, { scripts: scriptsOf(graph), delays });
  world.engine.script(containerOf(node.name), { ...scriptsOf(graph)[node.name], ...scriptFor(effective) });
  const error = await bounded(
    world.handle.up().then(
      () => undefined,
      (thrown: unknown) => thrown,
    ),
    "up with a failure",
  );
  // A container without a check is ready at once, so that everything may be up before it ends.
  if (
    error === undefined &&
    (effective === "exits-later" || effective === "exits-early") &&
    node.kind !== "task"
  ) {
    await bounded(world.handle.down(), "down");
    assertNone((await world.holdings()).map((left) => `left after down: ${left}`));
    return "up before it failed";
  }
  if (!isLashError(error, "resource-failed")) throw new Error(`up ended with ${messageOf(error)}`);
  const failures = error.data["failures"] as readonly Failure[];
  const direct = graph.filter(
    ({ name, needs }) => needs.some((need) => need.name === node.name) && started(world, name) === undefined,
  );
  const wrong = (await world.holdings()).map((left) => `left after the roll-back: ${left}`);
  if (failures[0]?.subject !== node.name)
    wrong.push(`the first failure is of "${failures[0]?.subject}", not of "${node.name}"`);
  const dependents = dependentsOf(graph, node.name);
  for (const failure of failures.slice(1)) {
    if (!dependents.has(failure.subject)) wrong.push(`"${failure.subject}" failed too: ${failure.message}`);
    else if (failure.code !== "dependency-failed")
      wrong.push(`"${failure.subject}" was told ${failure.code}, not dependency-failed`);
  }
  // Waiting for `started` alone is over before readiness fails.
  const met = effective === "create-refused" || effective === "start-refused" ? [] : ["started"];
  for (const { name, needs } of direct) {
    const need = needs.find((each) => each.name === node.name);
    if (
      need === undefined ||
      met.includes(need.condition) ||
      (effective === "exits-later" && node.kind === "plain")
    )
      continue;
    if (effective === "exits-later" && node.kind !== "task" && need.condition === "ready") continue;
    if (node.kind === "plain" && effective === "exits-early") continue;
    if (!failures.some((failure) => failure.subject === name))
      wrong.push(`"${name}" was not told that "${node.name}" failed`);
  }
  assertNone(wrong);
  return `${effective} of ${node.kind}`;
}

function started({ events }: MemoryWorld, name: string): unknown {
  return events.find(
    (event) =>
      (event.type === "resource_starting" || event.type === "resource_started") && event.name === name,
  );
}

function scriptFor(breakage: Breakage): object {
  switch (breakage) {
    case "create-refused":
      return { failCreate: "refused by the test" };
    case "start-refused":
      return { failStart: "refused by the test" };
    case "exits-early":
      return { readyMs: Infinity, exitAfterMs: 30, exitCode: 3 };
    case "never-ready":
      return { readyMs: Infinity };
    case "exits-later":
      return { readyMs: 10, exitAfterMs: 120, exitCode: 3 };
  }
}

/** Cancelled at this moment of virtual time: nothing is left. */
export async function checkCancel(graph: Graph, afterMs: number): Promise<string> {
  await using world = openGraph(graph);
  const controller = new AbortController();
  const timer = new AbortController();
  void world.clock.sleep(afterMs, { signal: timer.signal }).then(
    () => controller.abort(new Error("cancelled by the test")),
    () => {},
  );
  const error = await bounded(
    world.handle.up({ signal: controller.signal }).then(
      () => undefined,
      (thrown: unknown) => thrown,
    ),
    "cancelled up",
  );
  timer.abort();
  if (error === undefined) return "was up before";
  // What an engine had begun may come to its end a moment later.
  await world.clock.pass(1000);
  const wrong = (await world.holdings()).map((left) => `left after the cancel: ${left}`);
  if (!messageOf(error).includes("cancelled by the test")) wrong.push(`it rejected with ${messageOf(error)}`);
  const failed = world.events.filter(({ type }) => type === "resource_failed");
  if (failed.length > 0) wrong.push(`a cancel made a resource fail: ${JSON.stringify(failed[0])}`);
  assertNone(wrong);
  return "cancelled";
}

export const refusable: readonly EngineMethod[] = [
  "list",
  "inspect",
  "create",
  "start",
  "stop",
  "kill",
  "remove",
  "exec",
  "logs",
  "events",
  "images.inspect",
  "networks.inspect",
  "networks.create",
  "networks.remove",
  "volumes.list",
];

/** One refused engine call of this method, from this moment on: everything is up, or nothing is left. Then a `down` does its work. */
export async function checkRefusal(graph: Graph, method: EngineMethod, afterMs: number): Promise<string> {
  await using world = openGraph(graph);
  const timer = new AbortController();
  void world.clock.sleep(afterMs, { signal: timer.signal }).then(
    () => world.engine.failNext(method),
    () => {},
  );
  const error = await bounded(
    world.handle.up().then(
      () => undefined,
      (thrown: unknown) => thrown,
    ),
    `up with a refused ${method}`,
  );
  timer.abort();
  const log = [...world.engine.log];
  const refused = log.some((entry) => entry.type === "throw" && entry.error.includes("ordered by the test"));
  const holdings = await world.holdings().catch(() => world.holdings());
  if (error === undefined) assertNone(graph.flatMap((node) => judgeEnd(node, world)));
  else if (holdings.length > 0)
    throw new Error(`up rejected (${messageOf(error)}) and left ${holdings.join(", ")}`);
  const first = await bounded(
    world.handle.down().then(
      () => "down",
      (thrown: unknown) => messageOf(thrown),
    ),
    "down",
  );
  if (first !== "down") await bounded(world.handle.down(), "second down");
  assertNone((await world.holdings()).map((left) => `left after down: ${left}`));
  return `${refused ? "refused" : "not reached"}, ${error === undefined ? "up" : "rolled back"}`;
}

export const disturbances = ["nothing", "cancel", "start-refused", "exits-early"] as const;
export type Disturbance = (typeof disturbances)[number];

/**
 * A stack that runs is brought up again with some resources changed, and something comes in between. Either everything
 * is as wanted, with what did not change untouched, or everything is as it was before: the same containers under the
 * same names, those that ran running again.
 */
export async function checkConverge(
  given: Graph,
  changed: (name: string) => boolean,
  {
    disturbance,
    at,
    afterMs,
  }: { readonly disturbance: Disturbance; readonly at: number; readonly afterMs: number },
): Promise<string> {
  // What the engine restarts by itself is waited for until its readiness has taken too long, which is another matter.
  const graph = given.map((node) => ({ ...node, restart: "never" as const }));
  await using world = openGraph(graph);
  await bounded(world.handle.up(), "first up");
  const before = await containersOf(world);
  const resources = Object.entries(resourcesOf(graph)).map(([name, resource]) => {
    const [[kind, body] = ["container", {}]] = Object.entries(resource as Record<string, object>);
    return [name, { [kind]: changed(name) ? { ...body, env: { VERSION: "2" } } : body }] as const;
  });
  await using again = openMemoryWorld(Object.fromEntries(resources), { after: world });
  const target = graph.filter(({ name }) => changed(name));
  const victim = target[at % Math.max(1, target.length)];
  if (victim !== undefined && (disturbance === "start-refused" || disturbance === "exits-early")) {
    // The former container of that resource has to run again after it, so the script knows the version.
    const normal = scriptsOf(graph)[victim.name];
    world.engine.script(containerOf(victim.name), (spec) =>
      spec.env["VERSION"] === "2" ? { ...normal, ...scriptFor(disturbance) } : { ...normal },
    );
  }
  const controller = new AbortController();
  const timer = new AbortController();
  if (disturbance === "cancel") {
    void world.clock.sleep(afterMs, { signal: timer.signal }).then(
      () => controller.abort(new Error("cancelled by the test")),
      () => {},
    );
  }
  const error = await bounded(
    again.handle.up({ signal: controller.signal }).then(
      () => undefined,
      (thrown: unknown) => thrown,
    ),
    "second up",
  );
  timer.abort();
  const now = await containersOf(world);
  const wrong: string[] = [];
  for (const { name } of graph) {
    const [was, is] = [before.get(containerOf(name)), now.get(containerOf(name))];
    now.delete(containerOf(name));
    if (is === undefined) wrong.push(`"${name}" has no container`);
    // Without a check it is ready by running, so that everything may be up before it ends.
    else if (error === undefined && name === victim?.name && disturbance === "exits-early") continue;
    else if (is.state !== was?.state) wrong.push(`"${name}" is ${is.state}, was ${was?.state}`);
    else if ((error !== undefined || !changed(name)) && is.id !== was.id)
      wrong.push(`"${name}" is another container than before`);
    else if (error === undefined && changed(name) && is.id === was.id)
      wrong.push(`"${name}" was not recreated`);
  }
  wrong.push(...[...now.keys()].map((name) => `container "${name}" is left over`));
  const outcome = `${disturbance}: ${error === undefined ? "converged" : "as before"}`;
  if (wrong.length > 0) throw new Error(`${outcome} (${messageOf(error)})\n${wrong.join("\n")}`);
  await bounded(again.handle.down(), "down");
  assertNone((await world.holdings()).map((left) => `left after down: ${left}`));
  return outcome;
}

async function containersOf({
  engine,
}: MemoryWorld): Promise<Map<string, { readonly id: string; readonly state: string }>> {
  const list = await engine.list({}, { signal: new AbortController().signal });
  return new Map(list.map(({ id, name, state }) => [name, { id, state }]));
}
