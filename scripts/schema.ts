// Writes schema/lash.json, which editors check a lash.yml with, from the schema that Lash itself checks it with.
// `--check` writes nothing and fails when the file is not what it would be.
import { readFile, writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import * as z from "zod/mini";
import { lashSchema } from "../src/manifest/schema.ts";

const file = resolve(import.meta.dirname, "..", "schema", "lash.json");
const schema = z.toJSONSchema(lashSchema, {
  target: "draft-2020-12",
  reused: "ref",
  // Keys that start with `x-` are free in every mapping.
  override: ({ jsonSchema }) => {
    if (jsonSchema.additionalProperties === false) jsonSchema.patternProperties = { "^x-": {} };
  },
});
const titled = { title: "lash.yml", description: "A stack of containers for the command lash", ...schema };
const wanted = `${JSON.stringify(titled, undefined, 2)}\n`;
if (process.argv.includes("--check")) {
  const current = await readFile(file, "utf8").catch(() => "");
  if (current !== wanted) {
    console.error("schema/lash.json is not current; run: node scripts/schema.ts");
    process.exitCode = 1;
  }
} else {
  await writeFile(file, wanted);
}
