import type { StackEvent } from "../../../../src/app/types.ts";

type Body = StackEvent extends infer E
  ? E extends StackEvent
    ? Omit<E, "seq" | "at" | "project">
    : never
  : never;

/** Gives bodies their place in the stream. */
export function eventSource(): (body: Body) => StackEvent {
  let seq = 0;
  return (body) => {
    seq += 1;
    return { ...body, seq, at: "2026-01-01T00:00:00.000Z", project: "shop" };
  };
}
