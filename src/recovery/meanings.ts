import type { FailureCode } from "./failure.ts";
import { containerMeanings } from "./meanings/containers.ts";
import { engineMeanings } from "./meanings/engine.ts";
import { imageMeanings } from "./meanings/images.ts";
import { manifestMeanings } from "./meanings/manifest.ts";
import type { Meaning } from "./meanings/meaning.ts";
import { portMeanings } from "./meanings/ports.ts";
import { resourceMeanings } from "./meanings/resources.ts";

export type { Meaning } from "./meanings/meaning.ts";

/** What every code means and what is done about it: the source of docs/failures.md and of `lash explain`. */
export const meanings: Readonly<Record<FailureCode, Meaning>> = {
  ...engineMeanings,
  ...portMeanings,
  ...imageMeanings,
  ...containerMeanings,
  ...resourceMeanings,
  ...manifestMeanings,
};
