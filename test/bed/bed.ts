import { inject } from "vitest";
import type { Bed } from "./global-setup.ts";

/** The shared engine, for a test file's use. Throws the reason when the test bed is not there. */
export function useBed(): Extract<Bed, { available: true }> {
  const bed = inject("bed");
  if (!bed.available) {
    throw new Error(`Cannot run an engine test: ${bed.reason}`);
  }
  return bed;
}
