import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, test } from "vitest";

// The layers of docs/architecture.md as a law: which folder of src/ may import which. Type-only imports count.
const allowed: Readonly<Record<string, readonly string[]>> = {
  async: [],
  model: [],
  manifest: ["model"],
  engine: ["model", "async"],
  state: ["model", "async"],
  recovery: ["model", "engine", "async"],
  host: ["model", "async", "recovery"],
  connectivity: ["model", "engine", "async"],
  stack: ["model", "manifest", "engine", "recovery", "host", "state", "async"],
  containers: ["model", "engine", "recovery", "connectivity", "state", "async"],
  "drivers/engine-api": ["model", "engine", "async"],
  "drivers/docker": ["model", "engine", "async", "drivers/engine-api"],
  "drivers/podman": ["model", "engine", "async", "drivers/engine-api"],
  "drivers/process": ["model", "engine", "async"],
  "drivers/memory": ["model", "engine", "async"],
  "drivers/runner": ["model", "engine", "async", "drivers/engine-api", "runner"],
  runner: ["model", "engine", "async"],
  app: [
    "async",
    "model",
    "manifest",
    "engine",
    "state",
    "recovery",
    "host",
    "connectivity",
    "stack",
    "containers",
    "drivers/docker",
    "drivers/podman",
    "drivers/process",
    "drivers/memory",
    "drivers/runner",
    // Composition: the service itself, with its engine.
    "runner",
  ],
  server: ["app", "model", "async"],
  cli: ["app", "server", "model", "async"],
};

/** Parts of manifest/ that stack/ may see: reading files is not its business. */
const manifestForStack = ["interpolate", "outputs", "resolve-resource", "graph", "stack-index"];

/** The only modules besides app/ that may name a driver. */
const namesDrivers = new Set(["index.ts"]);

const root = resolve(import.meta.dirname, "..", "src");
const modules = readdirSync(root, { recursive: true, encoding: "utf8" }).filter(
  (file) => file.endsWith(".ts") && !file.endsWith(".test.ts"),
);

interface Import {
  readonly from: string;
  readonly to: string;
  readonly specifier: string;
}

const imports: readonly Import[] = modules.flatMap((file) => {
  const text = readFileSync(join(root, file), "utf8");
  const specifiers = [
    ...text.matchAll(/(?:^|\n)\s*(?:import|export)\b[^;"']*?from\s*["']([^"']+)["']/g),
  ].concat([
    ...text.matchAll(/\bimport\(\s*["']([^"']+)["']\s*\)/g),
    ...text.matchAll(/(?:^|\n)import\s*["']([^"']+)["']/g),
  ]);
  return specifiers.map(([, specifier = ""]) => ({
    from: file,
    to: specifier.startsWith(".") ? relative(root, resolve(root, dirname(file), specifier)) : specifier,
    specifier,
  }));
});

function layerOf(file: string): string {
  const [first = "", second = ""] = file.split("/");
  return first === "drivers" ? `${first}/${second}` : first;
}

describe("architecture", () => {
  test("the test sees the modules it judges", () => {
    const layers = new Set(modules.filter((file) => file.includes("/")).map(layerOf));
    expect([...layers].sort()).toEqual(Object.keys(allowed).sort());
    expect(modules.length).toBeGreaterThan(100);
    expect(imports.filter(({ specifier }) => specifier.startsWith(".")).length).toBeGreaterThan(
      modules.length,
    );
  });

  test("no layer imports what it must not", () => {
    const broken = imports.filter(({ from, to, specifier }) => {
      if (!specifier.startsWith(".") || !from.includes("/")) return false;
      const [source, target] = [layerOf(from), layerOf(to)];
      return source !== target && !(allowed[source] ?? []).includes(target);
    });
    expect(broken.map(({ from, to }) => `${from} -> ${to}`)).toEqual([]);
  });

  test("stack/ sees only the pure parts of manifest/", () => {
    const broken = imports.filter(({ from, to }) => {
      if (layerOf(from) !== "stack" || layerOf(to) !== "manifest") return false;
      return !manifestForStack.some((name) => to === `manifest/${name}.ts`);
    });
    expect(broken.map(({ from, to }) => `${from} -> ${to}`)).toEqual([]);
  });

  test("drivers/runner sees of runner/ only its protocol", () => {
    const broken = imports.filter(
      ({ from, to }) =>
        layerOf(from) === "drivers/runner" && layerOf(to) === "runner" && !to.startsWith("runner/protocol/"),
    );
    expect(broken.map(({ from, to }) => `${from} -> ${to}`)).toEqual([]);
  });

  test("host/ takes of recovery/ only what a holder of a port is", () => {
    const broken = imports.filter(
      ({ from, to }) =>
        layerOf(from) === "host" && layerOf(to) === "recovery" && to !== "recovery/port-holder.ts",
    );
    expect(broken.map(({ from, to }) => `${from} -> ${to}`)).toEqual([]);
  });

  test("server/ sees of app/ only its types", () => {
    const broken = imports.filter(
      ({ from, to }) => layerOf(from) === "server" && layerOf(to) === "app" && to !== "app/types.ts",
    );
    expect(broken.map(({ from, to }) => `${from} -> ${to}`)).toEqual([]);
  });

  test("only app/ and index.ts name drivers", () => {
    const broken = imports.filter(
      ({ from, to }) =>
        layerOf(to).startsWith("drivers/") &&
        !from.startsWith("drivers/") &&
        layerOf(from) !== "app" &&
        !namesDrivers.has(from),
    );
    expect(broken.map(({ from, to }) => `${from} -> ${to}`)).toEqual([]);
  });

  test("only drivers, app and cli touch processes and sockets; model, manifest and recovery decide without effects", () => {
    const pure = new Set(["model", "recovery", "engine"]);
    const effects = new Set([
      "node:child_process",
      "node:net",
      "node:http",
      "node:fs",
      "node:fs/promises",
      "node:timers",
    ]);
    // The conformance suite acts on engines: that is its purpose. From node:net the port grammar takes only isIP.
    const excused = (from: string): boolean =>
      from.startsWith("engine/conformance/") || from === "model/port-mapping.ts";
    const broken = imports.filter(
      ({ from, specifier }) => pure.has(layerOf(from)) && !excused(from) && effects.has(specifier),
    );
    expect(broken.map(({ from, specifier }) => `${from} -> ${specifier}`)).toEqual([]);
  });

  test("third-party packages appear only where they are at home", () => {
    const home: Readonly<Record<string, readonly string[]>> = {
      yaml: ["manifest", "cli"],
      zod: ["manifest", "cli", "drivers/process", "runner", "server"],
      hono: ["runner", "server"],
      "@hono/node-server": ["runner", "server"],
      pino: ["runner", "server"],
      ws: ["runner", "drivers/runner", "server"],
      "@prometheus-io/client": ["server"],
      commander: ["cli"],
    };
    const broken = imports.filter(({ from, specifier }) => {
      if (specifier.startsWith(".") || specifier.startsWith("node:")) return false;
      const name = specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
      return !(home[name] ?? []).includes(layerOf(from));
    });
    expect(broken.map(({ from, specifier }) => `${from} -> ${specifier}`)).toEqual([]);
  });

  test("there is no import cycle", () => {
    const edges = new Map<string, string[]>();
    for (const { from, to, specifier } of imports) {
      if (specifier.startsWith(".")) edges.set(from, [...(edges.get(from) ?? []), to]);
    }
    expect(findCycle(edges)).toBeUndefined();
  });
});

function findCycle(edges: ReadonlyMap<string, readonly string[]>): readonly string[] | undefined {
  const done = new Set<string>();
  const walk = (file: string, path: readonly string[]): readonly string[] | undefined => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return undefined;
    for (const next of edges.get(file) ?? []) {
      const cycle = walk(next, [...path, file]);
      if (cycle !== undefined) return cycle;
    }
    done.add(file);
    return undefined;
  };
  for (const file of edges.keys()) {
    const cycle = walk(file, []);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}
