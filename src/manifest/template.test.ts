import fc from "fast-check";
import { expect, test } from "vitest";
import { costOf } from "./stack.test.support.ts";
import { isTemplateError, parseTemplate } from "./template.ts";

const env = (name: string, ...fallback: readonly unknown[]) => ({ scheme: "env", name, fallback });

test.each([
  ["plain $ text", ["plain $ text"]],
  ["$", ["$"]],
  ["$a}", ["$a}"]],
  ["${env.A}", [{ scheme: "env", name: "A", fallback: undefined }]],
  ["${env.A:-}", [env("A")]],
  ["${env.A:-b c}", [env("A", "b c")]],
  ["${env.A:-${env.B:-c}d}e", [env("A", env("B", "c"), "d"), "e"]],
  ["${env.A:-${resources.db.url}}", [env("A", { scheme: "resources", name: "db", property: "url" })]],
  ["a${resources.db.url}b", ["a", { scheme: "resources", name: "db", property: "url" }, "b"]],
  [
    "${ports.web}${secret.K}",
    [
      { scheme: "ports", name: "web" },
      { scheme: "secret", name: "K" },
    ],
  ],
  ["${{ env.A }}", ["${ env.A }"]],
  ["${{a}}${{b}}", ["${a}", "${b}"]],
  ["${env.any name!}", [{ scheme: "env", name: "any name!", fallback: undefined }]],
])("parseTemplate() reads %s", (text, pieces) => {
  expect(parseTemplate(text)).toEqual(pieces);
});

test.each([
  ["${", '"}" to end "${"'],
  ["a ${env.A", '"}" to end "${"'],
  ["${env.A:-b", '"}" to end "${"'],
  ["${{ a }", '"}}" to end "${{"'],
  ["${}", "${resources.NAME.PROPERTY}"],
  ["${foo}", "${resources.NAME.PROPERTY}"],
  ["${vars.A}", "${resources.NAME.PROPERTY}"],
  ["${env.}", "${env.NAME}"],
  ["${env}", "${env.NAME}"],
  ["${resources.}", "${resources.NAME.PROPERTY}"],
  ["${resources.db}", "${resources.NAME.PROPERTY}"],
  ["${resources.db.}", "${resources.NAME.PROPERTY}"],
  ["${resources.${env.A}.url}", "only in the default"],
])("parseTemplate() refuses %s", (text, expected) => {
  const result = parseTemplate(text);
  expect(isTemplateError(result) && result.expected).toContain(expected);
});

test("defaults nest to 10 and no deeper", () => {
  const nested = (depth: number): string => (depth === 0 ? "x" : `\${env.A:-${nested(depth - 1)}}`);
  expect(isTemplateError(parseTemplate(nested(11)))).toBe(false);
  expect(parseTemplate(nested(12))).toMatchObject({ expected: "defaults nested at most 10 deep" });
});

test("parseTemplate() never throws, and long garbage takes no time", () => {
  const pieces = fc.array(fc.constantFrom("${", "}", "${{", "}}", ":-", "env.", "resources.", "a", ".", "$"));
  fc.assert(fc.property(pieces, (list) => void parseTemplate(list.join(""))));
  const cost = costOf(() => {
    for (const piece of ["${", "${{", "${env.a:-", "${env.a}", "}", "$", "${env.a:-x}"])
      parseTemplate(piece.repeat(100_000));
  });
  expect(cost).toBeLessThan(1500);
});
