import { stringify } from "yaml";
import type { Condition, Graph, GraphNode } from "./graph.ts";

/** Enough tries for any run; a tool must not give up here. */
const retries = 100;

/** The graph as lash.yml. */
export function renderLash(graph: Graph, project: string): string {
  const resources = Object.fromEntries(graph.nodes.map((node) => [node.name, lashResource(node)]));
  return stringify({ project: { name: project }, resources });
}

function lashResource(node: GraphNode): unknown {
  const { image, command, health } = node;
  const depends = Object.fromEntries(node.dependsOn.map(({ name, condition }) => [name, condition]));
  const body = {
    image,
    command,
    ...(node.dependsOn.length === 0 ? {} : { depends_on: depends }),
    ...(health?.from === "manifest" ? { healthcheck: healthcheck(health.test, health.intervalMs) } : {}),
    ...(health?.from === "image" ? { ready: { healthcheck: true } } : {}),
  };
  return node.kind === "task" ? { task: body } : { container: body };
}

/** The graph as compose.yaml. */
export function renderCompose(graph: Graph, project: string): string {
  const services = Object.fromEntries(graph.nodes.map((node) => [node.name, composeService(node)]));
  return stringify({ name: project, services });
}

const composeCondition: Readonly<Record<Condition, string>> = {
  started: "service_started",
  ready: "service_healthy",
  completed: "service_completed_successfully",
};

function composeService(node: GraphNode): unknown {
  const { image, health } = node;
  // A lone $ would be a variable to Compose.
  const command = node.command.map((word) => word.replaceAll("$", "$$$$"));
  const depends = Object.fromEntries(
    node.dependsOn.map(({ name, condition }) => [name, { condition: composeCondition[condition] }]),
  );
  return {
    image,
    command,
    ...(node.dependsOn.length === 0 ? {} : { depends_on: depends }),
    ...(health?.from === "manifest" ? { healthcheck: healthcheck(health.test, health.intervalMs) } : {}),
  };
}

function healthcheck(test: readonly string[], intervalMs: number): unknown {
  return { test: ["CMD", ...test], interval: `${intervalMs}ms`, timeout: "3s", retries };
}

/** The body of a raw `create` call. */
export function createBody(node: GraphNode, network: string): unknown {
  const { health } = node;
  return {
    Image: node.image,
    Cmd: node.command,
    ...(health?.from === "manifest"
      ? {
          Healthcheck: {
            Test: ["CMD", ...health.test],
            Interval: health.intervalMs * 1e6,
            Timeout: 3e9,
            Retries: retries,
          },
        }
      : {}),
    HostConfig: { NetworkMode: network },
    NetworkingConfig: { EndpointsConfig: { [network]: { Aliases: [node.name] } } },
  };
}
