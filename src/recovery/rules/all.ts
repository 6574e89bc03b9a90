import { applicationLogRules } from "./application.ts";
import { containerRules, runtimeLogRules } from "./containers.ts";
import { engineRules } from "./engine.ts";
import { buildRules, imageRules, platformWarningRules } from "./images.ts";
import { manifestRules, toolRules } from "./manifest.ts";
import { portFallbackRules, portRules } from "./ports.ts";
import { resourceRules } from "./resources.ts";
import type { LogRule, Rule } from "./rule.ts";

/** In order: the first that fits names the failure. What says only where, not why, comes last. */
export const rules: readonly Rule[] = [
  ...engineRules,
  ...portRules,
  ...resourceRules,
  ...imageRules,
  ...containerRules,
  ...toolRules,
  ...manifestRules,
  ...buildRules,
  ...portFallbackRules,
  ...platformWarningRules,
];

export const logRules: readonly LogRule[] = [...runtimeLogRules, ...applicationLogRules];
