import fc from "fast-check";
import { expect, test } from "vitest";
import { type Agenda, ask, type Cause, dueInMs, ended, firstAgenda, isAhead, started } from "./agenda.ts";
import { target } from "./connectivity.test.support.ts";
import { initialStatus, type UpStatus } from "./status.ts";

const up: UpStatus = { ...initialStatus(target), status: "up" };

/** Nothing was asked for yet, and the next probe is 30 s away. */
function idle(nowMs: number): Agenda {
  return ended(started(firstAgenda(0), 0), up, { nowMs, probeIntervalMs: 30_000 });
}

function asked(agenda: Agenda, cause: Cause, nowMs: number): Agenda {
  return ask(agenda, cause, { nowMs });
}

test("firstAgenda() probes at once", () => {
  expect(dueInMs(firstAgenda(5), 5)).toBe(0);
});

test("ask() brings a probe forward once, and puts the next of its cause off", () => {
  const first = asked(idle(0), "demand", 100);
  expect(dueInMs(first, 100)).toBe(0);
  expect(isAhead(first)).toBe(true);
  const next = asked(ended(started(first, 100), up, { nowMs: 101, probeIntervalMs: 30_000 }), "demand", 300);
  expect(dueInMs(next, 300)).toBe(800);
  expect(asked(next, "demand", 900)).toBe(next);
});

test("ask() lets another cause go first", () => {
  const demanded = ended(started(asked(idle(0), "demand", 0), 0), up, { nowMs: 1, probeIntervalMs: 30_000 });
  const waiting = asked(demanded, "demand", 2);
  expect(dueInMs(waiting, 2)).toBe(998);
  expect(dueInMs(asked(waiting, "suspect", 2), 2)).toBe(0);
});

test("ask() waits until a new socket is listened on", () => {
  expect(dueInMs(asked(idle(0), "socket", 0), 0)).toBe(20);
});

test("started() counts a probe for the cause that it came for, not for one that had to wait anyway", () => {
  const scheduled = ended(started(asked(idle(0), "demand", 0), 0), up, { nowMs: 1, probeIntervalMs: 400 });
  const both = asked(scheduled, "demand", 2);
  expect(isAhead(both)).toBe(false);
  const later = ended(started(both, 401), up, { nowMs: 402, probeIntervalMs: 30_000 });
  expect(dueInMs(asked(later, "demand", 402), 402)).toBe(598);
});

test("dueInMs() of an agenda without anything is undefined", () => {
  expect(dueInMs(started(firstAgenda(0), 0), 0)).toBeUndefined();
});

test("dueInMs() never waits longer than was decided, wherever the clock goes", () => {
  const causes = fc.constantFrom<Cause>("demand", "suspect", "socket", "rearm");
  const step = fc.record({
    cause: causes,
    jumpMs: fc.integer({ min: -1e10, max: 1e10 }),
    probe: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      let nowMs = 1e12;
      let agenda = idle(nowMs);
      for (const { cause, jumpMs, probe } of steps) {
        nowMs += jumpMs;
        agenda = ask(agenda, cause, { nowMs });
        expect(dueInMs(agenda, nowMs)).toBeLessThanOrEqual(1000);
        const after = ended(started(agenda, nowMs), up, { nowMs, probeIntervalMs: 30_000 });
        expect(dueInMs(after, nowMs)).toBe(30_000);
        if (probe) agenda = after;
      }
    }),
  );
});
