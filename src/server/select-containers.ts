import type { ContainerRecord } from "../app/types.ts";
import type { ContainerQuery } from "./contract.ts";

/** The containers that a query asks for, in its order; the newest first unless it says otherwise. */
export function selectContainers(
  all: readonly ContainerRecord[],
  query: ContainerQuery,
): { readonly items: readonly ContainerRecord[]; readonly more: boolean } {
  const { status = "running", image, label = [], since, sortBy = "createdAt", sortDir = "desc" } = query;
  const { limit = 200 } = query;
  const sinceMs = since === undefined ? undefined : Date.parse(since);
  const fitting = all.filter((each) => {
    const isRunning = each.state === "running" || each.state === "paused" || each.state === "restarting";
    if (status !== "all" && isRunning !== (status === "running")) return false;
    if (image !== undefined && each.image !== image) return false;
    if (sinceMs !== undefined && (momentOf(each, "createdAt") ?? 0) < sinceMs) return false;
    return label.every((wanted) => carries(each, wanted));
  });
  const sign = sortDir === "asc" ? 1 : -1;
  const sorted = fitting.toSorted((one, other) => {
    const [first, second] = [momentOf(one, sortBy), momentOf(other, sortBy)];
    // What has no such moment comes last, whichever way.
    if (first === undefined || second === undefined)
      return Number(first === undefined) - Number(second === undefined);
    return sign * (first - second) || (one.id < other.id ? -1 : 1);
  });
  return { items: sorted.slice(0, limit), more: sorted.length > limit };
}

/** `name` asks for the label, `name=value` for its value too. */
function carries({ labels }: ContainerRecord, wanted: string): boolean {
  const at = wanted.indexOf("=");
  if (at === -1) return Object.hasOwn(labels, wanted);
  return labels[wanted.slice(0, at)] === wanted.slice(at + 1);
}

function momentOf(
  record: ContainerRecord,
  key: "createdAt" | "startedAt" | "lastUsedAt" | "expiresAt",
): number | undefined {
  switch (key) {
    case "createdAt":
      return parsed(record.createdAt);
    case "startedAt":
      return parsed(record.startedAt);
    case "lastUsedAt":
      return record.lastUsedAtMs;
    case "expiresAt":
      return record.expiresAtMs;
  }
}

function parsed(moment: string | undefined): number | undefined {
  const ms = moment === undefined ? Number.NaN : Date.parse(moment);
  return Number.isNaN(ms) ? undefined : ms;
}
