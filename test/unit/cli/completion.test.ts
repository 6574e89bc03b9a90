import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { completionScript } from "../../../src/cli/completion/script.ts";
import { commandTable } from "../../../src/cli/table.ts";

const commands = commandTable.map((each) => each.spec);
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "lash-completion-"));
  // Stands for the real command: resources depend on the manifest named before them.
  writeFileSync(
    join(folder, "lash"),
    '#!/bin/sh\ncase "$*" in *other.yml*) echo web ;; *) printf "db\\napi\\n" ;; esac\n',
  );
  chmodSync(join(folder, "lash"), 0o755);
  for (const shell of ["bash", "zsh", "fish"] as const)
    writeFileSync(join(folder, shell), completionScript(shell, commands));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const has = (shell: string): boolean => spawnSync(shell, ["-c", "true"]).status === 0;

test.each(["bash", "zsh", "fish"] as const)("%s accepts its script", (shell) => {
  if (!has(shell)) return;
  const check = spawnSync(shell, [shell === "fish" ? "--no-execute" : "-n", join(folder, shell)], {
    encoding: "utf8",
  });
  expect(check).toMatchObject({ status: 0, stderr: "" });
});

function bash(line: string): readonly string[] {
  const words = line.split(" ");
  const script = `source ${join(folder, "bash")}
COMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")})
COMP_CWORD=${words.length - 1}
_lash
printf '%s\\n' "\${COMPREPLY[@]}"`;
  const env = { ...process.env, PATH: `${folder}:${process.env["PATH"] ?? ""}` };
  const output = execFileSync("bash", ["--norc", "-c", script], { encoding: "utf8", env, cwd: folder });
  return output.split("\n").filter((each) => each !== "");
}

test.each<readonly [string, readonly string[]]>([
  ["lash va", ["validate"]],
  ["lash --pro", ["--project", "--profile"]],
  ["lash -f other.yml u", ["up"]],
  ["lash up ", ["db", "api"]],
  ["lash up d", ["db"]],
  ["lash -f other.yml up ", ["web"]],
  ["lash up --det", ["--detach"]],
  ["lash up --timeout ", []],
  ["lash logs --fo", ["--follow"]],
  ["lash graph --format m", ["mermaid"]],
  ["lash completion f", ["fish"]],
  ["lash explain port-in", ["port-in-use"]],
  ["lash secrets ", ["check"]],
  ["lash help sec", ["secrets"]],
  ["lash port ", ["db", "api"]],
  ["lash port db ", []],
])("bash completes %s", (line, expected) => {
  expect(bash(line)).toEqual(expected);
});

function fish(line: string): readonly string[] {
  const env = { ...process.env, PATH: `${folder}:${process.env["PATH"] ?? ""}`, HOME: folder };
  const script = `source ${join(folder, "fish")}; complete -C '${line}'`;
  const output = execFileSync("fish", ["--no-config", "-c", script], { encoding: "utf8", env, cwd: folder });
  return output
    .split("\n")
    .filter((each) => each !== "")
    .map((each) => each.split("\t")[0] ?? "");
}

test.each<readonly [string, readonly string[]]>([
  ["lash va", ["validate"]],
  ["lash up d", ["db"]],
  ["lash -f other.yml up w", ["web"]],
  ["lash up --det", ["--detach"]],
  ["lash graph --format m", ["mermaid"]],
  ["lash secrets ", ["check"]],
])("fish completes %s", (line, expected) => {
  if (!has("fish")) return;
  expect(fish(line)).toEqual(expected);
});
