import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { expect, test } from "vitest";
import { version } from "../../../src/model/version.ts";

// The sources, run as they are: Node strips the types.
const main = join(import.meta.dirname, "../../../src/cli/main.ts");

function lash(...argv: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...argv], {
    encoding: "utf8",
    cwd: "/",
  });
  return { status, stdout, stderr };
}

test("--version prints the version", () => {
  expect(lash("--version")).toEqual({ status: 0, stdout: `${version}\n`, stderr: "" });
  expect(lash("--no-color", "--version")).toEqual({ status: 0, stdout: `${version}\n`, stderr: "" });
});

test("a usage error exits with 2 and says so on stderr", () => {
  expect(lash("uq")).toEqual({
    status: 2,
    stdout: "",
    stderr: 'error[usage] Cannot read the command line: unknown command "uq"\n  Did you mean up?\n',
  });
});

test("without a manifest anywhere the exit code is 2", () => {
  const { status, stderr } = lash("ps");
  expect({ status, code: /error\[(.*?)\]/.exec(stderr)?.[1] }).toEqual({
    status: 2,
    code: "manifest-not-found",
  });
});

test("a reader that closes the pipe is no error", async () => {
  const child = spawn(process.execPath, [main, "completion", "zsh"], { stdio: ["ignore", "pipe", "pipe"] });
  child.stdout.destroy();
  let stderr = "";
  child.stderr.on("data", (data: Buffer) => {
    stderr += data.toString();
  });
  const [code] = (await once(child, "close")) as [number];
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
});
