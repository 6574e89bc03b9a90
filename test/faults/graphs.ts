import fc from "fast-check";
import { type FaultBed, openFaultBed, type Place } from "./fault-bed.ts";
import { type Graph, type GraphNode, graphs as randomGraphs, violations } from "./graph.ts";
import { type EngineEvent, openedAt, watchEngine } from "./observer.ts";
import { assertNone, type OpenSuite, type Suite } from "./suite.ts";

export const graphSize = 40;

/** Longest time until a port opens or a task ends, in seconds. */
const longestReadySeconds = 0.6;
/** From when on whole milliseconds of the workload's clock count as a violation. */
const clockStepMs = 1;

/** Stacks of 40 resources with random dependencies on a real engine, judged from the engine's events and the workload's own clock. */
export const graphs: Suite = {
  runs: 10,
  timeoutMs: 240_000,
  async open(): Promise<OpenSuite> {
    const bed = await openFaultBed();
    return {
      async run({ seed }) {
        try {
          return await runGraph(bed, seed);
        } finally {
          await bed.sweep();
        }
      },
      [Symbol.asyncDispose]: () => bed[Symbol.asyncDispose](),
    };
  },
};

/** Brings one random stack up and down; rejects with every violation. */
export async function runGraph(bed: FaultBed, seed: number): Promise<string> {
  const [graph = []] = fc.sample(randomGraphs({ minLength: graphSize, maxLength: graphSize }), {
    seed,
    numRuns: 1,
  });
  const place = await bed.place();
  await place.write(manifestOf(graph, place.project));
  await using watch = await watchEngine(bed.socket, place.project);
  const startedAt = performance.now();
  await place.lash(["up", "-d"]);
  const upMs = Math.round(performance.now() - startedAt);
  const opened = await openedTimes(bed, place, graph);
  const wrong = judgeUp(graph, watch.events, opened);
  const most = mostUnready(watch.events, opened);
  watch.mark();
  await place.lash(["down"]);
  wrong.push(...judgeDown(graph, await watch.settled()));
  const left = (await bed.holdings()).containers.filter(({ name }) => name.startsWith(`${place.project}.`));
  wrong.push(...left.map(({ name, state }) => `container "${name}" (${state}) is left after down`));
  assertNone(wrong);
  const edges = graph.reduce((sum, { needs }) => sum + needs.length, 0);
  return `${graph.length} resources, ${edges} dependencies, up in ${upMs} ms, at most ${most} on their way at once`;
}

function manifestOf(graph: Graph, project: string): unknown {
  return {
    project: { name: project },
    resources: Object.fromEntries(graph.map((node) => [node.name, resourceOf(node)])),
  };
}

function resourceOf(node: GraphNode): unknown {
  const seconds = (node.readyShare * longestReadySeconds).toFixed(2);
  const common = {
    image: "lash-base:1",
    depends_on: Object.fromEntries(node.needs.map(({ name, condition }) => [name, condition])),
  };
  const server = { ...common, command: ["open-port", "8080", seconds], restart: node.restart };
  switch (node.kind) {
    case "task":
      return { task: { ...common, command: ["sh", "-c", `sleep ${seconds}`] } };
    case "plain":
      return { container: server };
    case "exec":
      return { container: { ...server, ready: { tcp: 8080, timeout: "2m" } } };
    case "health":
      return {
        container: {
          ...server,
          healthcheck: {
            test: ["CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8080/"],
            interval: "2s",
          },
          ready: { healthcheck: true, timeout: "2m" },
        },
      };
  }
}

async function openedTimes(bed: FaultBed, place: Place, graph: Graph): Promise<ReadonlyMap<string, number>> {
  const checked = graph.filter(({ kind }) => kind === "exec" || kind === "health");
  const times = await Promise.all(
    checked.map(async ({ name }) => [name, await openedAt(bed.socket, `${place.project}.${name}`)] as const),
  );
  return new Map(times.filter((pair): pair is [string, number] => pair[1] !== undefined));
}

function judgeUp(
  graph: Graph,
  events: readonly EngineEvent[],
  opened: ReadonlyMap<string, number>,
): string[] {
  const started = timesOf(events, ({ action }) => action === "start");
  const completed = timesOf(events, ({ action, exitCode }) => action === "die" && exitCode === 0);
  const plain = graph
    .filter(({ kind }) => kind === "plain")
    .map(({ name }) => [name, started.get(name) ?? Infinity] as const);
  const ready = new Map([...plain, ...[...opened].map(([name, at]) => [name, at - clockStepMs] as const)]);
  return [
    ...violations(graph, { started, ready, completed }),
    ...graph.filter(({ name }) => !started.has(name)).map(({ name }) => `"${name}" was never started`),
    ...graph
      .filter(({ name, kind }) => kind === "task" && !completed.has(name))
      .map(({ name }) => `task "${name}" did not end with 0`),
    ...graph
      .filter(
        ({ name }) =>
          events.filter((event) => event.resource === name && event.action === "start").length > 1,
      )
      .map(({ name }) => `"${name}" was started more than once`),
  ];
}

/** A dependent ends before what it needs, and everything is removed. */
function judgeDown(graph: Graph, events: readonly EngineEvent[]): string[] {
  const ended = timesOf(events, ({ action }) => action === "die");
  const gone = timesOf(events, ({ action }) => action === "destroy");
  const order = graph.flatMap(({ name, needs }) =>
    needs.flatMap((need) => {
      const [first, then] = [ended.get(name), ended.get(need.name)];
      return first === undefined || then === undefined || first <= then
        ? []
        : [`"${need.name}" ended before "${name}", which needs it`];
    }),
  );
  return [
    ...order,
    ...graph.filter(({ name }) => !gone.has(name)).map(({ name }) => `"${name}" was not removed`),
  ];
}

/** The first time at which something of this kind happened to each resource. */
function timesOf(events: readonly EngineEvent[], fits: (event: EngineEvent) => boolean): Map<string, number> {
  const times = new Map<string, number>();
  for (const event of events)
    if (fits(event) && !times.has(event.resource)) times.set(event.resource, event.atMs);
  return times;
}

/** Largest number of resources between their creation and their port or end: what really ran in parallel. */
function mostUnready(events: readonly EngineEvent[], opened: ReadonlyMap<string, number>): number {
  const steps = events.flatMap(({ action, resource, atMs }) => {
    const until =
      opened.get(resource) ??
      events.find((event) => event.resource === resource && event.action === "start")?.atMs;
    return action === "create" && until !== undefined ? [[atMs, 1] as const, [until, -1] as const] : [];
  });
  let [now, most] = [0, 0];
  for (const [, step] of steps.sort(([a], [b]) => a - b)) {
    now += step;
    most = Math.max(most, now);
  }
  return most;
}
