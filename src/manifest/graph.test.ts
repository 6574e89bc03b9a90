import fc from "fast-check";
import { expect, test } from "vitest";
import { findCycles } from "./cycles.ts";
import { renderGraph, selectResources, topologicalLevels } from "./graph.ts";
import { resources, stackOf } from "./stack.test.support.ts";

const stack = stackOf(
  resources(`{ web: { container: { image: x, depends_on: [api] } }, api: { container: { image: x, env: { A: "\${resources.db.url}" }, depends_on: [job] } },
    job: { task: { image: x, depends_on: [db] } }, db: { postgres: {} }, debug: { container: { image: x, profiles: [dev], depends_on: [probe] } },
    probe: { container: { image: x, profiles: [tools] } } }`),
);
const names = (selected: typeof stack): readonly string[] => selected.resources.map(({ name }) => name);

test("topologicalLevels() has each resource as early as its dependencies allow", () => {
  expect(topologicalLevels(stack)).toEqual([["db", "probe"], ["job", "debug"], ["api"], ["web"]]);
});

test("topologicalLevels() puts every resource after all it needs, once", () => {
  const graph = fc.array(fc.uniqueArray(fc.nat(30), { maxLength: 4 }), { minLength: 1, maxLength: 30 });
  fc.assert(
    fc.property(graph, (edges) => {
      const text = edges.map((needs, node) => {
        const names = needs.filter((need) => need < node).map((need) => `n${need}`);
        return `n${node}: { container: { image: x, depends_on: [${names.join(", ")}] } }`;
      });
      const random = stackOf(resources(`{ ${text.join(", ")} }`));
      const level = new Map(
        topologicalLevels(random).flatMap((level, index) => level.map((name) => [name, index] as const)),
      );
      expect(level.size).toBe(random.resources.length);
      for (const { name, dependsOn } of random.resources) {
        for (const edge of dependsOn) expect(level.get(edge.name)).toBeLessThan(level.get(name) ?? -1);
      }
    }),
  );
});

test("selectResources() takes names with what they need, or alone", () => {
  expect(names(selectResources(stack, ["api"], [], { withDependencies: true }))).toEqual([
    "api",
    "job",
    "db",
  ]);
  expect(names(selectResources(stack, ["api"], [], { withDependencies: false }))).toEqual(["api"]);
  expect(names(selectResources(stack, ["debug"], [], { withDependencies: false }))).toEqual(["debug"]);
});

test("selectResources() without names takes what is in no profile or an active one", () => {
  expect(names(selectResources(stack, [], [], { withDependencies: true }))).toEqual([
    "web",
    "api",
    "job",
    "db",
  ]);
  expect(names(selectResources(stack, [], ["dev"], { withDependencies: true }))).toEqual(names(stack));
  expect(names(selectResources(stack, [], ["dev"], { withDependencies: false }))).toEqual([
    "web",
    "api",
    "job",
    "db",
    "debug",
  ]);
});

test("selectResources() names what there is not", () => {
  expect(() => selectResources(stack, ["apii"], [], { withDependencies: true })).toThrow(
    expect.objectContaining({
      code: "resource-unknown",
      message: 'Cannot select "apii": no such resource in project "shop"',
      hint: 'Did you mean "api"?',
    }),
  );
});

test("renderGraph() draws levels, Mermaid and DOT", () => {
  const small = selectResources(stack, ["api"], [], { withDependencies: true });
  expect(renderGraph(small, "text")).toBe(
    "0  db [postgres]\n1  job [task] needs db (ready)\n2  api [container] needs job (completed), db (ready)",
  );
  expect(renderGraph(small, "mermaid")).toBe(`flowchart TD
  n0["api (container)"]
  n1["job (task)"]
  n2["db (postgres)"]
  n0 -->|completed| n1
  n0 -.->|ready| n2
  n1 -->|ready| n2`);
  expect(renderGraph(small, "dot")).toBe(`digraph "shop" {
  "api" [label="api\\ncontainer"];
  "job" [label="job\\ntask"];
  "db" [label="db\\npostgres"];
  "api" -> "job" [label="completed"];
  "api" -> "db" [label="ready", style=dashed];
  "job" -> "db" [label="ready"];
}`);
});

test("findCycles() finds one exactly when there is one, each a closed walk from its least node", () => {
  const graph = fc.dictionary(
    fc.constantFrom("a", "b", "c", "d", "e", "f", "g", "h"),
    fc.array(fc.constantFrom("a", "b", "c", "d", "e", "f", "g", "h"), { maxLength: 3 }),
  );
  fc.assert(
    fc.property(graph, (record) => {
      const edges = new Map(Object.entries(record));
      const cycles = findCycles(edges);
      for (const cycle of cycles) {
        expect(cycle[0]).toBe([...cycle].sort()[0]);
        for (const [index, node] of cycle.entries()) {
          expect(edges.get(node)).toContain(cycle[(index + 1) % cycle.length]);
        }
      }
      expect(cycles.length > 0).toBe([...edges.keys()].some((node) => reaches(edges, node, node)));
    }),
  );
});

function reaches(edges: ReadonlyMap<string, readonly string[]>, from: string, to: string): boolean {
  const seen = new Set(edges.get(from));
  for (const node of seen) for (const next of edges.get(node) ?? []) seen.add(next);
  return seen.has(to);
}
