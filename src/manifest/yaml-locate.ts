import { isAlias, isMap, isNode, isScalar, isSeq, type Node, type Pair, type YAMLMap } from "yaml";
import type { Locate, Position } from "./problem.ts";

/**
 * Positions of a YAML tree by path. Nothing is indexed before it is asked for; a map is indexed once. A path through an
 * alias or a merge key leads to where the value is written.
 */
export function createLocator(
  root: Node | null,
  anchors: ReadonlyMap<string, Node>,
  position: (offset: number) => Position,
): Locate {
  const indexes = new WeakMap<YAMLMap, Map<string, Pair>>();

  function indexOf(map: YAMLMap): Map<string, Pair> {
    const known = indexes.get(map);
    if (known !== undefined) return known;
    const index = new Map<string, Pair>();
    for (const pair of map.items) {
      const key = keyText(pair.key);
      // The last of several equal keys is kept: it is the one that is reported.
      if (key !== undefined) index.set(key, pair);
    }
    indexes.set(map, index);
    return index;
  }

  function pairOf(map: YAMLMap, key: string, depth = 0): Pair | undefined {
    const own = indexOf(map).get(key);
    const merge = own === undefined && depth < 10 ? indexOf(map).get("<<") : undefined;
    if (merge === undefined) return own;
    const value = follow(merge.value);
    const sources = isSeq(value) ? value.items.map(follow) : [value];
    for (const source of sources) {
      const pair = isMap(source) ? pairOf(source, key, depth + 1) : undefined;
      if (pair !== undefined) return pair;
    }
    return undefined;
  }

  function follow(node: unknown): unknown {
    return isAlias(node) ? (anchors.get(node.source) ?? node) : node;
  }

  return (path, what = "value") => {
    let node: unknown = root;
    let offset = startOf(node) ?? 0;
    for (const [index, step] of path.entries()) {
      const parent = follow(node);
      const atKey = what === "key" && index === path.length - 1;
      if (isMap(parent)) {
        const pair = pairOf(parent, String(step));
        if (pair === undefined) break;
        const keyOffset = startOf(pair.key) ?? offset;
        // A mapping begins at its first key, lines below: people look for the key it belongs to.
        const isLeaf = isScalar(pair.value) && pair.value.value !== null;
        offset = atKey || !isLeaf ? keyOffset : (startOf(pair.value) ?? keyOffset);
        node = pair.value;
      } else if (isSeq(parent) && typeof step === "number" && step < parent.items.length) {
        node = parent.items[step];
        offset = startOf(node) ?? offset;
      } else {
        break;
      }
    }
    return position(offset);
  };
}

function keyText(key: unknown): string | undefined {
  if (!isScalar(key)) return undefined;
  return typeof key.value === "string" ? key.value : key.source;
}

function startOf(node: unknown): number | undefined {
  return isNode(node) ? node.range?.[0] : undefined;
}
