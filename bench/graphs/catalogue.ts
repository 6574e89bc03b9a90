import { baseImage } from "../lib/bench-bed.ts";
import type { Graph, GraphNode } from "./graph.ts";

/** Ends at once on SIGTERM: a process 1 that ignores it would measure the ten seconds of grace. */
const serve = ["sh", "-c", "trap 'exit 0' TERM; sleep 3600 & wait"] as const;

/** Seconds until the database of the typical stack listens: what a small real one takes on a warm machine. */
const databaseDelay = "0.8";

export const databasePort = 5432;

/** A health test that busybox can run; passes when the port answers. */
export function answersOn(port: number): readonly string[] {
  return ["wget", "-q", "-O", "/dev/null", `http://127.0.0.1:${port}/`];
}

function service(name: string, dependsOn: GraphNode["dependsOn"] = []): GraphNode {
  return { name, kind: "service", image: baseImage, command: serve, health: undefined, dependsOn };
}

function task(name: string, dependsOn: GraphNode["dependsOn"] = []): GraphNode {
  return { name, kind: "task", image: baseImage, command: ["true"], health: undefined, dependsOn };
}

/** Twelve services, no edges: nothing but starting. */
export const flat12: Graph = {
  name: "flat-12",
  nodes: Array.from({ length: 12 }, (_, index) => service(`s${index + 1}`)),
};

/** Three tasks after each other, then a service: nothing but waiting for ends. */
export const chain4: Graph = {
  name: "chain-4",
  nodes: [
    task("t1"),
    task("t2", [{ name: "t1", condition: "completed" }]),
    task("t3", [{ name: "t2", condition: "completed" }]),
    service("s4", [{ name: "t3", condition: "completed" }]),
  ],
};

/** A database with a healthcheck, a migration, six applications. */
export function typical8(intervalMs: number, from: "manifest" | "image" = "manifest"): Graph {
  const seconds = intervalMs / 1000;
  const database: GraphNode = {
    name: "db",
    kind: "service",
    image: from === "image" ? healthImage(intervalMs) : baseImage,
    command: ["open-port", String(databasePort), databaseDelay],
    health: { test: answersOn(databasePort), intervalMs, port: databasePort, from },
    dependsOn: [],
  };
  const needs = [
    { name: "db", condition: "ready" },
    { name: "migrate", condition: "completed" },
  ] as const;
  const apps = Array.from({ length: 6 }, (_, index) => service(`app${index + 1}`, needs));
  const suffix = from === "image" ? ", image's check" : "";
  return {
    name: `typical-8 (interval ${seconds} s${suffix})`,
    nodes: [database, task("migrate", [{ name: "db", condition: "ready" }]), ...apps],
  };
}

/** Name of the image that has the database's healthcheck in itself. */
export function healthImage(intervalMs: number): string {
  return `lash-bench-health:${intervalMs}`;
}
