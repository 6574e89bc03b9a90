import fc from "fast-check";
import { expect, test } from "vitest";
import { parseDotenv } from "./dotenv.ts";

test.each([
  ["A=b", { A: "b" }],
  ["A = b ", { A: "b" }],
  ["\uFEFFA=b", { A: "b" }],
  ["A=b\r\nC=d\r\n", { A: "b", C: "d" }],
  ["export A=b", { A: "b" }],
  ["export\tA=b", { A: "b" }],
  ["exporter=b", { exporter: "b" }],
  ["# A=b\n\n  # c\nD=e", { D: "e" }],
  ['A="b c" d', { A: "b c" }],
  ["A='b # c' # d", { A: "b # c" }],
  ["A=b # c", { A: "b" }],
  ["A=b#c", { A: "b#c" }],
  ["A= # c", { A: "" }],
  ["A=#c", { A: "#c" }],
  ['A="b', { A: '"b' }],
  ["A=b=c", { A: "b=c" }],
  ["A=", { A: "" }],
  ['A=""', { A: "" }],
  ["A=$B${C}\\n", { A: "$B${C}\\n" }],
  ["A=1\nA=2", { A: "2" }],
  ["a.b-c d=1", { "a.b-c d": "1" }],
])("parseDotenv() reads %j", (text, values) => {
  expect(parseDotenv(text)).toEqual({ values: new Map(Object.entries(values)), problems: [] });
});

test("parseDotenv() names the line of each problem and reads the rest", () => {
  expect(parseDotenv("A=1\nnonsense\n=x\nB=2")).toEqual({
    values: new Map([
      ["A", "1"],
      ["B", "2"],
    ]),
    problems: [
      { line: 2, expected: "KEY=VALUE" },
      { line: 3, expected: "a name before '='" },
    ],
  });
});

test("parseDotenv() never throws", () => {
  fc.assert(fc.property(fc.string(), (text) => void parseDotenv(text)));
});
