import { expect, expectTypeOf, test } from "vitest";
import type { z } from "zod";
import type { StackEvent } from "../../../src/app/types.ts";
import {
  configSchema,
  doneSchema,
  downSchema,
  errorSchema,
  eventSchema,
  graphSchema,
  logLineSchema,
  planSchema,
  portSchema,
  psSchema,
  secretsCheckSchema,
  supervisorStartedSchema,
  validateSchema,
} from "../../../src/cli/json.ts";
import { commandTable } from "../../../src/cli/table.ts";
import { LashError } from "../../../src/model/errors.ts";
import { runCommand } from "./support/run-command.ts";
import { fakeApp, fakeHandle } from "./support/stack.ts";

const documents: readonly (readonly [string, z.ZodType])[] = [
  ["up --plan", planSchema],
  ["down", downSchema],
  ["ps", psSchema],
  ["start api", doneSchema],
  ["stop", doneSchema],
  ["restart db api", doneSchema],
  ["port api", portSchema],
  ["validate", validateSchema],
  ["config", configSchema],
  ["graph", graphSchema],
  ["secrets check", secretsCheckSchema],
];

const lines: readonly (readonly [string, z.ZodType])[] = [
  ["up", eventSchema],
  ["up -d", eventSchema.or(supervisorStartedSchema)],
  ["logs", logLineSchema],
  ["events", eventSchema],
];

test.each(documents)(
  "lash %s --json prints one document of its schema and nothing else",
  async (line, schema) => {
    const { code, stdout, stderr } = await runCommand([...line.split(" "), "--json"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(strict(schema, JSON.parse(stdout))).toEqual(JSON.parse(stdout));
  },
);

test.each(lines)("lash %s --json prints lines of its schema and nothing else", async (line, schema) => {
  const { code, stdout, stderr } = await runCommand(["--json", ...line.split(" ")]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const printed = stdout.trimEnd().split("\n");
  expect(printed.length).toBeGreaterThan(0);
  for (const each of printed) expect(strict(schema, JSON.parse(each))).toEqual(JSON.parse(each));
});

test("every command that prints JSON has its schema checked above", () => {
  const checked = new Set([...documents, ...lines].map(([line]) => line));
  const printing = commandTable.filter(({ spec }) => spec.json !== "none" && spec.hidden !== true);
  const missing = printing.filter(({ spec }) => ![...checked].some((line) => line.startsWith(spec.name)));
  expect(missing.map(({ spec }) => spec.name)).toEqual([]);
});

test("an error is one JSON object on stdout, with the same exit code", async () => {
  const { handle } = fakeHandle({
    async up() {
      throw new LashError("resource-failed", 'Cannot bring "shop" up: "api" failed', {
        data: { failures: [{ code: "crashed", subject: "api", message: "it crashed", evidence: "" }] },
        hint: "See its log: lash logs api",
      });
    },
  });
  const { code, stdout, stderr } = await runCommand(["--json", "up"], { app: fakeApp(handle) });
  expect({ code, stderr }).toEqual({ code: 1, stderr: "" });
  expect(strict(errorSchema, JSON.parse(stdout))).toMatchObject({ error: { code: "resource-failed" } });
});

test("a usage error is JSON too where --json was asked for", async () => {
  const { code, stdout } = await runCommand(["ps", "--json", "--nonsense"]);
  expect(code).toBe(2);
  expect(errorSchema.parse(JSON.parse(stdout)).error.code).toBe("usage");
});

test("eventSchema knows every event", () => {
  expectTypeOf<z.infer<typeof eventSchema>["type"]>().toEqualTypeOf<StackEvent["type"]>();
});

/** Parsing drops what a schema does not know, so comparing with the input finds an undocumented field. */
function strict(schema: z.ZodType, value: unknown): unknown {
  return schema.parse(value);
}
