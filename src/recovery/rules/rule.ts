import type { Activity } from "../evidence.ts";
import type { FailureCode, FailureDetails } from "../failure.ts";
import type { LayerName } from "../layers.ts";
import type { Reading } from "../normalise.ts";

/** How one cause is recognised in a text of an engine. */
export interface Rule {
  readonly code: FailureCode;
  /** When it can happen; undefined for always. Pasted text counts only where "unknown" is listed or nothing is. */
  readonly during?: readonly Activity[];
  /** At least one of these has to be around the cause. */
  readonly under?: readonly LayerName[];
  /** And this one too. */
  readonly and?: LayerName;
  /** For the innermost cause, from its beginning. Groups named `image`, `name` and `path` become details. */
  readonly pattern: RegExp;
  /** What else the text names. */
  readonly read?: (reading: Reading, match: RegExpExecArray) => FailureDetails;
}

/** How one cause is recognised in the last lines an application, or the runtime before it, wrote. */
export interface LogRule {
  readonly code: FailureCode;
  readonly pattern: RegExp;
  /** Exit code the container must have ended with. */
  readonly exitCode?: number;
  /** It must be the last line: nothing ran after it. */
  readonly last?: true;
  /** Only where an earlier run had left data. */
  readonly needsExistingData?: true;
}

/** While a container is made and started. */
export const starting: readonly Activity[] = ["create", "start", "network"];
export const startingOrPasted: readonly Activity[] = [...starting, "unknown"];
/** While something is fetched from a registry. */
export const pulling: readonly Activity[] = ["pull", "build"];
export const pullingOrPasted: readonly Activity[] = [...pulling, "unknown"];
