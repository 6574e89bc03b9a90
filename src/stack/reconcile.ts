import type { ContainerFacts } from "../engine/facts.ts";
import { label } from "../model/labels.ts";

/** What to do with one resource, and why. */
export interface Decision {
  /**
   * `keep`: runs as wanted. `start`: exists as wanted, does not run. `create`: absent. `recreate`: exists, but
   * otherwise; the old one waits until the new one is ready. `replace`: half-made or ended, removed first.
   */
  readonly action: "keep" | "start" | "create" | "recreate" | "replace";
  readonly because: string;
}

/** The resource as wanted now. */
export interface Wanted {
  readonly kind: string;
  readonly configHash: string;
  /** Content id of its image; "" where there is none. */
  readonly imageId: string;
  readonly forceRecreate: boolean;
  /** Labels of the stack's identity: a container taken over from another manifest has others. */
  readonly identity: Readonly<Record<string, string>>;
}

/** Compares one resource with its container. Pure. */
export function decideResource(wanted: Wanted, found: ContainerFacts | undefined): Decision {
  if (found === undefined) return { action: "create", because: "absent" };
  if (found.state === "created") return { action: "replace", because: "created but never started" };
  if (found.state === "dead" || found.state === "removing")
    return { action: "replace", because: found.state };
  if (wanted.forceRecreate) return { action: "recreate", because: "asked for" };
  const foreign = [label.manifest, label.machine].some((key) => found.labels[key] !== wanted.identity[key]);
  if (foreign) return { action: "recreate", because: "taken over from another manifest" };
  if (found.labels[label.configHash] !== wanted.configHash) {
    return { action: "recreate", because: "configuration changed" };
  }
  if (wanted.imageId !== "" && found.imageId !== wanted.imageId) {
    return { action: "recreate", because: "image changed" };
  }
  if (found.state === "running" || found.state === "restarting")
    return { action: "keep", because: "unchanged" };
  if (found.state === "paused") return { action: "recreate", because: "paused" };
  if (wanted.kind === "task") return decideEndedTask(found);
  return { action: "start", because: "stopped" };
}

/** A task that completed has done its work for this configuration; one that failed is run again from the start. */
function decideEndedTask(found: ContainerFacts): Decision {
  if (found.exitCode === 0) return { action: "keep", because: "completed" };
  return { action: "replace", because: `ended with exit code ${found.exitCode ?? "unknown"}` };
}
