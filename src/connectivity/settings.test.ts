import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isLashError } from "../model/errors.ts";
import { readSettings, settingsText, variable } from "./settings.ts";

const runner = { [variable.baseUrl]: "http://runner:7071", [variable.sharedSecret]: "s3cret" };

/** The error that `environment` is refused with; fails when it is not. */
function refusal(environment: Record<string, string>): { message: string; data: unknown } {
  try {
    readSettings(environment);
  } catch (error) {
    if (isLashError(error, "usage")) return error;
    throw error;
  }
  throw new Error(`accepted: ${JSON.stringify(environment)}`);
}

test("readSettings() has the documented defaults", () => {
  expect(readSettings({})).toEqual({
    runner: undefined,
    optional: true,
    retry: { baseDelayMs: 500, maxDelayMs: 30_000, jitterMs: 250, maxRetries: 0 },
    probeIntervalMs: 30_000,
    callTimeoutMs: 30_000,
  });
});

test("readSettings() reads every variable, and takes empty ones for unset", () => {
  const settings = readSettings({
    [variable.baseUrl]: "https://user:pw@runner.example:7443/prefix//",
    [variable.sharedSecret]: "s3cret",
    [variable.keyId]: "two",
    [variable.optional]: "0",
    [variable.baseDelay]: "1",
    [variable.maxDelay]: "2147483647",
    [variable.jitter]: "0",
    [variable.maxRetries]: "120",
    [variable.probeInterval]: "10000",
    [variable.timeout]: "",
  });
  expect(settings).toEqual({
    runner: {
      baseUrl: "https://user:pw@runner.example:7443/prefix",
      sharedSecret: "s3cret",
      keyId: "two",
    },
    optional: false,
    retry: { baseDelayMs: 1, maxDelayMs: 2_147_483_647, jitterMs: 0, maxRetries: 120 },
    probeIntervalMs: 10_000,
    callTimeoutMs: 30_000,
  });
});

test.each([
  ["true", true],
  ["1", true],
  ["false", false],
  ["0", false],
])("readSettings() takes %s for a boolean", (text, optional) => {
  expect(readSettings({ [variable.optional]: text }).optional).toBe(optional);
});

describe("readSettings() refuses and names the variable:", () => {
  const numbers = [
    variable.baseDelay,
    variable.maxDelay,
    variable.jitter,
    variable.maxRetries,
    variable.probeInterval,
    variable.timeout,
  ];
  const bad = ["-1", "NaN", "1e3", "0x10", "1.5", "5s", " 5", "5 ", "+5", "Infinity", "2147483648", "٣"];
  test.each(numbers.flatMap((name) => bad.map((text) => [name, text] as const)))("%s=%s", (name, text) => {
    const { message, data } = refusal({ [name]: text });
    expect(message).toContain(name);
    expect(data).toEqual({ variable: name });
  });

  test.each([variable.baseDelay, variable.maxDelay, variable.probeInterval, variable.timeout])(
    "%s=0",
    (name) => {
      expect(refusal({ [name]: "0" }).data).toEqual({ variable: name });
    },
  );

  test.each(["yes", "TRUE", "2", "on", "falsch"])("optional=%s", (text) => {
    expect(refusal({ [variable.optional]: text }).data).toEqual({ variable: variable.optional });
  });

  test("a base delay above the maximum, both named", () => {
    const { message, data } = refusal({ [variable.maxDelay]: "499" });
    expect(message).toContain(variable.baseDelay);
    expect(message).toContain(variable.maxDelay);
    expect(data).toEqual({ variable: variable.baseDelay });
  });

  test.each(["runner:7071", "ftp://runner", "http://", "http://r/?a=1", "http://r/#x", "unix:///x"])(
    "base URL %s",
    (text) => {
      expect(refusal({ ...runner, [variable.baseUrl]: text }).data).toEqual({ variable: variable.baseUrl });
    },
  );

  test("a secret without URL and a URL without secret", () => {
    expect(refusal({ [variable.sharedSecret]: "x" }).data).toEqual({ variable: variable.baseUrl });
    expect(refusal({ [variable.baseUrl]: "http://r" }).data).toEqual({ variable: variable.sharedSecret });
    expect(refusal({ ...runner, [variable.keyId]: "a b" }).data).toEqual({ variable: variable.keyId });
  });
});

test("readSettings() never repeats a password or secret in a refusal", () => {
  const urls = [
    "http://user:hunter2@[",
    "user:hunter2@host",
    "ftp://user:hunter2@host",
    "http://u:hunter2@h/?x",
  ];
  for (const url of urls) {
    const { message } = refusal({ [variable.baseUrl]: url, [variable.sharedSecret]: "s3cret" });
    expect(message).not.toMatch(/hunter2|s3cret/);
  }
});

test("readSettings() gives settings or a LashError that names a variable, whatever it is given", () => {
  const names = Object.values(variable);
  const known: ReadonlySet<unknown> = new Set([undefined, ...names]);
  const namedBy = (environment: Record<string, string>): unknown => {
    try {
      const { retry } = readSettings(environment);
      return retry.baseDelayMs <= retry.maxDelayMs ? undefined : "base above max";
    } catch (error) {
      if (!isLashError(error, "usage")) throw error;
      return error.data["variable"];
    }
  };
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom(...names), fc.string({ unit: "grapheme" })), (environment) => {
      expect(known).toContain(namedBy(environment));
    }),
  );
});

test("settingsText() shows everything in effect but the secrets", () => {
  const settings = readSettings({
    [variable.baseUrl]: "http://user:hunter2@runner:7071/",
    [variable.sharedSecret]: "s3cret",
  });
  expect(settingsText(settings)).toBe(`DOCKER_RUNNER_BASE_URL=http://***@runner:7071
DOCKER_RUNNER_SHARED_SECRET=(set)
DOCKER_RUNNER_KEY_ID=(default)
DOCKER_RUNNER_OPTIONAL=true
DOCKER_RUNNER_CONNECT_RETRY_BASE_DELAY_MS=500
DOCKER_RUNNER_CONNECT_RETRY_MAX_DELAY_MS=30000
DOCKER_RUNNER_CONNECT_RETRY_JITTER_MS=250
DOCKER_RUNNER_CONNECT_MAX_RETRIES=0 (unlimited)
DOCKER_RUNNER_CONNECT_PROBE_INTERVAL_MS=30000
DOCKER_RUNNER_TIMEOUT_MS=30000`);
  expect(settingsText(readSettings({}))).toContain("DOCKER_RUNNER_BASE_URL=(none: local engine)");
});
