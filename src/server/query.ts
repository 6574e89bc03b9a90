import { z } from "zod";

/** Numbers and booleans of a query are texts: each is written in one way, and anything else is refused. */
export function integerQuery(least: number, most: number) {
  return z
    .string()
    .regex(/^(?:0|[1-9]\d{0,9})$/, "expected a whole number")
    .transform(Number)
    .pipe(z.int().min(least).max(most))
    .meta({ override: { type: "integer", minimum: least, maximum: most } });
}

export const booleanQuery = z
  .enum(["true", "false"])
  .transform((value) => value === "true")
  .meta({ override: { type: "boolean" } });

export const momentQuery = z.iso.datetime({ offset: true });
