import { expect, test } from "vitest";
import type { LogEntry } from "../../engine/facts.ts";
import { LashError } from "../../model/errors.ts";
import { followToTheEnd } from "./follow.ts";
import { collect } from "./testing/scripted-engine.ts";

function line(second: number, text: string): LogEntry {
  return { stream: "stdout", at: `2026-11-21T02:17:0${second}Z`, text };
}

const all = [line(1, "a"), line(2, "b"), line(2, "c"), line(2, "d"), line(3, "e")];

/** A log whose following gives only so many lines. */
function losing(given: number): Parameters<typeof followToTheEnd>[0] {
  return async function* ({ follow, since }) {
    yield* follow
      ? all.slice(0, given)
      : all.filter(({ at }) => since === undefined || at > since.slice(0, 19));
  };
}

test.each([0, 1, 2, 3, 4, 5])(
  "followToTheEnd() gives every line once when %i were followed",
  async (given) => {
    expect(await collect(followToTheEnd(losing(given), {}))).toEqual(all);
  },
);

test("followToTheEnd() ends quietly when the container went with its end", async () => {
  const read: Parameters<typeof followToTheEnd>[0] = async function* ({ follow }) {
    if (!follow) throw new LashError("engine-not-found", "gone");
    yield line(1, "a");
  };
  expect(await collect(followToTheEnd(read, {}))).toEqual([line(1, "a")]);
});
