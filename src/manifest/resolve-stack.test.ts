import { expect, test } from "vitest";
import { describeConfig } from "./config.ts";
import { messagesOf, problemsOf, resources, stackOf } from "./stack.test.support.ts";

const edges = (text: string, options = {}): readonly string[] =>
  stackOf(text, options).resources.flatMap(({ name, dependsOn }) =>
    dependsOn.map((edge) => `${name} ${edge.implicit ? "~" : "-"}${edge.condition}> ${edge.name}`),
  );

test("dependencies are explicit ones and those that references make, a task's with completed", () => {
  const text = resources(`{
    db: { postgres: {} }, job: { task: { image: x } }, q: { redis: {} },
    api: { container: { image: x, depends_on: [job, db], env: { A: "\${resources.db.url} \${resources.q.host}" } } },
    web: { container: { image: x, depends_on: { api: started, job: completed }, command: "\${resources.job.exit_code}" } } }`);
  expect(edges(text)).toEqual([
    "api -completed> job",
    "api -ready> db",
    "api ~ready> q",
    "web -started> api",
    "web -completed> job",
  ]);
});

test.each(["image", "entrypoint", "command", "working_dir", "user", "hostname", "platform", "stop_signal"])(
  "a reference in %s makes a dependency too",
  (field) => {
    const text = resources(
      `{ b: { redis: {} }, a: { container: { image: x, ${field}: "\${resources.b.host}" } } }`,
    );
    expect(edges(text.replace("image: x, image", "image"))).toEqual(["a ~ready> b"]);
  },
);

test("a default makes a dependency only when it is taken, and is checked in any case", () => {
  const text = (name: string): string =>
    resources(
      `{ b: { redis: {} }, a: { container: { image: x, env: { A: "\${env.URL:-\${resources.${name}.url}}" } } } }`,
    );
  expect(edges(text("b"))).toEqual(["a ~ready> b"]);
  expect(edges(text("b"), { env: { URL: "x" } })).toEqual([]);
  expect(messagesOf(text("c"), { env: { URL: "x" } })).toHaveLength(1);
});

test.each([
  ["{ a: { container: { image: x, depends_on: [a] } } }", ["a -> a"]],
  ["{ a: { container: { image: x, env: { A: '${resources.a.host}' } } } }", ["a -> a"]],
  [
    "{ c: { container: { image: x, depends_on: [a] } }, b: { container: { image: x, env: { A: '${resources.c.host}' } } }, a: { container: { image: x, depends_on: [b] } } }",
    ["a -> b -> c -> a"],
  ],
  [
    "{ d: { container: { image: x, depends_on: [c] } }, c: { container: { image: x, depends_on: [d] } }, b: { container: { image: x, depends_on: [a] } }, a: { container: { image: x, depends_on: [b] } } }",
    ["c -> d -> c", "a -> b -> a"],
  ],
])("cycles of %s are named whole", (text, cycles) => {
  expect(messagesOf(resources(text)).map((message) => message.replace(/^.*found /, ""))).toEqual(cycles);
});

test("what leads into a cycle is not part of it", () => {
  const text = resources(
    "{ z: { container: { image: x, depends_on: [a] } }, a: { container: { image: x, depends_on: [b] } }, b: { container: { image: x, depends_on: [a] } } }",
  );
  expect(messagesOf(text)).toEqual(["resources.a: expected dependencies without a cycle, found a -> b -> a"]);
});

test.each([
  ["depends_on: [bb]", 'unknown resource "bb", did you mean "b"'],
  ["env: { A: '${resources.x.host}' }", 'unknown resource "x"'],
  ["env: { A: '${resources.b.hosst}' }", 'unknown property "hosst" of kind redis, did you mean "host"'],
  ["env: { A: '${resources.b.constructor}' }", 'unknown property "constructor"'],
  ["env: { A: '${resources.c.port}' }", '"port", which "c" has only with a declared port'],
  ["env: { A: '${resources.e.port}' }", '"port", which "e" has only with a declared value'],
  ["env: { A: '${ports.web}' }", "a port of a bundle"],
  ["env: { A: '${project.nme}' }", 'did you mean "name"'],
  ["env: { A: '${nope.x}' }", "${resources.NAME.PROPERTY}"],
  ["healthcheck: { test: [CMD, '${resources.x.y}'] }", 'unknown resource "x"'],
  ["healthcheck: { test: [] }", "a command that is not empty"],
  ["healthcheck: { test: [curl, x] }", "CMD, CMD-SHELL or NONE"],
  ["healthcheck: { test: x, interval: fast }", "a duration such as 5s"],
  ["healthcheck: { test: x, retries: 0 }", "a whole number of at least 1"],
  ["ports: [0]", "a container port from 1 to 65535"],
  ["ports: ['80:x']", "a port such as 8080"],
  ["volumes: ['{a}:/x']", "a volume name"],
  ["volumes: ['a:/x:z']", '"ro" or "rw"'],
  ["entrypoint: ' '", "a command that is not empty"],
  ["entrypoint: []", "a command that is not empty"],
  ["env: { K: a }, secrets: { K: b }", '"K" in both'],
  ["env: { 'A=B': a }", "a variable's name without '='"],
  ["memory: lots", "a size such as 64m"],
  ["cpus: none", "a number"],
  ["ready: { http: /, tcp: 80 }", "found http and tcp"],
  ["ready: { http: / }", "`port` beside it"],
  ["ready: { http: x, port: 80 }", "a path that starts with '/'"],
  ["ready: { http: /, port: 80, status: ok }", "a status such as 200"],
  ["ready: { log: '(' }", "a regular expression"],
  ["healthcheck: { test: [NONE] }, ready: { healthcheck: true }", "a healthcheck of this resource"],
  ["ready: { tcp: 0 }", "a port from 1 to 65535"],
  ["ready: { timeout: 1 }", "a duration such as 5s"],
  ["restart: { max: -1 }", "a whole number of at least 0"],
  ["stop_grace: 1x", "a duration such as 5s"],
  ["tmpfs: [tmp]", "an absolute path"],
  ["extra_hosts: [x]", '"name:address"'],
])("a container with %s is refused", (field, expected) => {
  const text = resources(
    `{ b: { redis: {} }, c: { container: { image: x } }, e: { external: { host: h } }, a: { container: { image: x, ${field} } } }`,
  );
  const messages = messagesOf(text);
  expect(messages).toHaveLength(1);
  expect(messages[0]).toContain(expected);
});

test.each([
  ["{ a: { container: { image: '' } } }", "an image reference"],
  ["{ a: { dockerfile: { context: ' ' } } }", "a text that is not empty"],
  ["{ a: { task: { image: x, context: . } } }", "either `image` or `context`, found both"],
  ["{ a: { task: {} } }", "either `image` or `context`, found neither"],
  ["{ a: { task: { image: x, ready: { tcp: 1 } } } }", "a task is ready when it ends"],
  ["{ a: { postgres: { database: Shop-1 } } }", "a database name"],
  [`{ a: { postgres: { database: ${"a".repeat(64)} } } }`, "a database name"],
  ["{ a: { postgres: { password: '' } } }", "a password that is not empty"],
  ["{ a: { postgres: { version: 'a b' } } }", "a version such as 16"],
  ["{ a: { redis: { port: 70000 } } }", "a port from 0 to 65535"],
  ["{ a: { redis: { volume: 'a/b' } } }", "a volume's name"],
  ["{ a: { process: { command: [] } } }", "a program to run"],
  ["{ a: { process: { command: [x], healthcheck: { test: x } } } }", "a process has no healthcheck"],
  ["{ a: { external: {} } }", "`host` or `url`"],
  ["{ a: { external: { url: nonsense } } }", "a URL such as"],
  ["{ a: { external: { host: h, ready: { exec: [x] } } } }", "no exec check"],
])("%s is refused", (text, expected) => {
  const messages = messagesOf(resources(text));
  expect(messages).toHaveLength(1);
  expect(messages[0]).toContain(expected);
});

test("variables are listed with where they come from, missing ones do not fail", () => {
  const text = resources(`{ a: { container: { image: "x:\${env.TAG}", env: {
    A: "\${env.SET}", B: "\${env.UNSET:-b}", C: "\${env.SET:-\${env.IGNORED}}", D: "\${env.UNSET:-\${env.INNER}}", E: "\${secret.KEY}", F: "\${secret.NONE}" } } } }`);
  const stack = stackOf(text, { env: { SET: "s" }, secrets: { KEY: "k" } });
  expect(stack.variables.map(({ name, scheme, source }) => `${scheme} ${name} ${source}`)).toEqual([
    "env TAG missing",
    "env SET environment",
    "env UNSET default",
    "env INNER missing",
    "secret KEY secrets-file",
    "secret NONE missing",
  ]);
  expect(stack.variables[0]?.path).toBe("resources.a.container.image");
});

test("a use without default makes a variable needed that has a default elsewhere", () => {
  const text = resources(`{ a: { container: { image: x, env: { A: "\${env.V:-d}", B: "\${env.V}" } } } }`);
  expect(stackOf(text).variables).toMatchObject([{ name: "V", source: "missing" }]);
});

test("a field whose variable is missing is not judged, the others are", () => {
  const text = resources(
    `{ a: { container: { image: x, ports: ["\${env.P}", "x"] , stop_grace: "\${env.G}" } } }`,
  );
  expect(messagesOf(text)).toEqual([expect.stringContaining("ports.1")]);
});

test("values are never scanned again", () => {
  const text = resources(
    `{ a: { container: { image: x, env: { A: "\${env.EVIL}", B: "\${{ env.X }}", C: "\${env.EVIL}\${resources.b.host}" } } }, b: { redis: {} } }`,
  );
  const stack = stackOf(text, { env: { EVIL: "${resources.b.url}${env.X}" } });
  expect(stack.variables).toHaveLength(1);
  expect(describeConfig(stack)["resources"]).toMatchObject({
    a: { container: { env: { A: "${resources.b.url}${env.X}", B: "${ env.X }" } } },
  });
});

const bundles = `ports: { default: { web: 8080, "api": 81 }, other: { web: 8085, api: "82" } }\n`;

test("${ports.NAME} is the port of the chosen bundle", () => {
  const text = `${bundles}${resources('{ a: { container: { image: x, ports: ["${ports.web}:80"] } } }')}`;
  expect(stackOf(text)).toMatchObject({
    bundle: "default",
    resources: [{ declared: { ports: ["8080:80"] } }],
  });
  expect(stackOf(text, { bundle: "other" })).toMatchObject({
    bundle: "other",
    resources: [{ declared: { ports: ["8085:80"] } }],
  });
  expect(() => stackOf(text, { bundle: "othr" })).toThrow(
    expect.objectContaining({ code: "usage", hint: 'Did you mean "other"?' }),
  );
});

test.each([
  ["ports: { a: { x: 1 }, b: { y: 2 } }", "a port for y too"],
  ["ports: { a: { x: 0 } }", "a port from 1 to 65535"],
  ["ports: { a: { x: 1, y: 1 } }", "another port than x has"],
])("bundles %s are refused", (ports, expected) => {
  expect(messagesOf(`${ports}\n${resources("{}")}`)[0]).toContain(expected);
});

test("another project name is used everywhere, and must be one", () => {
  const text = resources("{ a: { container: { image: x, env: { P: '${project.name}' } } } }");
  expect(stackOf(text, { project: "other" })).toMatchObject({
    project: "other",
    resources: [{ declared: { env: { P: "other" } } }],
  });
  expect(() => stackOf(text, { project: "No" })).toThrow(expect.objectContaining({ code: "usage" }));
});

test("the restart policy above holds for all that declare none", () => {
  const text = `restart: { mode: always, max: 3 }\n${resources("{ a: { redis: {} }, b: { redis: { restart: never } }, t: { task: { image: x } } }")}`;
  expect(stackOf(text).resources.map(({ declared }) => declared["restart"])).toEqual([
    { mode: "always", max: 3 },
    "never",
    undefined,
  ]);
});

test("a grammar problem stands at its value", () => {
  const text =
    "project: { name: a }\nresources:\n  a:\n    container:\n      image: x\n      ports:\n        - 80\n        - nope\n";
  expect(problemsOf(() => stackOf(text))).toMatchObject([{ line: 8, column: 11, found: '"nope"' }]);
});

test("a container may wait for the healthcheck of its image, which only the engine knows", () => {
  expect(messagesOf(resources("{ a: { container: { image: x, ready: { healthcheck: true } } } }"))).toEqual(
    [],
  );
});
