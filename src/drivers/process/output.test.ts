import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { systemClock } from "../../async/clock.ts";
import type { LogOptions } from "../../engine/engine.ts";
import { readOutput } from "./output.ts";

const signal = new AbortController().signal;

async function lines(folder: string, options: Partial<LogOptions> = {}): Promise<readonly string[]> {
  const texts: string[] = [];
  const source = { folder, clock: systemClock, writing: () => false };
  for await (const { text } of readOutput(source, { signal, follow: false, ...options })) texts.push(text);
  return texts;
}

test("the last n lines are the end of all lines, wherever blocks begin", async () => {
  const folder = await mkdtemp(join(tmpdir(), "lash-output-"));
  const line = fc.oneof(
    fc.constant(""),
    fc.string({ maxLength: 20 }),
    fc.integer({ min: 65_520, max: 65_550 }).map((length) => "x".repeat(length)),
  );
  const written = fc.array(
    line.map((text) => text.replaceAll("\n", " ")),
    { maxLength: 12 },
  );
  await fc.assert(
    fc.asyncProperty(written, fc.boolean(), fc.nat(14), async (texts, terminated, tail) => {
      const content = texts.join("\n") + (terminated && texts.length > 0 ? "\n" : "");
      await writeFile(join(folder, "stdout.log"), content);
      const all = content.split("\n");
      if (all.at(-1) === "") all.pop();
      expect(await lines(folder)).toEqual(all);
      expect(await lines(folder, { tail })).toEqual(tail === 0 ? [] : all.slice(-tail));
      expect(await lines(folder, { follow: true })).toEqual(all);
    }),
    { numRuns: 150 },
  );
  await rm(folder, { recursive: true });
});

test("a line's time is that of the first mark that covers it; without one, of the file's last change", async () => {
  const folder = await mkdtemp(join(tmpdir(), "lash-output-"));
  await writeFile(join(folder, "stdout.log"), "one\nthree\nlater\n");
  await writeFile(join(folder, "stdout.log.marks"), "1000 4\n3000 10\n");
  await writeFile(join(folder, "stderr.log"), "two\n");
  await writeFile(join(folder, "stderr.log.marks"), "2000 4\n");
  expect(await lines(folder)).toEqual(["one", "two", "three", "later"]);
  expect(await lines(folder, { tail: 2 })).toEqual(["three", "later"]);
  expect(await lines(folder, { since: new Date(2000).toISOString() })).toEqual(["three", "later"]);
  await rm(folder, { recursive: true });
});

test("output without line ends is given in pieces", async () => {
  const folder = await mkdtemp(join(tmpdir(), "lash-output-"));
  await writeFile(join(folder, "stdout.log"), "x".repeat(3_000_000));
  const pieces = await lines(folder);
  expect(pieces.length).toBeGreaterThan(1);
  expect(pieces.join("")).toHaveLength(3_000_000);
  await rm(folder, { recursive: true });
});
