import { isAlias, isMap, isScalar, isSeq, type Node, type Pair, type YAMLMap } from "yaml";
import type { JsonObject, JsonValue } from "../model/json.ts";
import { isObject } from "./json-tree.ts";
import { describeFound, type Finding, type Path } from "./problem.ts";

/** Nodes that aliases may add: enough for any sharing by hand, far from what exhausts memory. */
const maxAliasNodes = 200_000;
/** Deepest nesting read; a manifest needs 8. */
const maxDepth = 100;
/** Findings kept: what a text of a megabyte can hold of duplicates is not worth listing. */
const maxFindings = 1000;

// Texts even when they look like numbers: `VERSION: 1.10` is "1.10" and `ZIP: 0123` is "0123", as they are written.
const textMaps: ReadonlySet<string> = new Set([
  "env",
  "secrets",
  "labels",
  "build_args",
  "sysctls",
  "options",
]);
/** Such maps stand inside a resource's kind, so a resource or a port bundle may have the same name. */
const textMapDepth = 4;

/** Plain values of a YAML tree, what was refused in it, and its anchors. */
export interface Tree {
  readonly tree: JsonValue;
  readonly findings: readonly Finding[];
  readonly anchors: ReadonlyMap<string, Node>;
}

/** Turns YAML nodes into plain JSON values: aliases and merge keys resolved; tags, duplicate keys and the like found. */
export function readTree(root: Node | null): Tree {
  const reader = new TreeReader();
  const tree = reader.read(root, false);
  return { tree, findings: reader.findings, anchors: reader.anchors };
}

class TreeReader {
  readonly findings: Finding[] = [];
  readonly anchors = new Map<string, Node>();
  readonly #values = new Map<string, { readonly value: JsonValue; readonly size: number }>();
  readonly #path: (string | number)[] = [];
  #nodes = 0;
  #aliasNodes = 0;

  read(node: unknown, asText: boolean): JsonValue {
    this.#nodes++;
    if (node === null || node === undefined) return null;
    if (isScalar(node))
      return this.#named(node, () => this.#scalar(node.value, node.source, node.tag, asText));
    if (isMap(node)) return this.#named(node, () => this.#map(node, node.tag));
    if (isSeq(node)) {
      return this.#named(node, () => {
        this.#refuseTag(node.tag);
        if (this.#path.length >= maxDepth) return this.#refuse("at most 100 levels of nesting", "more");
        return node.items.map((item, index) => this.#inside(index, item, asText));
      });
    }
    return isAlias(node) ? this.#alias(node.source) : null;
  }

  /** Reads a node and remembers its value when it has an anchor. */
  #named(node: Node & { anchor?: string | undefined }, read: () => JsonValue): JsonValue {
    if (node.anchor === undefined) return read();
    const before = this.#nodes + this.#aliasNodes;
    this.anchors.set(node.anchor, node);
    this.#values.delete(node.anchor);
    const value = read();
    this.#values.set(node.anchor, { value, size: this.#nodes + this.#aliasNodes - before + 1 });
    return value;
  }

  #alias(name: string): JsonValue {
    const known = this.#values.get(name);
    // An anchor is known here before its value is complete only when the alias stands inside it.
    if (known === undefined)
      return this.#refuse("an alias of an anchor that is complete above it", `*${name}`);
    if (this.#aliasNodes + known.size > maxAliasNodes)
      return this.#refuse("aliases that stay small when written out", `*${name}`);
    this.#aliasNodes += known.size;
    return known.value;
  }

  #scalar(value: unknown, source: string | undefined, tag: string | undefined, asText: boolean): JsonValue {
    this.#refuseTag(tag);
    if (typeof value === "string" || typeof value === "boolean" || typeof value === "number") {
      if (asText && typeof value !== "string") return source ?? String(value);
      if (typeof value !== "number" || Number.isFinite(value)) return value;
      return this.#refuse("a finite number", source ?? String(value));
    }
    return null;
  }

  #map(map: YAMLMap, tag: string | undefined): JsonValue {
    this.#refuseTag(tag);
    if (this.#path.length >= maxDepth) return this.#refuse("at most 100 levels of nesting", "more");
    const own: Record<string, JsonValue> = {};
    const merged: JsonObject[] = [];
    const parent = this.#path.at(-1);
    const asText = this.#path.length === textMapDepth && typeof parent === "string" && textMaps.has(parent);
    for (const pair of map.items) {
      const key = this.#key(pair);
      if (key === undefined) continue;
      if (key === "<<") merged.push(...this.#merge(pair));
      else if (Object.hasOwn(own, key)) this.#find([...this.#path, key], "each key once", `"${key}" again`);
      else own[key] = this.#inside(key, pair.value, asText);
    }
    // The first of several merged maps wins, and the map's own keys win over all.
    return merged.length === 0 ? own : Object.assign({}, ...merged.toReversed(), own);
  }

  #key(pair: Pair): string | undefined {
    const { key } = pair;
    const value = isScalar(key) ? key.value : undefined;
    const text = isScalar(key) && typeof value !== "string" ? (key.source ?? "") : value;
    if (typeof text !== "string" || (isScalar(key) && key.tag !== undefined)) {
      this.#refuse("a plain text as key", isScalar(key) ? "a tagged key" : "a list, mapping or alias");
      return undefined;
    }
    if (text !== "__proto__") return text;
    this.#find([...this.#path, text], "another key", `"${text}"`);
    return undefined;
  }

  #merge(pair: Pair): JsonObject[] {
    const value = this.#inside("<<", pair.value, false);
    const sources: readonly JsonValue[] = Array.isArray(value) ? value : [value];
    const maps = sources.filter(isObject);
    if (maps.length < sources.length) {
      this.#find([...this.#path, "<<"], "a mapping, or a list of mappings, to merge", describeFound(value));
    }
    return maps;
  }

  #inside(key: string | number, node: unknown, asText: boolean): JsonValue {
    this.#path.push(key);
    const value = this.read(node, asText);
    this.#path.pop();
    return value;
  }

  #refuseTag(tag: string | undefined): void {
    if (tag !== undefined) this.#refuse("a value without a tag", tag);
  }

  #refuse(expected: string, found: string): null {
    this.#find([...this.#path], expected, found);
    return null;
  }

  #find(path: Path, expected: string, found: string): void {
    if (this.findings.length < maxFindings) this.findings.push({ path, expected, found, atKey: true });
  }
}
