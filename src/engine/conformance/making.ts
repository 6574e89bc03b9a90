import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isLashError } from "../../model/errors.ts";
import { ability, type Bench, conformanceCase } from "./bench.ts";
import type { ConformanceCase } from "./harness.ts";

/** Making images: by a build, and of a container. */
export const makingCases: readonly ConformanceCase[] = [
  conformanceCase(
    "a build sees its context without what .dockerignore leaves out",
    ["builds"],
    async (bench) => {
      const { context, tag } = await contextOf(bench, {
        Dockerfile: [
          `FROM ${bench.harness.image}`,
          "ARG WORD=none",
          "COPY . /context/",
          "RUN echo $WORD >/context/word && ls -a /context >/context/list",
          'CMD ["sh", "-c", "cat /context/list /context/word"]',
        ].join("\n"),
        ".dockerignore": "secret\n*.tmp\n!kept.tmp\n",
        secret: "no",
        "left.tmp": "no",
        "kept.tmp": "yes",
        plain: "yes",
      });
      const told: string[] = [];
      const { imageId } = await ability(bench.engine.builds, "builds").build({
        signal: bench.signal,
        context,
        dockerfile: "Dockerfile",
        buildArgs: { WORD: "given" },
        tag,
        labels: { "lash.made": "yes" },
        onProgress: ({ text }) => told.push(text),
      });
      const image = await ability(bench.engine.images, "images").inspect(tag, bench);
      assert.equal(image?.id, imageId);
      assert.equal(image.labels["lash.made"], "yes");
      assert.ok(told.length > 0, "no progress was told");
      const lines = await bench.outputOf({ kind: "print folder" }, { image: tag, command: undefined });
      assert.ok(
        lines.includes("plain") && lines.includes("kept.tmp") && lines.includes("given"),
        lines.join(", "),
      );
      assert.ok(!lines.includes("secret") && !lines.includes("left.tmp"), lines.join(", "));
    },
  ),

  conformanceCase("a build stops at the stage asked for", ["builds"], async (bench) => {
    const { image } = bench.harness;
    const dockerfile = `FROM ${image} AS first\nLABEL stage=first\nFROM ${image}\nLABEL stage=second\n`;
    const { context, tag } = await contextOf(bench, { "other.Dockerfile": dockerfile });
    await ability(bench.engine.builds, "builds").build({
      signal: bench.signal,
      context,
      dockerfile: "other.Dockerfile",
      target: "first",
      buildArgs: {},
      tag,
      labels: {},
    });
    const facts = await ability(bench.engine.images, "images").inspect(tag, bench);
    assert.equal(facts?.labels["stage"], "first");
  }),

  conformanceCase("a build that fails says with what last words", ["builds"], async (bench) => {
    const dockerfile = `FROM ${bench.harness.image}\nRUN echo the last words && exit 3\n`;
    const { context, tag } = await contextOf(bench, { Dockerfile: dockerfile });
    const building = ability(bench.engine.builds, "builds").build({
      signal: bench.signal,
      context,
      dockerfile: "Dockerfile",
      buildArgs: {},
      tag,
      labels: {},
    });
    const [result] = await Promise.allSettled([building]);
    assert.ok(result.status === "rejected", "it succeeded");
    const error: unknown = result.reason;
    assert.ok(isLashError(error, "engine-refused"), String(error));
    assert.match(JSON.stringify(error.data["output"]), /the last words/);
    assert.equal(await ability(bench.engine.images, "images").inspect(tag, bench), undefined);
  }),

  conformanceCase(
    "an image made of a container holds what it wrote, and runs",
    ["snapshots"],
    async (bench) => {
      const snapshots = ability(bench.engine.snapshots, "snapshots");
      const images = ability(bench.engine.images, "images");
      const tag = `lash-conformance/${bench.name("made")}:1`;
      const file = { folder: "/tmp", name: "kept" };
      const writer = await bench.start({ kind: "write file", ...file, text: "still here" }, {}, "writer");
      await bench.engine.wait(writer, bench);
      bench.onEnd(() => images.remove(tag, { signal: AbortSignal.timeout(10_000) }));
      const { imageId } = await snapshots.commit(writer, {
        signal: bench.signal,
        tag,
        labels: { "lash.made": "yes" },
      });
      const image = await images.inspect(tag, bench);
      assert.equal(image?.id, imageId);
      assert.equal(image.labels["lash.made"], "yes");
      const lines = await bench.outputOf({ kind: "read file", ...file }, { image: tag }, "reader");
      assert.deepEqual(lines, ["read: still here"]);
    },
  ),
];

/** A folder with these files, and a tag for what is built from it; both go with the case. */
async function contextOf(
  bench: Bench,
  files: Readonly<Record<string, string>>,
): Promise<{ readonly context: string; readonly tag: string }> {
  const context = await mkdtemp(join(tmpdir(), "lash-conformance-"));
  const tag = `lash-conformance/${bench.name("built")}:1`;
  bench.onEnd(() => rm(context, { recursive: true }));
  bench.onEnd(() =>
    ability(bench.engine.images, "images").remove(tag, { signal: AbortSignal.timeout(10_000) }),
  );
  await mkdir(context, { recursive: true });
  for (const [name, text] of Object.entries(files)) await writeFile(join(context, name), text);
  return { context, tag };
}
