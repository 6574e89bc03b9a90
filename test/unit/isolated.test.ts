import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, test } from "vitest";

const manifest = `
project: { name: shop }
resources:
  web: { process: { command: [sleep, "300"], profiles: [tests] } }
`;

const owner = `
import { openStack } from ${JSON.stringify(new URL("../../src/app/open-stack.ts", import.meta.url).href)};
const stack = await openStack(process.argv[1], { isolated: true, profiles: ["tests"] });
await stack.up();
const [web] = await stack.list();
console.log(web.id);
setInterval(() => {}, 1000);
`;

async function pids(): Promise<string> {
  const ps = spawn("ps", ["-eo", "args"], { stdio: ["ignore", "pipe", "ignore"] });
  let text = "";
  for await (const chunk of ps.stdout) text += String(chunk);
  return text;
}

test("a killed owner of an isolated stack leaves no process, even when its manifest is gone", async () => {
  const directory = await mkdtemp(join(tmpdir(), "lash-isolated-"));
  const seconds = String(300 + (process.pid % 1000) / 1000);
  await writeFile(join(directory, "lash.yml"), manifest.replace("300", seconds));
  const child = spawn(process.execPath, ["--input-type=module", "-e", owner, join(directory, "lash.yml")], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout });
  await once(lines, "line");
  expect(await pids()).toContain(`sleep ${seconds}`);
  await rm(join(directory, "lash.yml"));
  child.kill("SIGKILL");
  await expect.poll(pids, { timeout: 8000, interval: 200 }).not.toContain(`sleep ${seconds}`);
  await rm(directory, { recursive: true });
}, 20_000);
