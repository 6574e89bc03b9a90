import type { FailureCode } from "../../app/types.ts";
import { defineCommand } from "../command.ts";

// A list of its own: the pages behind the codes are too much to load for every command. A code that is missing here does
// not compile.
const codes: Readonly<Record<FailureCode, true>> = {
  "engine-unreachable": true,
  "engine-permission": true,
  "engine-api-version": true,
  "engine-network-broken": true,
  "engine-wrong-host": true,
  "port-in-use": true,
  "port-binding-failed": true,
  "port-privileged": true,
  "port-reserved": true,
  "host-address-missing": true,
  "image-not-found": true,
  "image-denied": true,
  "image-rate-limited": true,
  "image-wrong-platform": true,
  "registry-unreachable": true,
  "registry-tls": true,
  "pull-failed": true,
  "build-failed": true,
  "name-in-use": true,
  "mount-source-missing": true,
  "mount-denied": true,
  "mount-type-mismatch": true,
  "bad-entrypoint": true,
  "exec-format": true,
  "argument-list-too-long": true,
  "out-of-memory": true,
  "rlimit-not-permitted": true,
  crashed: true,
  "crash-loop": true,
  "start-failed": true,
  "stop-failed": true,
  unhealthy: true,
  "not-ready-in-time": true,
  "disk-full": true,
  "network-pool-exhausted": true,
  "network-overlap": true,
  "network-in-use": true,
  "volume-in-use": true,
  "external-missing": true,
  "secret-does-not-match-data": true,
  "database-upgrade-refused": true,
  "tool-missing": true,
  "variable-missing": true,
  "manifest-invalid": true,
  "dependency-failed": true,
  internal: true,
};

export const explainCommand = defineCommand({
  name: "explain",
  summary: "say what a failure is, by its code or by its text",
  details:
    "A code prints its page: what it means, what Lash does about it and what you can do. Any other text, also on " +
    "standard input, is searched for a known failure; exits 1 when there is none. Needs no manifest and no engine.",
  arguments: [
    {
      name: "text",
      description: "a code, or any text (default: standard input; - too)",
      required: false,
      variadic: true,
      complete: Object.keys(codes),
    },
  ],
  options: {},
  examples: [
    { run: "lash explain port-in-use", does: "the page of that code" },
    { run: "docker start api 2>&1 | lash explain", does: "what that error is" },
    { run: 'lash explain "no space left on device"', does: "the same for a text at hand" },
  ],
  json: "document",
});
