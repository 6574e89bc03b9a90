import { describe, expect, test } from "vitest";
import type { Check, DoctorReport, Failure } from "../../../src/app/types.ts";
import { doctorLines } from "../../../src/cli/render/doctor.ts";
import { paintFor } from "../../../src/cli/render/paint.ts";
import { runCommand } from "./support/run-command.ts";
import { fakeApp, fakeHandle } from "./support/stack.ts";

const check = (name: Check["name"], outcome: Check["outcome"], problems: readonly Failure[] = []): Check => ({
  name,
  outcome,
  said: `about ${name}`,
  problems,
});

const taken: Failure = {
  code: "port-in-use",
  subject: "api",
  message: "taken",
  evidence: "",
  details: { port: { address: "", number: 8080, protocol: "tcp" } },
  holder: { type: "process", pid: 7, name: "node", address: "::" },
  advice: [{ text: "Look at it", command: "ps -fp 7" }],
};

const unreachable: Failure = {
  code: "engine-unreachable",
  subject: "",
  message: "cannot find an engine",
  evidence: "unix:///a.sock (default): no such file\nunix:///b.sock (default): refused",
};

function report(verdict: DoctorReport["verdict"], checks: readonly Check[]): DoctorReport {
  return { project: "shop", manifest: "/project/lash.yml", verdict, checks };
}

const look = { paint: paintFor(false), columns: undefined };

test("a line per check with its outcome, the problems in blocks, then the sum", () => {
  const lines = doctorLines(
    report("trouble", [
      check("engine", "problem", [unreachable]),
      check("ports", "problem", [taken]),
      check("names", "ok"),
      check("images", "note"),
      check("networks", "skipped"),
    ]),
    look,
  );
  expect(lines.slice(0, 5)).toEqual([
    "x engine         about engine",
    "x ports          about ports",
    "v names          about names",
    "! images         about images",
    "- networks       not checked: about networks",
  ]);
  const rest = lines.slice(5).join("\n");
  expect(rest).toContain("engine-unreachable");
  expect(rest).toContain("| unix:///b.sock (default): refused");
  expect(rest).toContain('host port 8080/tcp, wanted by "api", is in use by process "node" (pid 7');
  expect(rest).toContain("ps -fp 7");
  expect(lines.at(-1)).toBe("x 2 problems that would stop `lash up`");
});

test("in a narrow terminal what a check says is wrapped under itself", () => {
  const said = "one two three four five six seven eight nine ten";
  const wrapped = doctorLines(report("ready", [{ ...check("names", "ok"), said }]), { ...look, columns: 50 });
  expect(wrapped.slice(0, 2)).toEqual([
    "v names          one two three four five six seven",
    "                 eight nine ten",
  ]);
});

describe("lash doctor", () => {
  test.each([
    ["ready", 0],
    ["trouble", 1],
    ["no-engine", 3],
  ] as const)("%s is exit code %i, and everything is on stdout", async (verdict, expected) => {
    const checks = verdict === "ready" ? [check("names", "ok")] : [check("ports", "problem", [taken])];
    const app = fakeApp(fakeHandle().handle, { runDoctor: async () => report(verdict, checks) });
    const { code, stdout, stderr } = await runCommand(["doctor"], { app });
    expect({ code, stderr }).toEqual({ code: expected, stderr: "" });
    expect(stdout).toContain("about ");
  });

  test("it hands on what the command line names, and asks for no manifest", async () => {
    const asked: unknown[] = [];
    const app = fakeApp(fakeHandle().handle, {
      findManifest: async () => expect.unreachable(),
      runDoctor: async ({ signal: _signal, environment: _environment, ...options }) => {
        asked.push(options);
        return report("ready", []);
      },
    });
    await runCommand(["doctor"], { app });
    await runCommand(["-f", "other.yml", "--project", "x", "--profile", "debug", "doctor"], { app });
    expect(asked).toMatchObject([
      { manifest: undefined, profiles: [] },
      { manifest: expect.stringMatching(/^\/.*other\.yml$/), project: "x", profiles: ["debug"] },
    ]);
  });
});
