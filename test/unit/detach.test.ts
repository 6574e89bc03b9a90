import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openStack } from "../../src/app/open-stack.ts";
import { detachSupervisor } from "../../src/app/supervisor.ts";

test("a supervisor that finds nothing to supervise ends in good order", async () => {
  const directory = await mkdtemp(join(tmpdir(), "lash-detach-"));
  const manifest = join(directory, "lash.yml");
  await writeFile(
    manifest,
    "project: { name: shop }\nresources:\n  api: { external: { host: example.invalid, port: 80 } }\n",
  );
  await using handle = await openStack(manifest);
  const detached = await detachSupervisor(handle, { argv: [process.execPath, "-e", ""] });
  expect(detached.pid).toBeGreaterThan(0);
  await expect(
    detachSupervisor(handle, { argv: [process.execPath, "-e", "process.exitCode = 1"] }),
  ).rejects.toThrow("background process ended");
  await rm(directory, { recursive: true });
});
