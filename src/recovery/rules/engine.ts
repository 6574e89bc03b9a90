import { type Rule, startingOrPasted } from "./rule.ts";

/** The engine itself: reaching it, its version, the networking under it. */
export const engineRules: readonly Rule[] = [
  {
    code: "engine-permission",
    pattern:
      /^(?:got )?permission denied while trying to connect to the (?:Docker daemon socket|docker API) at \S/i,
  },
  {
    code: "engine-permission",
    under: ["connect"],
    pattern: /^In the default daemon configuration on Windows, the docker client must be run with elevated/i,
  },
  { code: "engine-permission", under: ["connect"], pattern: /^permission denied$/i },
  {
    code: "engine-api-version",
    pattern: /^client version \S+ is too (?:new|old)\. (?:Maximum|Minimum) supported API version is \S/i,
  },
  { code: "engine-api-version", pattern: /^"[^"]{1,80}" requires API version \S/i },
  { code: "engine-wrong-host", under: ["connect"], pattern: /^lookup \S+(?: on \S+)?: /i },
  {
    code: "engine-unreachable",
    pattern: /^Cannot connect to the Docker daemon at \S+\. Is the docker daemon running\?/i,
  },
  { code: "engine-unreachable", pattern: /^Cannot connect to Podman\. Please verify your connection/i },
  {
    code: "engine-unreachable",
    pattern:
      /^failed to connect to the docker API at \S+; check if the path is correct and if the daemon is running/i,
  },
  { code: "engine-unreachable", pattern: /^this error may indicate that the docker daemon is not running/i },
  // What Windows says after the pipe's name is in its own language.
  { code: "engine-unreachable", under: ["connect"], pattern: /^open \/\/\.\/pipe\/\w+: /i },
  {
    code: "engine-unreachable",
    under: ["connect"],
    pattern: /^(?:connection refused|no such file or directory|EOF)$/i,
  },
  {
    code: "engine-network-broken",
    during: startingOrPasted,
    pattern:
      /^(?:[^(]{0,200}\(|Failed to program \w{1,30} chain: )?iptables failed: .{1,2000}(?:No chain\/target\/match by that name|Chain '[^']{1,80}' does not exist)/i,
  },
  { code: "engine-network-broken", during: startingOrPasted, pattern: /^could not find bridge \S/i },
  {
    code: "engine-network-broken",
    during: startingOrPasted,
    under: ["bridge"],
    pattern: /^Device does not exist$/i,
  },
];
