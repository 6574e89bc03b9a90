/** When a dependent may start. */
export type Condition = "started" | "ready" | "completed";

/** How an engine, or the tool, finds out that a node is ready: its command exits with 0. */
interface Health {
  readonly test: readonly string[];
  readonly intervalMs: number;
  /** Port that opens when the node is ready; the floor asks it directly. */
  readonly port: number;
}

export interface GraphNode {
  readonly name: string;
  /** A task runs to its end; a service goes on and ends at once on SIGTERM. */
  readonly kind: "task" | "service";
  readonly image: string;
  readonly command: readonly string[];
  /** In the image already; then no tool may declare it once more. */
  readonly health: (Health & { readonly from: "manifest" | "image" }) | undefined;
  readonly dependsOn: readonly { readonly name: string; readonly condition: Condition }[];
}

/** A stack to bring up, the same one for every tool. */
export interface Graph {
  readonly name: string;
  /** In an order in which every node comes after what it depends on. */
  readonly nodes: readonly GraphNode[];
}

/** Levels from those nobody depends on to those that depend on nothing: the order of a stop. */
export function stopLevels(graph: Graph): readonly (readonly GraphNode[])[] {
  const depths = new Map<string, number>();
  for (const node of graph.nodes) {
    depths.set(node.name, 1 + Math.max(-1, ...node.dependsOn.map(({ name }) => depths.get(name) ?? 0)));
  }
  const levels: GraphNode[][] = [];
  for (const node of graph.nodes) (levels[depths.get(node.name) ?? 0] ??= []).push(node);
  return levels.toReversed();
}
