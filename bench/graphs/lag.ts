import { stringify } from "yaml";
import { baseImage } from "../lib/bench-bed.ts";
import { answersOn, flat12 } from "./catalogue.ts";
import type { Graph } from "./graph.ts";

/** Ways to find out that a service is ready. */
export const lagKinds = ["tcp", "http", "exec", "healthcheck"] as const;
export type LagKind = (typeof lagKinds)[number];

const lagPort = 8080;
const intervalMs = 5000;

/** A service that opens its port after a while, and one that waits for it. */
export function lagGraph(delaySeconds: number): Graph {
  const command = flat12.nodes[0]?.command ?? [];
  return {
    name: "lag",
    nodes: [
      {
        name: "service",
        kind: "service",
        image: baseImage,
        command: ["open-port", String(lagPort), String(delaySeconds)],
        health: { test: answersOn(lagPort), intervalMs, port: lagPort, from: "manifest" },
        dependsOn: [],
      },
      {
        name: "dependent",
        kind: "service",
        image: baseImage,
        command,
        health: undefined,
        dependsOn: [{ name: "service", condition: "ready" }],
      },
    ],
  };
}

/** The graph as lash.yml, with this kind of readiness besides the declared healthcheck of 5 s. */
export function renderLagManifest(graph: Graph, project: string, kind: LagKind): string {
  const ready: Readonly<Record<LagKind, unknown>> = {
    tcp: { tcp: lagPort },
    http: { http: "/", port: lagPort },
    exec: { exec: answersOn(lagPort) },
    healthcheck: { healthcheck: true },
  };
  const resources = Object.fromEntries(
    graph.nodes.map(({ name, image, command, health, dependsOn }) => [
      name,
      {
        container: {
          image,
          command,
          ...(health === undefined
            ? {}
            : { healthcheck: { test: ["CMD", ...health.test], interval: "5s" }, ready: ready[kind] }),
          ...(dependsOn.length === 0 ? {} : { depends_on: dependsOn.map((each) => each.name) }),
        },
      },
    ]),
  );
  return stringify({ project: { name: project }, resources });
}
