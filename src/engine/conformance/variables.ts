import assert from "node:assert/strict";
import { conformanceCase } from "./bench.ts";
import type { ConformanceCase } from "./harness.ts";

/** Values that shells, JSON and form encodings have been seen to change. */
export const oddValues: Readonly<Record<string, string>> = {
  EMPTY: "",
  UNICODE: "häuser 家 🏠",
  LINES: "one\ntwo\n\nthree\n",
  SPACES: "  two  ",
  QUOTES: `"it's" \\ \`x\` $HOME $(id) %s`,
  EQUALS: "a=b=c",
};

/** What a container is given: variables and a folder. */
export const variableCases: readonly ConformanceCase[] = [
  conformanceCase("variables arrive exactly", [], async (bench) => {
    const base = bench.harness.spec("x", { kind: "print folder" }).env;
    const names = [...Object.keys(oddValues), "ABSENT"];
    const lines = await bench.outputOf(
      { kind: "print variables", names },
      { env: { ...base, ...oddValues } },
    );
    assert.deepEqual(readVariables(lines), { ...oddValues, ABSENT: undefined });
  }),

  conformanceCase("a hundred kilobytes of variables arrive", [], async (bench) => {
    const base = bench.harness.spec("x", { kind: "print folder" }).env;
    const many = Object.fromEntries(
      Array.from({ length: 500 }, (_, index) => [`VARIABLE_${index}`, `${index}`.repeat(80)]),
    );
    const env = { ...base, ...many, LARGE: "x".repeat(45_000) };
    const names = ["VARIABLE_0", "VARIABLE_250", "VARIABLE_499", "LARGE"];
    const found = readVariables(await bench.outputOf({ kind: "print variables", names }, { env }));
    for (const name of names) assert.equal(found[name], Reflect.get(env, name), name);
  }),

  conformanceCase("it runs in the folder asked for", [], async (bench) => {
    const workingDir = bench.harness.folder;
    assert.deepEqual(await bench.outputOf({ kind: "print folder" }, { workingDir }), [workingDir]);
  }),
];

/** The variables that the behaviour "print variables" told. */
export function readVariables(lines: readonly string[]): Readonly<Record<string, string | undefined>> {
  const found: Record<string, string | undefined> = {};
  for (const line of lines.filter(Boolean)) {
    const [, name = "", value] = /^(\w+)(?:=(.*)| unset)$/.exec(line) ?? [];
    found[name] = value === undefined ? undefined : Buffer.from(value, "base64").toString();
  }
  return found;
}
