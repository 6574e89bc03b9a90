import { expect, test } from "vitest";
import { errorStatus } from "../../../src/server/contract.ts";
import { openMetrics } from "../../../src/server/metrics.ts";
import { openApi } from "../../../src/server/openapi.ts";
import { serverRoutes } from "../../../src/server/routes.ts";
import { startTestServer } from "./support.ts";

const routes = serverRoutes({ life: { state: "serving" }, metrics: openMetrics() });
const document = JSON.parse(JSON.stringify(openApi(routes))) as Doc;

interface Operation {
  readonly operationId: string;
  readonly parameters: readonly { readonly name: string; readonly in: string; readonly schema: object }[];
  readonly requestBody?: object;
  readonly responses: Readonly<Record<string, object>>;
}
interface Doc {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
);

test("the document has every route and no other", () => {
  const described = operations.map(({ path, method }) => `${method.toUpperCase()} ${path}`);
  expect(described.toSorted()).toEqual(routes.map(({ method, path }) => `${method} ${path}`).toSorted());
  const ids = operations.map(({ operation }) => operation.operationId);
  expect(new Set(ids).size).toBe(ids.length);
  expect(document.openapi).toBe("3.1.0");
});

test("every described operation is served, every other method is not", async () => {
  await using server = await startTestServer();
  for (const path of Object.keys(document.paths)) {
    const target = path
      .replace("{container}", "none")
      .replace("{session}", "00000000-0000-0000-0000-000000000000")
      .replace("{stack}", "none")
      .replace("{resource}", "none");
    for (const method of ["GET", "POST", "DELETE", "PUT"] as const) {
      const isDescribed = document.paths[path]?.[method.toLowerCase()] !== undefined;
      if (isDescribed && path === "/api/events") continue;
      const { status } = await server.ask(method, target);
      expect([method, path, status === 405]).toEqual([method, path, !isDescribed]);
    }
  }
});

test("parameters in paths are described, and those that are described are in the path", () => {
  for (const { path, operation } of operations) {
    const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => name);
    const described = operation.parameters.filter((each) => each.in === "path").map(({ name }) => name);
    expect([path, described.toSorted()]).toEqual([path, inPath.toSorted()]);
  }
});

test("what answers carry is described: statuses of errors are those of their codes", () => {
  const known = new Set(Object.values(errorStatus).map(String));
  for (const { operation } of operations) {
    for (const status of Object.keys(operation.responses)) {
      expect(Number(status) < 400 || known.has(status)).toBe(true);
    }
  }
  const guarded = document.paths["/api/containers"]?.["get"];
  expect(Object.keys(guarded?.responses ?? {})).toContain("503");
  const unguarded = document.paths["/health"]?.["get"];
  expect(Object.keys(unguarded?.responses ?? {})).not.toContain("503");
});

test("every reference leads somewhere, and queries are described as what they mean", () => {
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)];
  expect(references.length).toBeGreaterThan(50);
  for (const [, name = ""] of references) expect(Object.keys(document.components.schemas)).toContain(name);
  expect(JSON.stringify(document)).not.toContain("$schema");
  const parameters = document.paths["/api/containers"]?.["get"]?.parameters ?? [];
  const schemaOf = (wanted: string): object | undefined =>
    parameters.find(({ name }) => name === wanted)?.schema;
  expect(schemaOf("limit")).toEqual({ type: "integer", minimum: 1, maximum: 500 });
  expect(schemaOf("stale")).toMatchObject({ type: "boolean" });
});

test("the served document is this one", async () => {
  await using server = await startTestServer();
  expect((await server.ask("GET", "/api/openapi.json")).body).toEqual(document);
});
