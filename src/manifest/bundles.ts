import type { JsonValue } from "../model/json.ts";
import { parsePort } from "../model/port-mapping.ts";
import type { PortBundle } from "../model/stack.ts";
import { isObject, textOf } from "./json-tree.ts";
import { describeFound, type Report } from "./problem.ts";

/** Port bundles of a manifest. Every bundle has to name the same ports, or switching would leave one without a value. */
export function readBundles(ports: JsonValue | undefined, report: Report): readonly PortBundle[] {
  if (!isObject(ports)) return [];
  const bundles = Object.entries(ports).flatMap(([name, values]): PortBundle[] =>
    name.startsWith("x-") || !isObject(values) ? [] : [{ name, ports: readPorts(name, values, report) }],
  );
  const names = new Set(bundles.flatMap((bundle) => Object.keys(bundle.ports)));
  for (const bundle of bundles) {
    const absent = [...names].filter((name) => !Object.hasOwn(bundle.ports, name));
    if (absent.length === 0) continue;
    report({
      path: ["ports", bundle.name],
      expected: `a port for ${absent.join(", ")} too, as another bundle has`,
      found: Object.keys(bundle.ports).join(", ") || "none",
      atKey: true,
    });
  }
  return bundles;
}

function readPorts(
  bundle: string,
  values: Readonly<Record<string, JsonValue>>,
  report: Report,
): Readonly<Record<string, number>> {
  const taken = new Map<number, string>();
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => {
      const port = parsePort(textOf(value), 1);
      const path = ["ports", bundle, name];
      if (!port.ok) report({ path, expected: port.expected, found: describeFound(value) });
      const number = port.ok ? port.value : 1;
      const other = port.ok ? taken.get(number) : undefined;
      if (other !== undefined)
        report({ path, expected: `another port than ${other} has`, found: String(number) });
      taken.set(number, name);
      return [name, number];
    }),
  );
}
