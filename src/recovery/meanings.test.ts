import { describe, expect, test } from "vitest";
import { adviceFor } from "./advice.ts";
import { classify } from "./classify.ts";
import type { Failure, FailureCode } from "./failure.ts";
import { fixtures } from "./fixtures/all.ts";
import { textOf } from "./fixtures/fixture.ts";
import { meanings } from "./meanings.ts";
import type { PortHolder } from "./port-holder.ts";

const codes = Object.keys(meanings) as readonly FailureCode[];
const repairs = [
  "use-port-bundle",
  "use-free-port",
  "replace-own-container",
  "remove-own-networks",
  "use-local-image",
  "pull-again",
];

describe("meanings", () => {
  test.each(codes)("%s reads as sentences", (code) => {
    const { title, ...rest } = meanings[code];
    expect(title).toMatch(/^[A-Z][^.]+$/);
    for (const text of Object.values(rest)) {
      expect(text).toMatch(/^\S.*[.!]$|^`.*`\?$|`$/);
      expect(text).not.toMatch(/ {2}|\n|—/);
      expect(text.split("`").length % 2).toBe(1);
    }
  });

  test("every repair is explained, each where its failure is", () => {
    const told = codes.flatMap((code) =>
      [...meanings[code].does.matchAll(/`([a-z]+(?:-[a-z]+)+)`/g)].map(([, name = ""]) => `${code}: ${name}`),
    );
    expect(told.sort()).toEqual([
      "image-rate-limited: pull-again",
      "image-rate-limited: use-local-image",
      "name-in-use: replace-own-container",
      "network-pool-exhausted: remove-own-networks",
      "port-in-use: use-free-port",
      "port-in-use: use-port-bundle",
      "registry-unreachable: pull-again",
      "registry-unreachable: use-local-image",
    ]);
    expect(new Set(told.map((each) => each.split(": ")[1]))).toEqual(new Set(repairs));
  });
});

describe("adviceFor()", () => {
  test.each(codes)("%s: something to do, also when nothing more is known", (code) => {
    const advice = adviceFor({ code, subject: "web", message: "", evidence: "" });
    expect(advice.length).toBeGreaterThan(0);
    for (const { text, command } of advice) {
      expect(text).toMatch(/^[A-Z].*[^.\s]$/);
      expect(`${text} ${command ?? ""}`).not.toMatch(/undefined|''|\s$ |\n|—/);
      // What destroys is for people to decide and to type.
      expect(command ?? "").not.toMatch(/\b(?:prune|rm|kill|stop|down)\b/);
    }
  });

  test.each(fixtures)("$code: $row", (fixture) => {
    const failure = classify({ subject: "web", during: fixture.during, text: textOf(fixture) });
    for (const { text, command } of adviceFor(failure)) {
      expect(`${text} ${command ?? ""}`).not.toMatch(/undefined|\(\)/);
    }
  });

  const taken: Failure = {
    code: "port-in-use",
    subject: "web",
    message: "",
    evidence: "",
    details: { port: { address: "0.0.0.0", number: 8080, protocol: "tcp" } },
  };
  const container = {
    type: "container",
    by: "compose",
    container: "wiki-web-1",
    file: "/srv/wiki/compose.yml",
  } as const;

  test.each<[string, PortHolder | undefined, readonly (string | undefined)[]]>([
    ["nobody looked", undefined, ["sudo ss -ltnp 'sport = :8080'", undefined]],
    [
      "a container",
      { ...container, project: "wiki", ours: false },
      ["docker ps --filter name=wiki-web-1", undefined],
    ],
    [
      "a process",
      { type: "process", pid: 4711, name: "nginx", address: "0.0.0.0" },
      ["ps -fp 4711", undefined],
    ],
    [
      "a process that may not be seen",
      { type: "process", pid: undefined, name: undefined, address: "0.0.0.0" },
      ["sudo ss -ltnp 'sport = :8080'", undefined],
    ],
    [
      "another engine",
      { type: "other-engine", pid: 815, name: "docker-proxy" },
      ["docker context ls", "ps -fp 815", undefined],
    ],
    ["a range", { type: "reserved", range: "8000-8099" }, [undefined, undefined]],
    ["unknown", { type: "unknown", because: "no access" }, ["sudo ss -ltnp 'sport = :8080'", undefined]],
  ])("who has the port: %s", (_, holder, commands) => {
    const advice = adviceFor({ ...taken, ...(holder === undefined ? {} : { holder }) });
    expect(advice.map(({ command }) => command)).toEqual(commands);
    expect(advice.at(-1)?.text).toContain("8080");
  });

  test("UDP is looked for as UDP", () => {
    const details = { port: { address: "", number: 53, protocol: "udp" } } as const;
    expect(adviceFor({ ...taken, details })[0]?.command).toBe("sudo ss -lunp 'sport = :53'");
  });

  test.each([
    ["shop/api:1", "docker login"],
    ["registry.test/shop/api:1", "docker login registry.test"],
    ["localhost:5000/api", "docker login localhost:5000"],
    ["docker.io/shop/api", "docker login"],
    [undefined, "docker login"],
  ])("where to log in for %s", (image, command) => {
    expect(adviceFor({ ...taken, code: "image-denied", details: { image } })[0]?.command).toBe(command);
  });

  test("what a text names cannot run as a command", () => {
    const path = "/srv/$(reboot)/it's; rm x";
    const [advice] = adviceFor({ ...taken, code: "mount-source-missing", details: { path } });
    expect(advice?.command).toBe(String.raw`ls -ld '/srv/$(reboot)/it'\''s; rm x'`);
  });

  test("of a failed dependency, that of its cause", () => {
    const cause: Failure = { code: "out-of-memory", subject: "db", message: "", evidence: "" };
    expect(adviceFor({ ...taken, code: "dependency-failed", cause })).toEqual(adviceFor(cause));
  });
});
