import { expect, test } from "vitest";
import type { Failure } from "../../../src/app/types.ts";
import { exitCode } from "../../../src/cli/exit-code.ts";
import { errorLines } from "../../../src/cli/render/error.ts";
import { paintFor } from "../../../src/cli/render/paint.ts";
import { LashError } from "../../../src/model/errors.ts";
import { runCommand } from "./support/run-command.ts";
import { fakeApp, fakeHandle } from "./support/stack.ts";

function render(error: unknown, columns: number | undefined): string {
  return errorLines(error, { paint: paintFor(false), columns, cwd: "/project", verbose: false }).join("\n");
}

const crashed: Failure = {
  code: "crashed",
  subject: "api",
  message:
    'resource "api" exited with code 1 after 0.4 s, before it was ready, and its restart policy says never',
  evidence: "",
  exitCode: 1,
  logTail: ["connecting to db", "\u001b[31mError:\u001b[0m no route to host\u0007"],
};

const failed = new LashError("resource-failed", 'Cannot bring "shop" up: resource "api" failed', {
  data: {
    failures: [
      crashed,
      {
        code: "dependency-failed",
        subject: "web",
        message: 'resource "web" was not started: dependency "api" failed',
        evidence: "",
      },
    ],
  },
  hint: "See all it wrote: lash logs api",
});

test("a failed stack: the failed resource with its log first, consequences after, then the hint, at 80 columns", () => {
  expect(render(failed, 80)).toBe(
    `x failed     crashed         resource "api" exited with code 1 after 0.4 s,
                             before it was ready, and its restart policy says
                             never
  | connecting to db
  | ␛[31mError:␛[0m no route to host␇
- resource "web" was not started: dependency "api" failed
error[resource-failed] Cannot bring "shop" up: resource "api" failed
  See all it wrote: lash logs api`,
  );
});

test("the same at 200 columns and piped is one line each", () => {
  const expected = `x failed     crashed         resource "api" exited with code 1 after 0.4 s, before it was ready, and its restart policy says never
  | connecting to db
  | ␛[31mError:␛[0m no route to host␇
- resource "web" was not started: dependency "api" failed
error[resource-failed] Cannot bring "shop" up: resource "api" failed
  See all it wrote: lash logs api`;
  expect(render(failed, 200)).toBe(expected);
  expect(render(failed, undefined)).toBe(expected);
});

const problems = [
  {
    line: 3,
    column: 5,
    path: "resources.api",
    message: 'resources.api: expected one kind, found "contaner", did you mean "container"',
  },
  { line: 12, column: 1, path: "resuorces", message: "resuorces: expected no such key" },
];

test("manifest problems have file, line and column, relative to where the person stands", () => {
  const error = new LashError("manifest-invalid", "Cannot read /project/lash.yml: 2 problems", {
    data: { file: "/project/lash.yml", problems, total: 2 },
  });
  expect(render(error, undefined)).toBe(
    `error[manifest-invalid] Cannot read /project/lash.yml: 2 problems
  lash.yml:3:5  resources.api: expected one kind, found "contaner", did you mean "container"
  lash.yml:12:1  resuorces: expected no such key`,
  );
  expect(render(error, 80)).toBe(
    `error[manifest-invalid] Cannot read /project/lash.yml: 2 problems
  lash.yml:3:5  resources.api: expected one kind, found "contaner", did you mean
                "container"
  lash.yml:12:1  resuorces: expected no such key`,
  );
});

test("the first 100 problems are listed, the rest is counted", () => {
  const many = Array.from({ length: 100 }, (_, at) => ({
    line: at + 1,
    column: 1,
    path: "",
    message: "wrong",
  }));
  const error = new LashError("manifest-invalid", "Cannot read it", {
    data: { file: "a.yml", problems: many, total: 750 },
  });
  const lines = render(error, 80).split("\n");
  expect(lines).toHaveLength(102);
  expect(lines.at(-1)).toBe("  ... and 650 more");
});

test.each(Object.keys(exitCode) as (keyof typeof exitCode)[])(
  "error %s is rendered within 80 and 200 columns",
  (code) => {
    const error = new LashError(code, `Cannot do it: ${"some words that go on and on ".repeat(20).trim()}`, {
      hint: `Do ${"this and that ".repeat(30).trim()}`,
      data: {
        leftovers: ["container shop.db"],
        failures: [{ ...crashed, code: "engine-network-broken" }],
        problems,
      },
    });
    for (const columns of [40, 80, 200]) {
      const lines = render(error, columns).split("\n");
      expect(lines.filter((line) => line.length > columns)).toEqual([]);
      expect(lines).toContainEqual(expect.stringContaining(`error[${code}] Cannot do it`));
    }
  },
);

test("anything thrown that is not ours is an internal error that asks to be reported", () => {
  expect(render(new TypeError("x is undefined"), undefined)).toBe(
    `error[internal] x is undefined
  This is a fault of Lash: run it again with --verbose and report what it prints`,
  );
});

test("--verbose adds the causes", () => {
  const error = new LashError("engine-unreachable", "Cannot ask the engine", {
    cause: new Error("ECONNREFUSED"),
  });
  const lines = errorLines(error, { paint: paintFor(false), columns: undefined, cwd: "/", verbose: true });
  expect(lines.join("\n")).toMatch(/caused by\n {2}Error: ECONNREFUSED/);
});

test("every error code has the exit code its kind asks for", () => {
  expect(exitCode).toMatchInlineSnapshot(`
    {
      "cancelled": 1,
      "engine-api-version": 3,
      "engine-conflict": 1,
      "engine-not-found": 1,
      "engine-permission": 3,
      "engine-refused": 1,
      "engine-unreachable": 3,
      "engine-unsupported": 1,
      "internal": 1,
      "leftovers": 1,
      "manifest-invalid": 2,
      "manifest-not-found": 2,
      "name-in-use": 1,
      "resource-busy": 1,
      "resource-failed": 1,
      "resource-unknown": 2,
      "stack-elsewhere": 1,
      "stack-held": 1,
      "state-newer": 1,
      "state-unreadable": 1,
      "stop-failed": 1,
      "timed-out": 1,
      "usage": 2,
      "variable-missing": 2,
    }
  `);
});

test.each(["resource-failed", "manifest-invalid", "engine-unreachable"] as const)(
  "%s ends the process with its code",
  async (code) => {
    const { handle } = fakeHandle({
      async list() {
        throw new LashError(code, "Cannot do it: no");
      },
    });
    const result = await runCommand(["ps"], { app: fakeApp(handle) });
    expect(result).toEqual({ code: exitCode[code], stdout: "", stderr: `error[${code}] Cannot do it: no\n` });
  },
);
