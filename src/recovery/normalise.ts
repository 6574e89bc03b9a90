import { type LayerName, layers } from "./layers.ts";

/** A text of an engine taken apart: what is around the cause, and the cause. */
export interface Reading {
  /** The whole of it on one line. */
  readonly text: string;
  readonly around: ReadonlySet<LayerName>;
  /** Image named by what is around the cause. */
  readonly image: string | undefined;
  /** The cause with what is told about it (address, registry), for people. */
  readonly words: string;
  /** The innermost cause, without full stop. */
  readonly cause: string;
}

// Enough for every text of an engine; of a pasted log, its beginning and its end.
const maxText = 64 * 1024;
const maxReading = 4000;
const headLines = 40;
const tailLines = 120;
/** Engines write no cause over more lines than this, nor does a terminal of usual width. */
const maxJoined = 6;
const maxLayers = 32;

/** Without colours, bells and carriage returns, and of bounded length. */
export function plainText(text: string): string {
  const half = maxText / 2;
  const bounded = text.length <= maxText ? text : `${text.slice(0, half)}\n${text.slice(-half)}`;
  return (
    bounded
      // oxlint-disable-next-line no-control-regex
      .replace(/\u001b\[[0-9;:?]{0,40}[ -/]{0,4}[@-~]|\u001b\][^\u0007\u001b]{0,400}(?:\u0007|\u001b\\)/g, "")
      .replace(/\r\n?/g, "\n")
      // oxlint-disable-next-line no-control-regex
      .replace(/[\u0000-\u0008\u000b-\u001f\u007f]/g, "")
  );
}

/**
 * Every way to read it: each line, each run of lines as one line, as terminals and engines wrap, and the whole; the
 * shortest first. A cause is recognised at the beginning of a reading only, after what engines put before it.
 */
export function readings(text: string): readonly Reading[] {
  const lines = plainText(text)
    .split("\n")
    .filter((line) => line.trim() !== "");
  const kept =
    lines.length <= headLines + tailLines
      ? lines
      : [...lines.slice(0, headLines), ...lines.slice(-tailLines)];
  const texts = new Set<string>();
  const add = (candidate: string): void => {
    if (candidate.length <= maxReading) texts.add(oneLine(candidate));
  };
  for (let count = 1; count <= maxJoined; count += 1) {
    for (let first = 0; first + count <= kept.length; first += 1) {
      const run = kept.slice(first, first + count);
      add(run.join(" "));
      // A terminal breaks words too.
      if (count > 1) add(run.join(""));
    }
  }
  add(kept.join(" "));
  texts.delete("");
  return [...texts].map(read);
}

/** The innermost cause in a text, for people: what is left without the words around it. */
export function innermostCause(text: string): string {
  const line = oneLine(plainText(text)).slice(0, maxReading);
  const { words } = read(line);
  return words === "" ? line : words;
}

function read(text: string): Reading {
  const around = new Set<LayerName>();
  let image: string | undefined;
  let words: string | undefined;
  let rest = text;
  for (let depth = 0; depth < maxLayers; depth += 1) {
    const found = outermost(rest);
    if (found === undefined) break;
    if (found.telling) words ??= rest;
    around.add(found.name);
    image = found.image ?? image;
    rest = rest.slice(found.length).trimStart();
  }
  const cause = closed(rest);
  return { text, around, image, words: words === undefined ? cause : closed(words), cause };
}

interface Found {
  readonly name: LayerName;
  readonly telling: boolean;
  readonly image: string | undefined;
  readonly length: number;
}

function outermost(text: string): Found | undefined {
  for (const { name, telling, pattern } of layers) {
    const match = pattern.exec(text);
    if (match === null || match[0] === "") continue;
    return { name, telling: telling === true, image: match.groups?.image, length: match[0].length };
  }
  return undefined;
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}

/** Words that runtimes put behind a cause and that say nothing. */
const endings = [": unknown", ": internal libpod error", ": oci runtime error", ", exiting"] as const;

/** Without what stands behind a cause: full stop, an ending that says nothing, the end of a quote opened before it. */
function closed(text: string): string {
  let rest = text;
  for (let before = ""; before !== rest; ) {
    before = rest;
    while (rest.endsWith(".") || rest.endsWith(" ") || rest.endsWith(",")) rest = rest.slice(0, -1);
    for (const ending of endings) {
      if (rest.slice(-ending.length).toLowerCase() === ending) rest = rest.slice(0, -ending.length);
    }
    if (rest.endsWith('"') && count(rest, '"') % 2 === 1) rest = rest.slice(0, -1);
    if (rest.endsWith(")") && count(rest, ")") > count(rest, "(")) rest = rest.slice(0, -1);
  }
  return rest;
}

function count(text: string, character: string): number {
  return text.split(character).length - 1;
}
