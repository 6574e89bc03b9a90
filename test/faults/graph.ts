import fc from "fast-check";

export type Condition = "started" | "ready" | "completed";

/** How a resource of a random graph becomes ready. `plain`: by running. */
export type NodeKind = "plain" | "exec" | "health" | "task";

/** One resource of a random graph. Depends only on nodes before it. */
export interface GraphNode {
  readonly name: string;
  readonly kind: NodeKind;
  readonly needs: readonly { readonly name: string; readonly condition: Condition }[];
  readonly restart: "never" | "on-failure" | "always" | "unless-stopped";
  /** Shares of the time that the judge's scale allows, 0 to 1. */
  readonly startShare: number;
  readonly readyShare: number;
}

export type Graph = readonly GraphNode[];

const conditions: Readonly<Record<NodeKind, readonly Condition[]>> = {
  plain: ["started", "ready"],
  exec: ["started", "ready"],
  health: ["started", "ready"],
  task: ["started", "ready", "completed"],
};

const rawNode = fc.record({
  kind: fc.constantFrom<NodeKind>("plain", "exec", "health", "task"),
  needs: fc.array(fc.record({ of: fc.nat(1_000_000), condition: fc.nat(1_000_000) }), {
    maxLength: 4,
    size: "max",
  }),
  restart: fc.constantFrom<GraphNode["restart"]>("never", "on-failure", "always", "unless-stopped"),
  startShare: fc.integer({ min: 0, max: 100 }).map((percent) => percent / 100),
  readyShare: fc.integer({ min: 0, max: 100 }).map((percent) => percent / 100),
});

/** Random graphs without cycles: a node may need any nodes before it. */
export function graphs({ minLength = 1, maxLength = 40 } = {}): fc.Arbitrary<Graph> {
  return fc.array(rawNode, { minLength, maxLength, size: "max" }).map((raw) =>
    raw.map((node, index): GraphNode => {
      const needs = new Map<string, Condition>();
      for (const { of, condition } of index === 0 ? [] : node.needs) {
        const target = of % index;
        const allowed = conditions[raw[target]?.kind ?? "plain"];
        needs.set(nameOf(target), allowed[condition % allowed.length] ?? "ready");
      }
      // A task that is started over and over never completes.
      const restart =
        node.kind === "task" ? (node.restart === "on-failure" ? "on-failure" : "never") : node.restart;
      return {
        ...node,
        restart,
        name: nameOf(index),
        needs: [...needs].map(([name, condition]) => ({ name, condition })),
      };
    }),
  );
}

export function nameOf(index: number): string {
  return `r${index}`;
}

/** When what a dependent waits for was true, by whoever measured it; undefined: it never was. */
export interface Truth {
  /** Order and time of the last start of each resource. */
  readonly started: ReadonlyMap<string, number>;
  /** From when on its condition for `ready` held. */
  readonly ready: ReadonlyMap<string, number>;
  /** When a task ended with 0. */
  readonly completed: ReadonlyMap<string, number>;
}

/** Every edge that was not respected, in words. Knows the graph and what was measured, nothing of who started it. */
export function violations(graph: Graph, truth: Truth): string[] {
  const kinds = new Map(graph.map(({ name, kind }) => [name, kind]));
  return graph.flatMap(({ name, needs }) => {
    const startedAt = truth.started.get(name);
    if (startedAt === undefined) return [];
    return needs.flatMap((need) => {
      const condition =
        need.condition === "ready" && kinds.get(need.name) === "task" ? "completed" : need.condition;
      const heldAt = truth[condition].get(need.name);
      if (heldAt === undefined) return [`"${name}" started, but "${need.name}" was never ${condition}`];
      return heldAt <= startedAt
        ? []
        : [`"${name}" started ${heldAt - startedAt} ms before "${need.name}" was ${condition}`];
    });
  });
}

/** Names of everything that needs this one, directly or not. */
export function dependentsOf(graph: Graph, name: string): ReadonlySet<string> {
  const found = new Set<string>();
  for (const node of graph) {
    if (node.needs.some((need) => need.name === name || found.has(need.name))) found.add(node.name);
  }
  return found;
}
