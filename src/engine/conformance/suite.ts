import { abilityCases } from "./abilities.ts";
import { cancelCases } from "./cancelling.ts";
import { commandCases } from "./commands.ts";
import { endingCases } from "./ending.ts";
import { eventCases } from "./events.ts";
import type { ConformanceCase } from "./harness.ts";
import { lifecycleCases } from "./lifecycle.ts";
import { logCases } from "./logs.ts";
import { makingCases } from "./making.ts";
import { publishingCases } from "./publishing.ts";
import { variableCases } from "./variables.ts";

/**
 * What every driver of the engine port must do alike. A runner, in whatever test framework, gives each case a harness
 * and a time limit, skips what `skipReason` names and prints `renderSkipped` at its end.
 */
export function engineConformance(): readonly ConformanceCase[] {
  return [
    ...lifecycleCases,
    ...endingCases,
    ...variableCases,
    ...logCases,
    ...commandCases,
    ...eventCases,
    ...cancelCases,
    ...publishingCases,
    ...abilityCases,
    ...makingCases,
  ];
}
