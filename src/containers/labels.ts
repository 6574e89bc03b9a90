import type { ContainerFacts } from "../engine/facts.ts";
import { label, labelSchema } from "../model/labels.ts";

/** Labels of a container that a server made on request. Everything about it is read from them again. */
export const containerLabel = {
  /** Name of the server. Containers of another one are none of ours. */
  server: "lash.server",
  /** Seconds without use after which it is removed; 0: never. */
  ttl: "lash.ttl-seconds",
  /** Time between stop signal and kill, in ms. */
  stopGrace: label.stopGrace,
} as const;

/** Every label of Lash begins with this; nobody else's may. */
export const labelPrefix = "lash.";

export const defaultTtlSeconds = 86_400;
export const defaultGraceMs = 10_000;

/** Whether a container is this server's. One that a newer Lash made is not: what its labels mean is not known. */
export function isOwn(facts: ContainerFacts, server: string): boolean {
  const schema = Number(facts.labels[label.schema] ?? labelSchema);
  return facts.labels[containerLabel.server] === server && schema <= Number(labelSchema);
}

/** Seconds that a container may go unused; 0: for ever. A label that makes no sense counts as none. */
export function ttlOf(facts: ContainerFacts): number {
  return wholeNumber(facts.labels[containerLabel.ttl]) ?? defaultTtlSeconds;
}

export function graceOf(facts: ContainerFacts): number {
  return wholeNumber(facts.labels[containerLabel.stopGrace]) ?? defaultGraceMs;
}

/** The labels that whoever asked for the container gave it. */
export function givenLabels(labels: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(labels).filter(([name]) => !name.startsWith(labelPrefix)));
}

function wholeNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : undefined;
}
