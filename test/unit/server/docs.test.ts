import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { variable } from "../../../src/connectivity/settings.ts";
import { openMetrics } from "../../../src/server/metrics.ts";
import { serverRoutes } from "../../../src/server/routes.ts";
import { serverVariable } from "../../../src/server/settings.ts";

const docs = join(import.meta.dirname, "..", "..", "..", "docs", "server.md");
const page = readFileSync(docs, "utf8");
const runnerSettings = readFileSync(join(docs, "..", "..", "src", "runner", "settings.ts"), "utf8");

test("docs/server.md has a line for every variable that server and runner read", () => {
  const runnerVariables = [...new Set(runnerSettings.match(/\bDOCKER_[A-Z_]+\b/g))];
  expect(runnerVariables).toContain("DOCKER_RUNNER_POLICY");
  const all = [...Object.values(serverVariable), ...Object.values(variable), ...runnerVariables];
  const rows = page.split("\n").filter((line) => line.startsWith("| `"));
  expect(all.filter((name) => !rows.some((row) => row.includes(`\`${name}\``)))).toEqual([]);
});

test("docs/server.md lists every route of the server, and none that it has not", () => {
  const routes = serverRoutes({ life: { state: "serving" }, metrics: openMetrics() }).map(
    ({ method, path }) => `${method} ${path}`,
  );
  expect(documentedRoutes().toSorted()).toEqual(routes.toSorted());
});

/** A cell such as "`GET`, `DELETE /api/x`, `/y`": methods go before all paths, and "/y" replaces the last part. */
function documentedRoutes(): string[] {
  const rows = page.split("\n").filter((line) => /^\| `(?:GET|POST|DELETE)\b/.test(line));
  return rows.flatMap((row) => {
    const words = [...(row.split("|")[1] ?? "").matchAll(/`([^`]+)`/g)].map(([, word = ""]) => word);
    const methods = words.flatMap((word) => /^(GET|POST|DELETE)\b/.exec(word)?.[1] ?? []);
    const paths: string[] = [];
    for (const word of words) {
      const path = word.replace(/^(?:GET|POST|DELETE) ?/, "");
      if (path === "") continue;
      const isWhole = path.startsWith("/api/") || path.startsWith("/health") || paths.length === 0;
      paths.push(isWhole ? path : `${paths[0]?.replace(/\/[^/]+$/, "")}${path}`);
    }
    return paths.flatMap((path) => methods.map((method) => `${method} ${path}`));
  });
}
