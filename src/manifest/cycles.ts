/** Edges by node, each list in the order in which it is looked at. */
export type Edges = ReadonlyMap<string, readonly string[]>;

/** Cycles named; a tangle of more says nothing new. */
const maxCycles = 20;

/**
 * Cycles of a graph, each starting at its alphabetically first node and not repeating it at the end. Every tangle of
 * cycles yields at least one. Iterative and linear: each node is left once.
 */
export function findCycles(edges: Edges): readonly (readonly string[])[] {
  const cycles = new Map<string, readonly string[]>();
  const done = new Set<string>();
  for (const start of edges.keys()) {
    if (done.has(start)) continue;
    const stack: { node: string; next: number }[] = [{ node: start, next: 0 }];
    const depth = new Map<string, number>([[start, 0]]);
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const target = edges.get(top.node)?.[top.next++];
      if (target === undefined) {
        done.add(top.node);
        depth.delete(top.node);
        stack.pop();
        continue;
      }
      const at = depth.get(target);
      if (at !== undefined && cycles.size < maxCycles) {
        const cycle = rotate(stack.slice(at).map(({ node }) => node));
        cycles.set(cycle.join(" "), cycle);
      } else if (at === undefined && !done.has(target) && edges.has(target)) {
        depth.set(target, stack.length);
        stack.push({ node: target, next: 0 });
      }
    }
  }
  return [...cycles.values()].sort((a, b) => compare(a.join(" "), b.join(" ")));
}

function rotate(cycle: readonly string[]): readonly string[] {
  const first = cycle.reduce((least, name) => (compare(name, least) < 0 ? name : least));
  const at = cycle.indexOf(first);
  return [...cycle.slice(at), ...cycle.slice(0, at)];
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
