import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isLashError } from "../model/errors.ts";
import { parseManifest } from "./parse.ts";
import { manifestInvalid, type Problem } from "./problem.ts";
import { costOf, resolveAll, stackOf } from "./stack.test.support.ts";

/** Reads and resolves, and says with what code that ended; anything but our own two codes is a failure. */
function outcome(text: string, file = "/m/lash.yml"): string {
  try {
    resolveAll(stackOf(text, { file, env: { SET: "${resources.a.url}" } }));
    return "ok";
  } catch (error) {
    if (isLashError(error, "manifest-invalid") || isLashError(error, "variable-missing")) return error.code;
    throw error;
  }
}

function thrownBy(run: () => unknown): unknown {
  try {
    run();
    return undefined;
  } catch (error) {
    return error;
  }
}

const size = 900_000;
const fill = (text: string): string => text.repeat(Math.ceil(size / text.length)).slice(0, size);
const head = "project: { name: a }\nresources:\n";
const many = (count: number, line: (index: number) => string): string =>
  head + Array.from({ length: count }, (_, index) => `  ${line(index)}\n`).join("");

/** Texts that are hard on a parser. Bounds are several times what they take, as the machine may be busy. */
describe("hostile texts", () => {
  test.each([
    ["nothing", ""],
    ["NUL", fill("\0")],
    ["one bracket line", fill("[")],
    ["brackets", fill("[\n")],
    ["closing brackets", fill("]\n")],
    ["flow in flow", `a: ${fill("[{a: ")}`],
    ["commas", fill("[,]\n")],
    ["quotes", fill('"\n')],
    ["open quote", `a: "${fill("words and words\n")}`],
    ["aliases", fill("*a\n")],
    ["anchors", fill("&a\n")],
    ["tags", fill("!a\n")],
    ["directives", fill("%a\n")],
    ["documents", fill("--- a\n")],
    ["equal keys", fill("a: 1\n")],
    ["equal longer keys", fill("some-key: value\n")],
    ["reserved keys", fill("@a: 1234\n")],
    ["nested values", `a:\n${fill("  a: b: c\n")}`],
    ["nested maps", Array.from({ length: 1300 }, (_, depth) => `${" ".repeat(depth)}a:\n`).join("")],
    ["nested lists", Array.from({ length: 1300 }, (_, depth) => `${" ".repeat(depth)}-\n`).join("")],
    ["compact lists", `a: ${"- ".repeat(40_000)}`],
    ["an alias of itself", "a: &a [*a]\n"],
    ["a merge of itself", "a: &a { <<: *a }\n"],
    [
      "open references",
      `${head}  a: { container: { image: x, env: { A: "${"${env.a:-".repeat(90_000 / 9)}" } } }\n`,
    ],
    ["two documents", `${head}---\n${head}`],
    ["not a mapping", "- a\n- b\n"],
    [
      "inherited names",
      "project: { constructor: x }\nresources: { toString: { valueOf: {} } }\n__proto__: { a: b }\n",
    ],
  ])("%s are refused at once", (_, text) => {
    expect(costOf(() => expect(outcome(text)).toBe("manifest-invalid"))).toBeLessThan(3000);
  });

  test("aliases that double are refused before they fill the memory", () => {
    const lol = Array.from("bcdefghijk", (key, index) => {
      const alias = `*${"abcdefghij"[index]}`;
      return `${key}: &${key} [${Array.from({ length: 9 }, () => alias).join(", ")}]\n`;
    });
    const merges = Array.from(
      { length: 2000 },
      (_, i) => `m${i + 1}: &m${i + 1} {<<: [*m${i}, *m${i}], key${i}: 1}\n`,
    );
    for (const text of [`a: &a [x, x]\n${lol.join("")}`, `m0: &m0 {a: 1}\n${merges.join("")}`]) {
      expect(() => parseManifest(text, "/m/lash.yml")).toThrow(
        expect.objectContaining({ code: "manifest-invalid" }),
      );
    }
  });

  test.each([
    ["unknown keys", many(10_000, (i) => `r${i}: { containr: { imge: x } }`)],
    ["bad images and ports", many(10_000, (i) => `r${i}: { container: { image: X, ports: [a] } }`)],
    ["unknown dependencies", many(10_000, (i) => `r${i}: { container: { image: x, depends_on: [q${i}] } }`)],
    [
      "one long cycle",
      many(10_000, (i) => `r${i}: { container: { image: x, depends_on: [r${(i + 1) % 10_000}] } }`),
    ],
    [
      "all on all",
      many(
        300,
        (i) =>
          `r${i}: { container: { image: x, depends_on: [${Array.from({ length: 300 }, (_, j) => `r${j}`).join(", ")}] } }`,
      ),
    ],
  ])("many %s take time in proportion", (_, text) => {
    expect(costOf(() => expect(outcome(text)).toBe("manifest-invalid"))).toBeLessThan(3000);
  });

  test("a long chain is no problem", () => {
    expect(
      outcome(
        many(5000, (i) => `r${i}: { container: { image: x${i === 0 ? "" : `, depends_on: [r${i - 1}]`} } }`),
      ),
    ).toBe("ok");
  });
});

const whole = `project: { name: shop, version: 1.2 }
ports: { default: { web: 8080 }, alternate: { web: 8085 } }
restart: on-failure
recovery: { ports: any-free }
x-base: &base { env: { A: "\${env.SET:-\${env.OTHER}}" } }
resources:
  db: { postgres: { version: "16", password: "\${secret.PW}", init: ./sql } }
  cache: { redis: { port: 0, volume: data } }
  job: { task: { image: "shop/job:1", env: { URL: "\${resources.db.url}" } } }
  api:
    dockerfile:
      <<: *base
      context: ./api
      ports: ["\${ports.web}:8080", "53:53/udp"]
      volumes: ["./conf:/conf:ro", data:/data]
      depends_on: { job: completed }
      healthcheck: { test: [CMD, "true"], interval: 1m30s }
      ready: { http: /ready, port: 8080, timeout: 5s }
  web:
    process: { command: [npm, run], env: { API: "\${resources.api.url}" } }
  old: { external: { url: "https://api.example:8443/" } }
`;

test("the manifest that is mutated below is valid", () => {
  expect(outcome(whole)).toBe("variable-missing");
});

const splice = fc
  .tuple(
    fc.nat(whole.length),
    fc.nat(12),
    fc.oneof(
      fc.string({ maxLength: 8 }),
      fc.constantFrom(
        "${",
        "}",
        "[",
        "{",
        ": ",
        "- ",
        "&a ",
        "*a ",
        "!x ",
        "null",
        "\n",
        "'",
        '"',
        "|",
        "9e9",
        "~",
        "<<: ",
      ),
    ),
  )
  .map(
    ([at, removed, text]) =>
      (input: string) =>
        input.slice(0, at) + text + input.slice(at + removed),
  );
const deleteLine = fc.nat(30).map((line) => (input: string) => {
  const lines = input.split("\n");
  lines.splice(line % lines.length, 1);
  return lines.join("\n");
});
const swapLines = fc.tuple(fc.nat(30), fc.nat(30)).map(([a, b]) => (input: string) => {
  const lines = input.split("\n");
  const first = lines[a % lines.length] ?? "";
  lines[a % lines.length] = lines[b % lines.length] ?? "";
  lines[b % lines.length] = first;
  return lines.join("\n");
});
const swapType = fc
  .tuple(
    fc.nat(80),
    fc.constantFrom(
      "7",
      "true",
      "null",
      "[]",
      "{}",
      "[a]",
      "{ a: b }",
      "''",
      "1.5",
      "[[]]",
      "[{}]",
      "-1",
      ".nan",
    ),
  )
  .map(([at, value]) => (input: string) => {
    let index = 0;
    return input.replaceAll(/: ([^\s,{}[\]]+)/g, (match) => (index++ === at ? `: ${value}` : match));
  });

test("whatever is done to a manifest, it is read or refused with positions, never anything else", () => {
  const mutations = fc.array(fc.oneof(splice, deleteLine, swapLines, swapType), {
    minLength: 1,
    maxLength: 5,
  });
  fc.assert(
    fc.property(mutations, fc.boolean(), (list, isLash) => {
      const text = list.reduce((input, mutate) => mutate(input), whole);
      const file = isLash ? "/m/lash.yml" : "/m/lightshuttle.yml";
      let error: unknown;
      const cost = costOf(() => {
        error = thrownBy(() => resolveAll(stackOf(text, { file })));
      });
      expect(cost).toBeLessThan(2000);
      const listed = isLashError(error, "manifest-invalid")
        ? (error.data["problems"] as readonly Problem[])
        : [];
      const total = isLashError(error, "manifest-invalid") ? Number(error.data["total"]) : 0;
      expect(listed.length).toBe(Math.min(100, total));
      expect(error === undefined || isLashError(error, "variable-missing") || total > 0).toBe(true);
      const lines = text.split("\n").length;
      expect(
        listed.filter(
          ({ line, column, message }) => !(line >= 1 && line <= lines && column >= 1 && message !== ""),
        ),
      ).toEqual([]);
    }),
    { numRuns: 1500 },
  );
});

test("any text at all is read or refused", () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string(), fc.string({ unit: "binary" }), fc.json()),
      (text) => void outcome(text),
    ),
    { numRuns: 500 },
  );
});

test("any JSON under a kind is read or refused", () => {
  const kind = fc.constantFrom("container", "dockerfile", "task", "process", "postgres", "redis", "external");
  const fields = fc.constantFrom(
    "image",
    "ports",
    "env",
    "secrets",
    "volumes",
    "depends_on",
    "ready",
    "healthcheck",
    "restart",
    "command",
    "volume",
    "port",
    "url",
    "ulimits",
    "logging",
    "profiles",
    "tmpfs",
  );
  fc.assert(
    fc.property(
      kind,
      fc.dictionary(
        fields,
        fc.oneof(
          fc.jsonValue({ maxDepth: 2 }),
          fc.constantFrom("${resources.r.url}", "${env.X}", "a:/b", 80),
        ),
      ),
      (name, body) => {
        const text = JSON.stringify({
          project: { name: "a" },
          resources: { r: { [name]: { image: "x", ...body } } },
        });
        outcome(text);
      },
    ),
    { numRuns: 1000 },
  );
});

test("problems are listed by position", () => {
  const at = (line: number) => ({
    line,
    column: 1,
    path: "",
    expected: "",
    found: "",
    message: String(line),
  });
  expect(manifestInvalid("f", [at(3), at(1), at(2)]).data["problems"]).toMatchObject([
    { line: 1 },
    { line: 2 },
    { line: 3 },
  ]);
});
