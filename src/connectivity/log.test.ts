import { expect, test } from "vitest";
import { retry, target } from "./connectivity.test.support.ts";
import { type LogRecord, logRecord } from "./log.ts";
import {
  type DependencyStatus,
  initialStatus,
  type RetryPolicy,
  reduceStatus,
  type StatusEvent,
} from "./status.ts";

const start = Date.UTC(2030, 0, 1);

/** Records of a history: "f" fails, "s" succeeds, "a" re-arms; a second apart. */
function recordsOf(history: string, policy: RetryPolicy = retry): readonly (LogRecord | undefined)[] {
  let status: DependencyStatus = initialStatus(target);
  return history.split("").map((letter, index) => {
    const previous = status;
    status = reduceStatus(previous, eventOf(letter, start + index * 1000), { retry: policy });
    return logRecord(previous, status);
  });
}

function eventOf(letter: string, atMs: number): StatusEvent {
  if (letter === "s") return { type: "probe-succeeded", atMs, durationMs: 1 };
  if (letter === "a") return { type: "re-armed", atMs };
  const error = { code: "ECONNREFUSED", message: "connection refused", statusCode: undefined };
  return {
    type: "probe-failed",
    atMs,
    durationMs: 1,
    failure: { reason: "refused", error },
    random: 0,
    ahead: false,
  };
}

function levelsOf(history: string, policy?: RetryPolicy): string {
  return recordsOf(history, policy)
    .map((record) => record?.level ?? "-")
    .join(" ");
}

test("logRecord() carries every field of a failure", () => {
  expect(recordsOf("ff")[1]).toEqual({
    level: "warn",
    dependency: "docker-runner",
    baseUrl: "http://***@runner:7071",
    errorCode: "ECONNREFUSED",
    message: "connection refused",
    retryInMs: 1000,
    nextRetryAt: "2030-01-01T00:00:02.000Z",
    consecutiveFailures: 2,
    state: "down",
    downForMs: 1000,
  });
});

test("logRecord() is an error on the transition, a warning on failures 2, 4, 8, and debug otherwise", () => {
  expect(levelsOf("fffffffff")).toBe("error warn debug warn debug debug debug warn debug");
});

test("logRecord() tells transitions once each, and nothing of probes that only say again that it is up", () => {
  expect(levelsOf("sssffss")).toBe("- - - error warn info -");
});

test("logRecord() of a recovery has the length of the outage", () => {
  const history = "sfff" + "f".repeat(60) + "s";
  expect(recordsOf(history).at(-1)).toEqual({
    level: "info",
    dependency: "docker-runner",
    baseUrl: "http://***@runner:7071",
    errorCode: undefined,
    message: "docker-runner is up again after 1m3s",
    retryInMs: undefined,
    nextRetryAt: undefined,
    consecutiveFailures: 0,
    state: "up",
    downForMs: 63_000,
  });
});

test("logRecord() tells exhaustion once an outage, however often it is re-armed", () => {
  const policy = { ...retry, maxRetries: 3 };
  expect(levelsOf("fffafffafff", policy)).toBe("error warn error - warn debug debug - debug warn debug");
  const [, , exhausted] = recordsOf("fff", policy);
  expect(exhausted).toMatchObject({
    message: "retries exhausted after 3 failures: connection refused",
    consecutiveFailures: 3,
    nextRetryAt: undefined,
    retryInMs: undefined,
  });
  expect(levelsOf("fffsfff", policy)).toBe("error warn error info error warn error");
});

test("logRecord() makes one line of a first failure that exhausts too", () => {
  expect(recordsOf("f", { ...retry, maxRetries: 1 })).toMatchObject([
    { level: "error", message: "retries exhausted after 1 failure: connection refused" },
  ]);
});
