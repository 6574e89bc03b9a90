import type { Rule } from "./rule.ts";

const pasted = ["unknown"] as const;

function invalid(pattern: RegExp): Rule {
  return { code: "manifest-invalid", during: pasted, pattern };
}

/** What Compose says of a file, of what it depends on, and of programs it lacks. Only ever in pasted text. */
export const manifestRules: readonly Rule[] = [
  {
    code: "variable-missing",
    during: pasted,
    pattern:
      /^(?:error while interpolating \S+: )?required variable (?<name>\w+) is missing a value(?:: |$)/i,
  },
  invalid(/^no configuration file provided: not found$/i),
  invalid(/^(?:(?:failed to parse|parsing|validating) \S+: )?(?:yaml: line \d+: |yaml: unmarshal errors)/i),
  invalid(
    /^(?:validating \S+: )?(?:\S+ )?additional propert(?:ies '[^']{1,80}' not allowed|y \S+ is not allowed)/i,
  ),
  invalid(/^(?:failed to load .{1,200}: )?env file (?<path>\S+) not found(?:: |$)/i),
  invalid(/^couldn't find env file: (?<path>\S+)$/i),
  invalid(/^invalid interpolation format for \S/i),
  invalid(/^service "[^"]{1,200}" depends on undefined service "?(?<name>[^":\s]{1,200})/i),
  invalid(
    /^service "[^"]{1,200}" refers to undefined (?:network|volume|config|secret) (?<name>[^\s:]{1,200})/i,
  ),
  invalid(/^dependency cycle detected(?:: |$)/i),
  invalid(/^no such service: (?<name>\S+)$/i),
  {
    code: "dependency-failed",
    during: pasted,
    pattern:
      /^dependency failed to start: container (?<name>\S+) (?:is unhealthy$|exited \(\d+\)$|has no healthcheck configured$)/i,
  },
  {
    code: "dependency-failed",
    during: pasted,
    pattern: /^service "(?<name>[^"]{1,200})" didn't complete successfully: exit \d+$/i,
  },
  { code: "dependency-failed", during: pasted, pattern: /^Container "(?<name>[^"]{1,200})" is unhealthy$/i },
];

const tools = "docker|docker-compose|docker-buildx|podman|podman-compose|nerdctl";

function missing(pattern: string): Rule {
  return { code: "tool-missing", pattern: new RegExp(pattern, "i") };
}

export const toolRules: readonly Rule[] = [
  missing(String.raw`^spawn (?<name>\S+) ENOENT$`),
  missing(String.raw`^(?:\S{0,60}sh: )?(?:(?:line )?\d+: )?(?<name>${tools}): (?:command )?not found$`),
  missing(String.raw`^(?:\S{0,60}sh: )?(?:(?:line )?\d+: )?command not found: (?<name>${tools})$`),
  missing(String.raw`^['"]?(?<name>${tools})['"]? is not recognized as an internal or external command`),
  missing(
    String.raw`^(?:unknown command: docker|'(?<name>compose)' is not a docker command|'docker (?<plugin>compose)' is not)`,
  ),
  // What `docker compose up -d` becomes without the plugin: options of `docker` itself.
  missing(String.raw`^unknown shorthand flag: 'd' in -d$`),
  missing("^BuildKit is enabled but the buildx component is missing or broken"),
  missing(String.raw`^compose build requires buildx \S+ or later`),
  missing("^the --mount option requires BuildKit"),
];
