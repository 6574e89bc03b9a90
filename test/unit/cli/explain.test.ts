import { PassThrough, Readable } from "node:stream";
import { expect, test } from "vitest";
import type { Explanation, FailurePage } from "../../../src/app/types.ts";
import { explainCommand } from "../../../src/cli/commands/explain.ts";
import { explainSchema } from "../../../src/cli/json.ts";
import { pageLines, recognisedLines, unknownLines } from "../../../src/cli/render/explain.ts";
import { paintFor } from "../../../src/cli/render/paint.ts";
import { meanings } from "../../../src/recovery/meanings.ts";
import { runCommand, startCommand } from "./support/run-command.ts";
import { fakeApp, fakeHandle } from "./support/stack.ts";

const bind =
  "Error response from daemon: driver failed programming external connectivity on endpoint web (" +
  `${"0f".repeat(32)}): Bind for 127.0.0.1:8080 failed: port is already allocated`;

const page: FailurePage = {
  code: "port-in-use",
  title: "the host port is taken",
  means: "Another container or program has the port of this machine that a resource is to be published on",
  recognised: 'The engine says "port is already allocated" or "address already in use"',
  does: "Moves the whole stack to the next port bundle, once",
  never: "Stops what has the port",
  youCan: "Stop what has the port, or give the resource another one",
};

const text: Extract<Explanation, { readonly type: "text" }> = {
  type: "text",
  page,
  failure: {
    code: "port-in-use",
    subject: "",
    message: "Bind for 127.0.0.1:8080 failed: port is already allocated",
    evidence: "Bind for 127.0.0.1:8080 failed: port is already allocated",
    details: {
      port: { address: "127.0.0.1", number: 8080, protocol: "tcp" },
      name: "web",
      image: "redis:7",
      path: "/srv",
      retryAfterMs: 2_500,
    },
    advice: [{ text: "See who has it", command: "ss -ltn" }, { text: "Publish another port than 8080" }],
  },
};

const look = (columns: number | undefined) => ({ paint: paintFor(false), columns });

test("the page of a code, at 80 columns", () => {
  expect(pageLines(page, look(80)).join("\n")).toBe(
    `port-in-use: the host port is taken

What it means
  Another container or program has the port of this machine that a resource is
  to be published on

How it is recognised
  The engine says "port is already allocated" or "address already in use"

What Lash does
  Moves the whole stack to the next port bundle, once

What Lash never does
  Stops what has the port

What you can do
  Stop what has the port, or give the resource another one`,
  );
});

test("what was recognised in a text, piped", () => {
  expect(recognisedLines(text, look(undefined)).join("\n")).toBe(
    `x detected   port-in-use     Bind for 127.0.0.1:8080 failed: port is already allocated
- names                      port 127.0.0.1:8080/tcp, image redis:7, "web", path /srv, to be tried again in 2.5 s
- means                      Another container or program has the port of this machine that a resource is to be published on
- Lash                       Moves the whole stack to the next port bundle, once
- you can                    See who has it
                               ss -ltn
-                            Publish another port than 8080
- more                       lash explain port-in-use`,
  );
  const { advice: _, ...failure } = text.failure;
  expect(recognisedLines({ ...text, failure }, look(undefined))).toContain(
    "- you can                    Stop what has the port, or give the resource another one",
  );
});

test("nothing recognised, at 80 columns", () => {
  expect(unknownLines(["port-in-use", "port-reserved"], look(80)).join("\n")).toMatchInlineSnapshot(`
    "x unknown                    no code, and no known failure in it
    - perhaps                    lash explain port-in-use
                                 lash explain port-reserved
    - try                        more of the text: the line with the cause often
                                 stands above or below
    - look                       at what the program said itself (lash logs
                                 <resource>) and at the log of the engine"
  `);
});

const codes = Object.keys(meanings) as readonly FailurePage["code"][];

test.each([80, 200])("no line of any page is wider than %d columns", (columns) => {
  const lines = codes.flatMap((code) => pageLines({ code, ...meanings[code] }, look(columns)));
  expect(lines.filter((line) => line.length > columns)).toEqual([]);
});

test("completion offers every code", () => {
  expect(explainCommand.arguments[0]?.complete).toHaveLength(codes.length);
  expect(explainCommand.arguments[0]?.complete).toEqual(expect.arrayContaining([...codes]));
});

test("explain <code> prints its page on standard output", async () => {
  const { code, stdout, stderr } = await runCommand(["explain", "Port-In-Use"]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toMatch(/^port-in-use: .+\n\nWhat it means\n {2}\S/);
});

test.each<readonly [string, readonly string[], string | undefined]>([
  ["arguments, joined", ["explain", ...bind.split(" ")], undefined],
  ["one argument", ["explain", bind], undefined],
  ["standard input", ["explain"], `${bind}\n`],
  ["standard input by name", ["explain", "-"], bind],
])("explain recognises a text: %s", async (_, argv, input) => {
  const { code, stdout, stderr } = await runCommand(argv, input === undefined ? {} : { input });
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toMatch(/^x detected {3}port-in-use {5}.*port is already allocated/);
  expect(stdout).toContain("- names                      port 127.0.0.1:8080/tcp");
});

test("explain reads standard input where it ends, not where its pieces do", async () => {
  const halves = [bind.slice(0, 90), bind.slice(90)].map((half) => Buffer.from(half));
  const { stdout } = await runCommand(["explain"], { input: Readable.from(halves) });
  expect(stdout).toContain("x detected   port-in-use ");
});

test("explain of an unknown text says so, where to look, and exits with 1", async () => {
  const { code, stdout, stderr } = await runCommand(["explain", "the", "dog", "ate", "it"]);
  expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  expect(stderr).toMatch(/^x unknown {20}no code, and no known failure in it\n- try /);
  expect(stderr).toContain("lash logs <resource>");
});

test.each([
  ["port-in-usr", "port-in-use"],
  ["port", "port-in-use   lash explain port-"],
  ["rate limited", "image-rate-limited"],
])("explain %s suggests %s", async (word, expected) => {
  const { code, stderr } = await runCommand(["explain", word]);
  expect(code).toBe(1);
  expect(stderr).toContain(`- perhaps                    lash explain ${expected}`);
});

test("explain suggests nothing where nothing is near", async () => {
  expect((await runCommand(["explain", "oom"])).stderr).not.toContain("perhaps");
});

test("explain without anything to explain is a usage error", async () => {
  const nothing = await runCommand(["explain"], { columns: 80, env: { NO_COLOR: "1" } });
  expect(nothing).toEqual({
    code: 2,
    stdout: "",
    stderr: "error[usage] Cannot explain nothing: no code and no text given\n  See: lash help explain\n",
  });
  const empty = await runCommand(["explain"], { input: " \n" });
  expect(empty).toMatchObject({ code: 2, stderr: expect.stringContaining("the text is empty") as string });
});

test("explain reads no more than 1 MiB of standard input", async () => {
  let given = 0;
  const endless = new Readable({
    read() {
      given += 65_536;
      this.push(Buffer.alloc(65_536, "x"));
    },
  });
  const { code, stderr } = await runCommand(["explain"], { input: endless });
  expect(code).toBe(2);
  expect(stderr).toContain("it is longer than 1 MiB");
  expect(given).toBeLessThan(2 << 20);
});

test("explain that waits for standard input ends on SIGINT", async () => {
  const running = startCommand(["explain", "-"], { input: new PassThrough() });
  await new Promise(setImmediate);
  running.interrupt("SIGINT");
  expect(await running.done).toBe(130);
});

test("explain --json prints one document of its schema, also of an unknown text", async () => {
  for (const [words, type, exit] of [
    ["port-in-use", "code", 0],
    [bind, "text", 0],
    ["port-in-usr", "unknown", 1],
  ] as const) {
    const { code, stdout, stderr } = await runCommand(["explain", "--json", words]);
    expect({ code, stderr }).toEqual({ code: exit, stderr: "" });
    const printed = JSON.parse(stdout) as unknown;
    expect(explainSchema.parse(printed)).toEqual(printed);
    expect(printed).toMatchObject({ type });
  }
});

test("explain asks neither for a manifest nor for an engine", async () => {
  const refuse = async (): Promise<never> => await Promise.reject(new Error("asked"));
  const app = fakeApp(fakeHandle().handle, { findManifest: refuse, openStack: refuse, readStack: refuse });
  expect((await runCommand(["explain", "port-in-use"], { app })).code).toBe(0);
});
