import { type Meaning, onlyReports } from "./meaning.ts";

export const resourceMeanings = {
  "disk-full": {
    title: "A disk is full",
    means: "The file system that the engine writes to has no space or no inodes left.",
    recognised:
      "`no space left on device`, unless it is about watches, semaphores, shared memory or control groups, for which the kernel says the same.",
    does: onlyReports,
    never: "Prunes or deletes anything, least of all volumes.",
    youCan: "See what takes the space with `docker system df` and `df -h`, and delete what you do not need.",
  },
  "network-pool-exhausted": {
    title: "No address range is left for a network",
    means: "The engine has given all of its predefined ranges to networks, about 30 by default.",
    recognised:
      "`could not find an available, non-overlapping IPv4 address pool` or `all predefined address pools have been fully subnetted`.",
    does: "`remove-own-networks`: removes networks that Lash made on this machine, that nothing is connected to and whose stacks nobody holds, and tries once more.",
    never: "Removes networks of others, prunes, or changes the engine's settings.",
    youCan:
      "Remove networks you do not need (`docker network ls`), or configure `default-address-pools` of the engine.",
  },
  "network-overlap": {
    title: "The network's range overlaps with another",
    means: "The subnet that is asked for is in use by another network of the engine or by the host.",
    recognised: "`Pool overlaps with other one on this address space` (status 403).",
    does: onlyReports,
    never: "Changes a subnet.",
    youCan: "Leave the subnet to the engine, or choose one that is free.",
  },
  "network-in-use": {
    title: "A network is in use, or its name is taken",
    means: "Containers are still connected to it, or another network has its name.",
    recognised:
      "`network <name> has active endpoints`, `network with name <name> already exists`, `exists but was not created by compose`.",
    does: "Uses a network that carries the labels of this stack. Else it reports it and makes no change.",
    never: "Disconnects containers of others.",
    youCan: "See who is connected with `docker network inspect <name>`.",
  },
  "volume-in-use": {
    title: "A volume is in use",
    means: "A container, perhaps a stopped one, still has the volume.",
    recognised: "`remove <volume>: volume is in use` (status 409).",
    does: onlyReports,
    never: "Removes the volume by force, or the container that has it.",
    youCan: "See who has it with `docker ps --all --filter volume=<name>`.",
  },
  "external-missing": {
    title: "Something external does not exist",
    means: "The manifest relies on a network or volume that somebody else makes, and it is not there.",
    recognised: '`declared as external, but could not be found`, `external volume "<name>" not found`.',
    does: onlyReports,
    never: "Makes it: its settings are not known here.",
    youCan: "Start what makes it, or make it with `docker network create` or `docker volume create`.",
  },
  "secret-does-not-match-data": {
    title: "The secret is not the one the data was made with",
    means: "A key or password was changed, while the data of an earlier run still needs the former one.",
    recognised:
      "In the output of what was started: `invalid encKey`, `invalid encryptionSecret`, or MySQL's `Access denied for user` with data that was there before.",
    does: onlyReports,
    never: "Makes up a new key, or drops the volume.",
    youCan:
      "Put the former secret back. Without it the data cannot be read; a backup of both is the way out.",
  },
  "database-upgrade-refused": {
    title: "The database refuses the data of another version",
    means: "The image's version cannot upgrade what an earlier version wrote, or would have to downgrade it.",
    recognised:
      "In its output: `Cannot upgrade from <a> to <b>`, `Data Dictionary initialization failed`, or PostgreSQL's `database files are incompatible with server`.",
    does: onlyReports,
    never: "Recreates the volume.",
    youCan:
      "Go back to the former version, dump the data, and load it into the new one; or upgrade in the steps it allows.",
  },
} as const satisfies Readonly<Record<string, Meaning>>;
