import { expect, test } from "vitest";
import { parseManifest } from "./parse.ts";
import { messagesOf, problemsOf, resources, stackOf } from "./stack.test.support.ts";

test("parseManifest() keeps the order of resources and what is declared", () => {
  const manifest = parseManifest(
    resources("{ web: { container: { image: a } }, db: { postgres: }, job: { task: { context: . } } }"),
    "/m/lash.yml",
  );
  expect(manifest.resources.map(({ name, kind }) => `${name} ${kind}`)).toEqual([
    "web container",
    "db postgres",
    "job task",
  ]);
  expect(manifest).toMatchObject({
    format: "lash",
    directory: "/m",
    project: { name: "shop" },
    bundles: [],
    warnings: [],
  });
});

test("parseManifest() reports everything in one go, in the file's order, with positions", () => {
  const text = `project: { name: 1bad }
resources:
  api:
    container:
      imagee: redis
      ports: [99999]
  web:
    container:
      image: Redis:7
      ports: ["a:b"]
      stop_grace: 5 minutes
      depends_on: [apii]
      env: { A: "\${resources.db.url}" }
colour: red
`;
  const problems = problemsOf(() => parseManifest(text, "/m/lash.yml"));
  expect(problems.map(({ line, column, path, nearest }) => [line, column, path, nearest])).toEqual([
    [1, 18, "project.name", undefined],
    [4, 5, "resources.api.container.image", undefined],
    [5, 7, "resources.api.container.imagee", "image"],
    [9, 14, "resources.web.container.image", undefined],
    [10, 15, "resources.web.container.ports.0", undefined],
    [11, 19, "resources.web.container.stop_grace", undefined],
    [12, 20, "resources.web.container.depends_on.0", "api"],
    [13, 17, "resources.web.container.env.A", undefined],
    [14, 1, "colour", undefined],
  ]);
  expect(problems[2]?.message).toMatch(
    /^resources\.api\.container\.imagee: expected one of its \d+ keys \(image, .*\), found unknown key "imagee", did you mean "image"$/,
  );
});

test("parseManifest() lists the first 100 problems and counts the rest", () => {
  const many = Array.from({ length: 250 }, (_, index) => `  r${index}: { container: { imge: x } }`).join(
    "\n",
  );
  expect(() => parseManifest(`project: { name: a }\nresources:\n${many}\n`, "/m/lash.yml")).toThrow(
    expect.objectContaining({
      code: "manifest-invalid",
      message: "Cannot read /m/lash.yml: 500 problems",
      data: expect.objectContaining({ total: 500, problems: expect.objectContaining({ length: 100 }) }),
    }),
  );
});

test.each([
  ["{ a: { containr: { image: x } } }", 'unknown key "containr", did you mean "container"'],
  ["{ a: {} }", "exactly one kind of container"],
  ["{ a: { redis: {}, postgres: {} } }", "found postgres and redis"],
  ["{ 1bad: { redis: {} } }", 'found "1bad"'],
  ["{ a: 5 }", "resources.a: expected a mapping, found 5"],
  ["{ a: { container: { image: x, restart: alwys } } }", "restart: expected never, on-failure, always"],
  ["{ a: { container: { image: x, restart: { mod: always } } } }", 'unknown key "mod", did you mean "mode"'],
  [
    "{ a: { container: { image: x, env: { A: [1] } } } }",
    "env.A: expected a text, a number or a boolean, found a list",
  ],
  [
    "{ a: { container: { image: x, depends_on: { b: redy } } } }",
    "depends_on.b: expected started, ready or completed",
  ],
  [
    "{ a: { container: { image: x, command: { a: b } } } }",
    "command: expected a text or a list of texts, found a mapping",
  ],
  ["{ a: { process: { command: npm } } }", "command: expected a list of texts"],
  ["{ a: { container: { image: x, env: { A: 1, A: 2 } } } }", 'expected each key once, found "A" again'],
  ["{ a: { container: { image: !!str x } } }", "expected a value without a tag"],
  ["{ a: { container: { image: x, cpus: .inf } } }", "expected a finite number"],
  ["{ a: { container: { image: x, env: { __proto__: x } } } }", 'found "__proto__"'],
  ["{ a: { container: { ? [b] : c } } }", "expected a plain text as key"],
  ["{ constructor: { toString: {} } }", 'unknown key "toString"'],
  ["[]", "resources: expected a mapping of names to resources, found an empty list"],
])("parseManifest() refuses resources %s", (text, message) => {
  expect(messagesOf(resources(text)).join("\n")).toContain(message);
});

test("a password of the wrong type is not repeated in the problem", () => {
  const text = resources(
    "{ a: { postgres: { password: [hunter2] } }, b: { container: { image: x, secrets: { K: [hunter2] } } } }",
  );
  const messages = messagesOf(text);
  expect(messages).toHaveLength(2);
  expect(messages.join("\n")).not.toContain("hunter2");
});

test("keys that start with x- are free, and what they hold is not looked at", () => {
  const text = `x-top: &base { environment: [1] }
project: { name: a, x-team: b }
resources:
  x: { x-note: 1, container: { image: redis, x-any: "\${nonsense}" } }
`;
  expect(stackOf(text).resources[0]?.declared).toEqual({ image: "redis" });
});

test("merge keys and aliases are written out, own keys win", () => {
  const text = `x-base: &base { image: redis, env: { A: a } }
project: { name: a }
resources:
  one: { container: *base }
  two: { container: { <<: *base, image: nginx } }
  three: { container: { <<: [{ image: first }, *base] } }
`;
  expect(stackOf(text).resources.map(({ declared }) => declared["image"])).toEqual([
    "redis",
    "nginx",
    "first",
  ]);
});

test("a problem inside an alias stands where the value is written", () => {
  const text = `x-base: &base
  image: Redis
project: { name: a }
resources:
  one: { container: *base }
`;
  expect(problemsOf(() => stackOf(text))).toMatchObject([{ line: 2, column: 10 }]);
});

test("numbers and booleans in env are texts as they are written", () => {
  const text = resources(
    "{ a: { container: { image: x, env: { A: 1.10, B: 0123, C: True, D: 0x1F, E: 1e3, F: yes } } } }",
  );
  expect(stackOf(text).resources[0]?.declared["env"]).toEqual({
    A: "1.10",
    B: "0123",
    C: "True",
    D: "0x1F",
    E: "1e3",
    F: "yes",
  });
});

test("parseManifest() tells a resource's other faults beside a misspelt key", () => {
  const text = `project: { name: a }
resources:
  api: { container: { image: "UPPER:1", dependson: [x], depends_on: [nope] } }
`;
  const problems = problemsOf(() => parseManifest(text, "/m/lash.yml"));
  expect(problems.map(({ path }) => path)).toEqual([
    "resources.api.container.image",
    "resources.api.container.dependson",
    "resources.api.container.depends_on.0",
  ]);
});
