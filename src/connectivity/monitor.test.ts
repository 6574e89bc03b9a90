import { describe, expect, test } from "vitest";
import { never, openBench, retry, settle } from "./connectivity.test.support.ts";

function offsets(startedAt: readonly number[]): readonly number[] {
  return startedAt.map((at) => at - (startedAt[0] ?? 0));
}

async function firstOf<T>(wanted: Promise<T>, time: Promise<void>): Promise<T> {
  const [value] = await Promise.all([wanted, time]);
  return value;
}

describe("the loop", () => {
  test("begins after the caller's turn, and probes at the interval while up", async () => {
    await using bench = openBench("ok");
    expect(bench.dependency.probes).toBe(0);
    expect(bench.monitor.status.status).toBe("unknown");
    await bench.clock.pass(60_000);
    expect(offsets(bench.dependency.startedAt)).toEqual([0, 30_000, 60_000]);
    expect(bench.monitor.status).toMatchObject({ status: "up", consecutiveFailures: 0 });
    expect(bench.records).toEqual([]);
  });

  test("backs off while down, and never beyond the maximum", async () => {
    await using bench = openBench("refused", {
      retry: { ...retry, maxDelayMs: 4000 },
      random: () => 0.999_999,
    });
    await bench.clock.pass(20_000);
    // Plain delay plus the whole jitter of 250, but at the cap of 4000.
    expect(offsets(bench.dependency.startedAt)).toEqual([0, 750, 2000, 4250, 8250, 12_250, 16_250]);
  });

  test("gives a probe 3 s, and the pause comes after them", async () => {
    await using bench = openBench("hung");
    await bench.clock.pass(3000);
    expect(bench.monitor.status).toMatchObject({
      status: "down",
      reason: "timeout",
      lastDurationMs: 3000,
      lastError: { code: "timed-out" },
    });
    await bench.clock.pass(500);
    expect(offsets(bench.dependency.startedAt)).toEqual([0, 3500]);
    expect(bench.dependency.mostAtOnce).toBe(1);
  });

  test("goes on after a probe that does not listen to its signal", async () => {
    await using bench = openBench("deaf");
    await bench.clock.pass(3400);
    bench.dependency.answer = "ok";
    await bench.clock.pass(100);
    expect(bench.monitor.status.status).toBe("up");
  });

  test("logs a fall and a recovery once each", async () => {
    await using bench = openBench("ok");
    await bench.clock.pass(29_999);
    bench.dependency.answer = "refused";
    await bench.clock.pass(400);
    bench.dependency.answer = "ok";
    await bench.clock.pass(60_000);
    expect(bench.records.map(({ level, state, downForMs }) => [level, state, downForMs])).toEqual([
      ["error", "down", 0],
      ["info", "up", 500],
    ]);
  });

  test("tells its listeners of every new status, until they have enough", async () => {
    await using bench = openBench("refused");
    const heard: string[] = [];
    const end = bench.monitor.subscribe((next, previous) => {
      heard.push(`${previous.status}>${next.status}`);
    });
    await bench.clock.pass(500);
    bench.dependency.answer = "ok";
    await bench.clock.pass(1000);
    end();
    await bench.clock.pass(30_000);
    expect(heard).toEqual(["unknown>down", "down>down", "down>up"]);
    expect(bench.dependency.probes).toBe(4);
  });

  test("survives listeners, log and fault handlers that throw, and tells of the first", async () => {
    const told: unknown[] = [];
    const thrown = new Error("listener");
    await using bench = openBench("refused", {
      onRecord: () => {
        throw new Error("log");
      },
      onFault: (error) => {
        told.push(error);
        throw new Error("fault");
      },
    });
    bench.monitor.subscribe(() => {
      throw thrown;
    });
    await bench.clock.pass(500);
    expect(told).toEqual([new Error("log"), thrown, new Error("log"), thrown]);
    bench.dependency.answer = "ok";
    await bench.clock.pass(1000);
    expect(bench.monitor.status.status).toBe("up");
  });

  test("survives a probe that throws before it returns", async () => {
    await using bench = openBench("ok", {
      probe: () => {
        throw new TypeError("bad wiring");
      },
    });
    await bench.clock.pass(500);
    expect(bench.monitor.status).toMatchObject({
      status: "down",
      consecutiveFailures: 2,
      reason: "bad-response",
    });
  });

  test.each([-3_600_000, 3_600_000, -2, 2])(
    "keeps its pace when the clock jumps by %i ms",
    async (jumpMs) => {
      await using bench = openBench("refused");
      await bench.clock.pass(600);
      bench.clock.jump(jumpMs);
      await bench.clock.pass(1000);
      expect(bench.dependency.probes).toBe(3);
      bench.dependency.answer = "ok";
      await bench.clock.pass(2000);
      expect(bench.monitor.status.status).toBe("up");
      bench.dependency.answer = "refused";
      bench.clock.jump(jumpMs);
      await bench.clock.pass(30_000);
      expect(bench.monitor.status.status).toBe("down");
      expect(bench.records.every(({ downForMs }) => downForMs >= 0)).toBe(true);
    },
  );

  test("does not take less than no time when the clock is set back during a probe", async () => {
    await using bench = openBench(100);
    await settle();
    bench.clock.jump(-3_600_000);
    await bench.clock.pass(100);
    expect(bench.monitor.status).toMatchObject({ status: "up", lastDurationMs: 0 });
  });

  test("still serves requests after the clock was set back", async () => {
    await using bench = openBench("refused");
    await bench.clock.pass(4000);
    await bench.monitor.demand({ signal: never });
    bench.clock.jump(-3_600_000);
    bench.dependency.answer = "ok";
    expect((await bench.monitor.demand({ signal: never })).status).toBe("up");
  });
});

describe("exhaustion", () => {
  const few = { retry: { ...retry, maxRetries: 2 } };

  test("stops retrying, says so once, and nothing is fatal", async () => {
    await using bench = openBench("refused", few);
    await bench.clock.pass(3_600_000);
    expect(bench.dependency.probes).toBe(2);
    expect(bench.monitor.status).toMatchObject({
      status: "down",
      exhausted: true,
      consecutiveFailures: 2,
      nextRetryAt: undefined,
    });
    expect(bench.records.filter(({ message }) => message.startsWith("retries exhausted"))).toHaveLength(1);
    expect(bench.clock.sleeping).toBe(0);
  });

  test("ends with a request, and is not logged as an error again", async () => {
    await using bench = openBench("refused", few);
    await bench.clock.pass(10_000);
    await bench.monitor.demand({ signal: never });
    expect(bench.monitor.status).toMatchObject({ exhausted: false, consecutiveFailures: 3 });
    await bench.clock.pass(10_000);
    expect(bench.monitor.status).toMatchObject({ exhausted: true, consecutiveFailures: 4 });
    expect(bench.records.filter(({ level }) => level === "error")).toHaveLength(2);
    bench.dependency.answer = "ok";
    expect((await bench.monitor.demand({ signal: never })).status).toBe("up");
    expect(bench.records.at(-1)).toMatchObject({ level: "info", downForMs: 20_000 });
  });

  test("ends with an admin's call", async () => {
    await using bench = openBench("refused", few);
    await bench.clock.pass(10_000);
    bench.dependency.answer = "ok";
    bench.monitor.rearm();
    await settle();
    expect(bench.monitor.status.status).toBe("up");
  });

  test("ends with a stream that is connected again", async () => {
    await using bench = openBench("refused", few);
    await bench.clock.pass(10_000);
    bench.dependency.answer = "ok";
    async function* stream(): AsyncGenerator<string> {
      yield "beat";
    }
    const heard = bench.monitor.heartbeat(stream(), { signal: never });
    expect((await heard.next()).value).toBe("beat");
    await settle();
    expect(bench.monitor.status.status).toBe("up");
    await heard.return(undefined);
  });
});

describe("demand()", () => {
  test("costs nothing while up", async () => {
    await using bench = openBench("ok");
    await settle();
    const statuses = await Promise.all(
      Array.from({ length: 100 }, async () => await bench.monitor.demand({ signal: never })),
    );
    expect(statuses.every((status) => status === bench.monitor.status)).toBe(true);
    expect(bench.dependency.probes).toBe(1);
  });

  test("waits for the first probe while nothing is known", async () => {
    await using bench = openBench(100);
    const asked = bench.monitor.demand({ signal: never });
    await bench.clock.pass(100);
    expect((await asked).status).toBe("up");
    expect(bench.dependency.probes).toBe(1);
  });

  test("notices a recovery with the first request, and all share its one probe", async () => {
    await using bench = openBench("refused");
    await bench.clock.pass(10_000);
    const before = bench.dependency.probes;
    bench.dependency.answer = 100;
    const asked = Array.from({ length: 50 }, async () => await bench.monitor.demand({ signal: never }));
    await bench.clock.pass(100);
    expect(new Set((await Promise.all(asked)).map(({ status }) => status))).toEqual(new Set(["up"]));
    expect(bench.dependency.probes - before).toBe(1);
  });

  test("during a probe that succeeds shares it", async () => {
    await using bench = openBench("refused");
    await bench.clock.pass(10_000);
    const before = bench.dependency.probes;
    bench.dependency.answer = 100;
    const first = bench.monitor.demand({ signal: never });
    await bench.clock.pass(50);
    const second = bench.monitor.demand({ signal: never });
    await bench.clock.pass(5000);
    expect([(await first).status, (await second).status]).toEqual(["up", "up"]);
    expect(bench.dependency.probes - before).toBe(1);
  });

  test("that has to wait for its turn disturbs nothing", async () => {
    await using bench = openBench("refused");
    await bench.clock.pass(10_000);
    await bench.monitor.demand({ signal: never });
    await bench.monitor.demand({ signal: never });
    await settle();
    const { begun } = bench.clock;
    for (let request = 0; request < 100; request++) await bench.monitor.demand({ signal: never });
    await settle();
    expect(bench.clock.begun).toBe(begun);
  });

  test("starts at most one probe a second, and puts the next off instead of dropping it", async () => {
    await using bench = openBench("refused", { retry: { ...retry, baseDelayMs: 30_000 } });
    await bench.clock.pass(10_000);
    const from = bench.clock.now();
    for (let request = 0; request < 499; request++) {
      const asked = bench.monitor.demand({ signal: never });
      await bench.clock.pass(10);
      void asked;
    }
    const probes = bench.dependency.startedAt.filter((at) => at >= from).map((at) => at - from);
    expect(probes).toEqual([0, 1000, 2000, 3000, 4000]);
    // The last request's probe is still to come, though nobody asks any more.
    bench.dependency.answer = "ok";
    await bench.clock.pass(10);
    expect(bench.monitor.status.status).toBe("up");
  });

  test("waits 250 ms at most, and not at all for a probe that is due later", async () => {
    await using bench = openBench("refused");
    await bench.clock.pass(10_000);
    bench.dependency.answer = "hung";
    const from = bench.clock.now();
    let answeredAt: number | undefined;
    const asked = bench.monitor.demand({ signal: never }).then((status) => {
      answeredAt = bench.clock.now();
      return status;
    });
    await bench.clock.pass(3000);
    expect((await asked).status).toBe("down");
    expect(answeredAt).toBe(from + 250);
    bench.dependency.answer = "refused";
    await bench.monitor.demand({ signal: never });
    const probes = bench.dependency.probes;
    expect((await bench.monitor.demand({ signal: never })).status).toBe("down");
    expect(bench.dependency.probes).toBe(probes);
  });

  test("that came during a probe which began before the return gets another one", async () => {
    await using bench = openBench("refused");
    await bench.clock.pass(10_000);
    bench.dependency.answer = "hung";
    void bench.monitor.demand({ signal: never });
    await bench.clock.pass(2000);
    bench.dependency.answer = "ok";
    expect(await firstOf(bench.monitor.demand({ signal: never }), bench.clock.pass(2000))).toBeDefined();
    expect(offsets(bench.dependency.startedAt).slice(-2)).toEqual([10_000, 13_000]);
    expect(bench.monitor.status.status).toBe("up");
  });

  test("rejects with the signal's reason, and the probe goes on", async () => {
    await using bench = openBench("refused");
    await bench.clock.pass(10_000);
    bench.dependency.answer = 100;
    const request = new AbortController();
    const asked = bench.monitor.demand({ signal: request.signal });
    await settle();
    request.abort(new Error("client went away"));
    await expect(asked).rejects.toThrow("client went away");
    await bench.clock.pass(100);
    expect(bench.monitor.status.status).toBe("up");
    await expect(bench.monitor.demand({ signal: request.signal })).rejects.toThrow("client went away");
  });
});

describe("suspect()", () => {
  test("of many failing calls starts one probe, at once", async () => {
    await using bench = openBench("ok");
    await bench.clock.pass(10_000);
    bench.dependency.answer = "refused";
    for (let call = 0; call < 100; call++) bench.monitor.suspect();
    await settle();
    expect(offsets(bench.dependency.startedAt)).toEqual([0, 10_000]);
    expect(bench.monitor.status).toMatchObject({ status: "down", consecutiveFailures: 1 });
  });

  test("during a probe that succeeds is followed by one more: that one may have been answered before", async () => {
    await using bench = openBench("ok");
    await bench.clock.pass(10_000);
    bench.dependency.answer = 100;
    bench.monitor.suspect();
    await bench.clock.pass(50);
    bench.monitor.suspect();
    bench.monitor.suspect();
    bench.dependency.answer = "refused";
    await bench.clock.pass(200);
    expect(offsets(bench.dependency.startedAt)).toEqual([0, 10_000, 10_250]);
    expect(bench.monitor.status.status).toBe("down");
  });

  test("during the very first probe counts too", async () => {
    await using bench = openBench(100);
    await settle();
    bench.monitor.suspect();
    await bench.clock.pass(500);
    expect(offsets(bench.dependency.startedAt)).toEqual([0, 100]);
  });

  test("does not start probes as fast as calls fail while probes succeed", async () => {
    await using bench = openBench("ok");
    await bench.clock.pass(10_000);
    for (let call = 0; call < 99; call++) {
      bench.monitor.suspect();
      await bench.clock.pass(10);
    }
    expect(offsets(bench.dependency.startedAt)).toEqual([0, 10_000, 10_250, 10_500, 10_750]);
  });

  test("while down changes nothing", async () => {
    await using bench = openBench("refused");
    await bench.clock.pass(100);
    bench.monitor.suspect();
    await bench.clock.pass(100);
    expect(bench.dependency.probes).toBe(1);
  });
});

describe("firstCheck()", () => {
  test("resolves with what the first probe found", async () => {
    await using bench = openBench("hung");
    const checked = bench.monitor.firstCheck({ signal: never });
    await bench.clock.pass(3000);
    expect(await checked).toMatchObject({ status: "down", reason: "timeout" });
    expect(await bench.monitor.firstCheck({ signal: never })).toBe(bench.monitor.status);
  });

  test("rejects with the signal's reason", async () => {
    await using bench = openBench("hung");
    const start = new AbortController();
    const checked = bench.monitor.firstCheck({ signal: start.signal });
    start.abort(new Error("stopped"));
    await expect(checked).rejects.toThrow("stopped");
  });
});

describe("disposal", () => {
  test.each(["hung", "deaf", "refused", "ok"] as const)(
    "during or after a probe that is %s ends within 50 ms and changes nothing more",
    async (answer) => {
      const bench = openBench(answer);
      await settle();
      const waiting = bench.monitor.demand({ signal: never });
      const before = bench.monitor.status;
      const startedAt = performance.now();
      await bench.monitor[Symbol.asyncDispose]();
      expect(performance.now() - startedAt).toBeLessThan(50);
      await waiting;
      expect(bench.clock.sleeping).toBe(0);
      bench.monitor.suspect();
      bench.monitor.rearm();
      expect(await bench.monitor.demand({ signal: never })).toBe(before);
      await bench.clock.pass(100_000);
      expect(bench.monitor.status).toBe(before);
      expect(bench.dependency.probes).toBe(1);
      await bench.monitor[Symbol.asyncDispose]();
    },
  );
});
