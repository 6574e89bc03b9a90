import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, expectTypeOf, test } from "vitest";
import type { z } from "zod";
import type { Explanation, Failure, RecoveryReport, StackEvent } from "../../../src/app/types.ts";
import * as schemas from "../../../src/cli/json.ts";
import {
  configSchema,
  doctorSchema,
  doneSchema,
  downSchema,
  errorSchema,
  eventSchema,
  explainSchema,
  failureSchema,
  graphSchema,
  logLineSchema,
  planSchema,
  portSchema,
  psSchema,
  recoveryReportSchema,
  secretsCheckSchema,
  supervisorStartedSchema,
  validateSchema,
} from "../../../src/cli/json.ts";
import { commandTable } from "../../../src/cli/table.ts";
import { LashError } from "../../../src/model/errors.ts";
import { eventSource } from "./support/events.ts";
import { alternate, noRepair, portInUse, recovered, repairFailed, retryFailed } from "./support/reports.ts";
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
  ["doctor", doctorSchema],
  ["secrets check", secretsCheckSchema],
  ["explain port-in-use", explainSchema],
  ["explain Bind for 0.0.0.0:8080 failed: port is already allocated", explainSchema],
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

test("the schemas know every field of failures, reports and explanations", () => {
  expectTypeOf<z.infer<typeof failureSchema>>().toHaveProperty("code");
  expectTypeOf<keyof z.infer<typeof failureSchema>>().toEqualTypeOf<keyof Failure>();
  expectTypeOf<keyof Details<z.infer<typeof failureSchema>>>().toEqualTypeOf<keyof Details<Failure>>();
  expectTypeOf<Kind<z.infer<typeof failureSchema>>>().toEqualTypeOf<Kind<Failure>>();
  expectTypeOf<keyof z.infer<typeof recoveryReportSchema>>().toEqualTypeOf<keyof RecoveryReport>();
  expectTypeOf<z.infer<typeof explainSchema>["type"]>().toEqualTypeOf<Explanation["type"]>();
});

type Details<F extends { readonly details?: unknown }> = NonNullable<F["details"]>;
type Kind<F extends { readonly holder?: { readonly type: string } | undefined }> = NonNullable<
  F["holder"]
>["type"];

const holders: readonly Failure["holder"][] = [
  portInUse.holder,
  { type: "process", pid: undefined, name: "nginx", address: "0.0.0.0" },
  { type: "other-engine", pid: 812, name: "rootlessport" },
  { type: "reserved", range: "50000-50099" },
  { type: "unknown", because: "nothing was found" },
];

test("events of a recovery are of their schema, with every field they have", () => {
  const event = eventSource();
  const events: readonly StackEvent[] = [
    ...holders.map((holder) =>
      event({ type: "failure_detected", name: "backend", failure: { ...portInUse, holder } }),
    ),
    event({ type: "repair_started", name: "backend", repair: alternate }),
    event({ type: "repair_applied", name: "backend", repair: alternate }),
    event({ type: "recovered", name: "backend", report: recovered }),
    ...[noRepair, repairFailed, retryFailed].map((report) =>
      event({ type: "recovery_ended", name: "backend", report }),
    ),
  ];
  for (const each of events) {
    const printed = JSON.parse(JSON.stringify(each)) as unknown;
    expect(strict(eventSchema, printed)).toEqual(printed);
  }
});

test("docs/json.md names every schema and every event", () => {
  const page = readFileSync(join(import.meta.dirname, "../../../docs/json.md"), "utf8");
  const events = eventSchema.options.map(({ shape }) => shape.type.value);
  const missing = [...Object.keys(schemas), ...events].filter((name) => !page.includes(`\`${name}\``));
  expect(missing).toEqual([]);
});

/** Parsing drops what a schema does not know, so comparing with the input finds an undocumented field. */
function strict(schema: z.ZodType, value: unknown): unknown {
  return schema.parse(value);
}
