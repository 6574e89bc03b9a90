import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { type Graph, type GraphNode, stopLevels } from "../graphs/graph.ts";
import { createBody } from "../graphs/render.ts";
import { createEngineClient, type EngineClient } from "../lib/engine-client.ts";
import type { Observer } from "../lib/observer.ts";
import type { Contestant, Span, Trial } from "./contestant.ts";

/** Starts in flight: this engine on 2 cores is fastest with 8; more on larger machines costs nothing. */
const startsInFlight = 8;
const probeEveryMs = 10;
const networkOf = (project: string): string => `floor-${project}`;
const containerOf = (project: string, node: string): string => `${project}.${node}`;

/** What the floor learns from: events for the ends of tasks, and for readiness the port itself or the engine. */
export interface FloorOptions {
  readonly observer: Observer;
  readonly readiness: "port" | "engine";
}

/**
 * The lower bound: the same graph by the engine calls that cannot be avoided, from a process that runs already.
 * Everything is created up front; each start is sent the moment its conditions hold.
 */
export function floorContestant(options: FloorOptions): Contestant {
  return {
    name: options.readiness === "port" ? "floor" : "floor, engine's health",
    prepare: async () => {},
    up: (trial) => timed(trial, (client) => up(client, trial, options)),
    down: (trial) => timed(trial, (client) => down(client, trial)),
    release: async () => {},
  };
}

async function timed({ socket }: Trial, work: (client: EngineClient) => Promise<void>): Promise<Span> {
  using client = createEngineClient(socket);
  const startedAt = Date.now();
  await work(client);
  return { startedAt, exitedAt: Date.now() };
}

async function up(client: EngineClient, { graph, project }: Trial, options: FloorOptions): Promise<void> {
  const network = networkOf(project);
  await client.call("POST", "/networks/create", { Name: network, CheckDuplicate: true });
  const limit = createLimit(startsInFlight);
  const met = new Map<string, Promise<void>>();
  const created = graph.nodes.map((node) =>
    client.text(
      "POST",
      `/containers/create?name=${containerOf(project, node.name)}`,
      createBody(node, network),
    ),
  );
  for (const [index, node] of graph.nodes.entries()) {
    const needs = node.dependsOn.map(({ name, condition }) => met.get(`${name} ${condition}`));
    const started = Promise.all([created[index], ...needs]).then(() =>
      limit(
        async () => void (await client.text("POST", `/containers/${containerOf(project, node.name)}/start`)),
      ),
    );
    met.set(`${node.name} started`, started);
    for (const condition of gates(graph, node)) {
      met.set(
        `${node.name} ${condition}`,
        started.then(() => holds({ ...options, client, project, node, condition })),
      );
    }
  }
  await Promise.all(met.values());
}

/** The conditions beyond "started" that somebody waits for. */
function gates(graph: Graph, node: GraphNode): readonly ("ready" | "completed")[] {
  const edges = graph.nodes.flatMap(({ dependsOn }) => dependsOn.filter(({ name }) => name === node.name));
  return (["ready", "completed"] as const).filter((wanted) =>
    edges.some(({ condition }) => condition === wanted),
  );
}

interface Gate extends FloorOptions {
  readonly client: EngineClient;
  readonly project: string;
  readonly node: GraphNode;
  readonly condition: "ready" | "completed";
}

async function holds({ client, project, node, condition, observer, readiness }: Gate): Promise<void> {
  const container = containerOf(project, node.name);
  if (condition === "completed") {
    // Earlier by 50 ms than `wait` answers: the engine takes the network apart in between (seen on 20.10).
    const end = await observer.until(({ name, action }) => name === container && action === "die");
    if (end.exitCode !== 0) throw new Error(`Cannot go on: "${container}" ended with ${end.exitCode}`);
    return;
  }
  if (readiness === "engine") {
    await observer.until(({ name, action }) => name === container && action === "health_status: healthy");
    return;
  }
  const facts = await client.call<Inspection>("GET", `/containers/${container}/json`);
  const host = facts.NetworkSettings.Networks[networkOf(project)]?.IPAddress ?? "";
  while (!(await accepts(host, node.health?.port ?? 0))) await sleep(probeEveryMs);
}

interface Inspection {
  readonly NetworkSettings: { readonly Networks: Readonly<Record<string, { readonly IPAddress: string }>> };
}

async function accepts(host: string, port: number): Promise<boolean> {
  const socket = connect({ host, port });
  try {
    return await new Promise((resolve) => {
      socket.once("connect", () => resolve(true));
      socket.once("error", () => resolve(false));
    });
  } finally {
    socket.destroy();
  }
}

/** Each level in parallel, those nobody depends on first: stop, remove, then the network. */
async function down(client: EngineClient, { graph, project }: Trial): Promise<void> {
  for (const level of stopLevels(graph)) {
    await Promise.all(
      level.map(async ({ name }) => {
        await client.text("POST", `/containers/${containerOf(project, name)}/stop?t=10`);
        await client.text("DELETE", `/containers/${containerOf(project, name)}`);
      }),
    );
  }
  await client.text("DELETE", `/networks/${networkOf(project)}`);
}

/** Runs at most `count` of the tasks at once. */
function createLimit(count: number): <T>(task: () => Promise<T>) => Promise<T> {
  let free = count;
  const waiting: (() => void)[] = [];
  return async (task) => {
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await task();
    } finally {
      const next = waiting.shift();
      if (next === undefined) free += 1;
      else next();
    }
  };
}
