import type { JsonObject, JsonValue } from "../model/json.ts";
import { nearest } from "../model/nearest.ts";
import { isObject } from "./json-tree.ts";
import type { Finding } from "./problem.ts";

/** A lightshuttle.yml rewritten as a lash.yml, which is a superset of it. */
export interface Adapted {
  readonly tree: JsonObject;
  readonly findings: readonly Finding[];
  readonly warnings: readonly Finding[];
}

const ignored = ["dashboard", "observability", "export"];
const kinds = ["postgres", "redis", "container", "dockerfile"];

/**
 * Reads LightShuttle's v0 format. Its documents count where its program differs: an unset `port` of a managed resource
 * is any free host port, a redis without password has none, volumes keep their data.
 */
export function adaptLightshuttle(tree: JsonObject): Adapted {
  const findings: Finding[] = [];
  const { lightshuttle: version, ...rest } = tree;
  if (version !== undefined && version !== "v0") {
    findings.push({ path: ["lightshuttle"], expected: 'format "v0"', found: JSON.stringify(version) });
  }
  const warnings = ignored
    .filter((key) => key in rest)
    .map((key) => ({
      path: [key],
      expected: "nothing here",
      found: `\`${key}\`, which is ignored`,
      atKey: true,
    }));
  const kept = Object.fromEntries(Object.entries(rest).filter(([key]) => !ignored.includes(key)));
  const { resources } = kept;
  if (!isObject(resources)) return { tree: kept, findings, warnings };
  const adapted = Object.entries(resources).map(([name, resource]) => {
    findings.push(...unknownKinds(name, resource));
    return [name, adaptResource(resource)] as const;
  });
  return { tree: { ...kept, resources: Object.fromEntries(adapted) }, findings, warnings };
}

function unknownKinds(name: string, resource: JsonValue): readonly Finding[] {
  if (!isObject(resource)) return [];
  return Object.keys(resource)
    .filter((kind) => !kinds.includes(kind) && !kind.startsWith("x-"))
    .map((kind) => ({
      path: ["resources", name, kind],
      expected: `one of ${kinds.join(", ")}`,
      found: `unknown kind "${kind}"`,
      nearest: () => nearest(kind, kinds),
      atKey: true,
    }));
}

function adaptResource(resource: JsonValue): JsonValue {
  if (!isObject(resource)) return resource;
  const { postgres, redis } = resource;
  if (postgres === null || isObject(postgres)) return { ...resource, postgres: { port: 0, ...postgres } };
  if (redis === null || isObject(redis)) return { ...resource, redis: { port: 0, password: "", ...redis } };
  return resource;
}
