import { statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { LashError } from "../model/errors.ts";

/** Names that are read, in the order of preference. */
const manifestNames = ["lash.yml", "lash.yaml", "lightshuttle.yml"];
const composeNames = ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];

/** Path of the manifest of `startDir`: in it, or in the nearest folder above that has one. */
export function findManifest(startDir: string): string {
  const start = resolve(startDir);
  let compose: string | undefined;
  for (let folder = start; ; folder = dirname(folder)) {
    const found = firstFile(folder, manifestNames);
    if (found !== undefined) return found;
    compose ??= firstFile(folder, composeNames);
    if (dirname(folder) === folder) break;
  }
  const names = "no lash.yml, lash.yaml or lightshuttle.yml";
  const hint =
    compose === undefined
      ? "Create a lash.yml, or name a manifest with --file"
      : `Write a lash.yml: ${compose} is there, but compose files are not supported yet`;
  throw new LashError("manifest-not-found", `Cannot find a manifest: ${names} in ${start} or above`, {
    data: { startDir: start, ...(compose === undefined ? {} : { compose }) },
    hint,
  });
}

function firstFile(folder: string, names: readonly string[]): string | undefined {
  return names
    .map((name) => join(folder, name))
    .find((path) => statSync(path, { throwIfNoEntry: false })?.isFile() === true);
}
