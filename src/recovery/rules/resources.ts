import { type Rule, startingOrPasted } from "./rule.ts";

/** What the engine has only so much of: disk, networks, volumes. */
export const resourceRules: readonly Rule[] = [
  // The kernel says the same of watches, semaphores, shared memory and control groups: no disk is full then.
  {
    code: "disk-full",
    pattern:
      /^(?!.*(?:inotify|\bwatch\b|semaphore|shared memory|\/sys\/fs\/cgroup|\/dev\/shm))(?:.*[: ])?no space left on device(?:, (?:write|open|mkdir|copyfile|fsync|close)\b.{0,400})?$/i,
  },
  {
    code: "network-pool-exhausted",
    during: startingOrPasted,
    pattern:
      /^could not find an available, non-overlapping IPv[46] address pool among the defaults to assign to the network$/i,
  },
  {
    code: "network-pool-exhausted",
    during: startingOrPasted,
    pattern: /^all predefined address pools have been fully subnetted$/i,
  },
  {
    code: "network-pool-exhausted",
    during: startingOrPasted,
    pattern: /^could not find an available predefined network$/i,
  },
  {
    code: "network-overlap",
    during: startingOrPasted,
    pattern: /^Pool overlaps with other one on this address space$/i,
  },
  {
    code: "network-overlap",
    during: startingOrPasted,
    pattern: /^subnet \S+ is already used on the host or by another config$/i,
  },
  {
    code: "network-in-use",
    pattern: /^(?:error while removing network: )?network (?<name>\S+)(?: id \S+)? has active endpoints\b/i,
  },
  { code: "network-in-use", pattern: /^network with name (?<name>\S+) already exists$/i },
  {
    code: "network-in-use",
    during: startingOrPasted,
    pattern: /^(?:a )?network (?:with name )?"?(?<name>[^"\s]+)"? exists but was not created by compose\b/i,
  },
  { code: "volume-in-use", pattern: /^remove (?<name>\S+): volume is in use - \[/i },
  { code: "volume-in-use", pattern: /^volume (?<name>\S+) is being used by the following container/i },
  {
    code: "external-missing",
    pattern: /^network (?<name>\S+) declared as external, but could not be found/i,
  },
  { code: "external-missing", pattern: /^external volume "(?<name>[^"]{1,255})" not found/i },
];
