import type { LogRule } from "./rule.ts";

/** What applications are known to say when they cannot work with the data they find. */
export const applicationLogRules: readonly LogRule[] = [
  // Apache DevLake: the data was encrypted with another key (apache/devlake#4545, #8533).
  {
    code: "secret-does-not-match-data",
    pattern: /(?:^|[\s:"'=([])invalid (?:encKey|encryptionSecret)(?:$|[\s:"',.)\]])/,
  },
  // MySQL sets passwords only when it makes its data directory.
  {
    code: "secret-does-not-match-data",
    needsExistingData: true,
    pattern: /(?:^|[\s:"'([])Access denied for user '[^']{0,100}'@'[^']{0,255}' \(using password: YES\)/,
  },
  // MySQL: [MY-014060] Invalid MySQL server upgrade / downgrade.
  { code: "database-upgrade-refused", pattern: /(?:^|[\s:])Cannot (?:up|down)grade from \d+ to \d+\b/ },
  { code: "database-upgrade-refused", pattern: /(?:^|[\s:])Data Dictionary initialization failed\b/ },
  { code: "database-upgrade-refused", pattern: /\bFATAL: {1,2}database files are incompatible with server$/ },
];
