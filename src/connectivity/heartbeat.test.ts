import { expect, test } from "vitest";
import { type Bench, never, openBench, settle } from "./connectivity.test.support.ts";

/** A stream fed by hand; `closed` tells whether whoever listened let go of it. */
function openFeed(): {
  readonly stream: AsyncIterable<string>;
  send(value: string): void;
  end(): void;
  cut(error: Error): void;
  readonly closed: boolean;
} {
  const waiting: PromiseWithResolvers<IteratorResult<string>>[] = [];
  let closed = false;
  const take = (): PromiseWithResolvers<IteratorResult<string>> => {
    const first = waiting.shift();
    if (first === undefined) throw new Error("nobody listens");
    return first;
  };
  return {
    stream: {
      [Symbol.asyncIterator]: () => ({
        next: async () => {
          const turn = Promise.withResolvers<IteratorResult<string>>();
          waiting.push(turn);
          return await turn.promise;
        },
        return: async () => {
          closed = true;
          return { done: true, value: undefined };
        },
      }),
    },
    send: (value) => take().resolve({ done: false, value }),
    end: () => take().resolve({ done: true, value: undefined }),
    cut: (error) => take().reject(error),
    get closed() {
      return closed;
    },
  };
}

/** A dependency that was up and is gone, though nobody has noticed yet. */
async function silentlyGone(): Promise<Bench> {
  const bench = openBench("ok");
  await bench.clock.pass(10_000);
  bench.dependency.answer = "refused";
  return bench;
}

test.each(["end", "cut"] as const)(
  "heartbeat() passes values on, and notices the stream's %s at once",
  async (how) => {
    await using bench = await silentlyGone();
    const feed = openFeed();
    const heard: string[] = [];
    const listening = (async () => {
      for await (const value of bench.monitor.heartbeat(feed.stream, { signal: never })) heard.push(value);
    })();
    listening.catch(() => {});
    await settle();
    feed.send("a");
    await settle();
    feed.send("b");
    await settle();
    expect(heard).toEqual(["a", "b"]);
    expect(bench.monitor.status.status).toBe("up");
    if (how === "end") feed.end();
    else feed.cut(new Error("cut"));
    await settle();
    expect(bench.monitor.status.status).toBe("down");
    const [outcome] = await Promise.allSettled([listening]);
    expect(outcome.status).toBe(how === "end" ? "fulfilled" : "rejected");
  },
);

test("heartbeat() takes neither a break nor an abort for a loss", async () => {
  await using bench = await silentlyGone();
  const feed = openFeed();
  const stop = new AbortController();
  const listening = (async () => {
    for await (const value of bench.monitor.heartbeat(feed.stream, { signal: never })) {
      if (value === "enough") break;
    }
    for await (const _ of bench.monitor.heartbeat(feed.stream, { signal: stop.signal }));
  })();
  listening.catch(() => {});
  await settle();
  feed.send("enough");
  await settle();
  expect(feed.closed).toBe(true);
  stop.abort(new Error("stop"));
  feed.cut(new Error("stop"));
  await expect(listening).rejects.toThrow("stop");
  await settle();
  expect(bench.dependency.probes).toBe(1);
});

test("heartbeat() takes silence for a loss, only when told how long is silence", async () => {
  await using bench = await silentlyGone();
  const quiet = openFeed();
  const beating = openFeed();
  const first = bench.monitor.heartbeat(quiet.stream, { signal: never }).next();
  const second = bench.monitor.heartbeat(beating.stream, { signal: never, silenceMs: 4000 });
  for (let beat = 0; beat < 3; beat++) {
    const next = second.next();
    await bench.clock.pass(3000);
    beating.send("beat");
    await next;
  }
  expect(bench.monitor.status.status).toBe("up");
  // Whoever listens takes its time: that is not the stream's silence.
  await bench.clock.pass(5000);
  expect(bench.monitor.status.status).toBe("up");
  const last = second.next();
  await bench.clock.pass(3999);
  expect(bench.monitor.status.status).toBe("up");
  await bench.clock.pass(1);
  expect(bench.monitor.status.status).toBe("down");
  quiet.end();
  beating.end();
  await Promise.all([first, last]);
});

test("heartbeat() probes when a stream begins while down, but not with each of its values", async () => {
  await using bench = openBench("refused", {
    retry: { baseDelayMs: 30_000, maxDelayMs: 30_000, jitterMs: 0, maxRetries: 0 },
  });
  await bench.clock.pass(1000);
  const feed = openFeed();
  const heard = bench.monitor.heartbeat(feed.stream, { signal: never });
  for (let beat = 0; beat < 5; beat++) {
    const next = heard.next();
    await settle();
    feed.send("beat");
    await next;
    await bench.clock.pass(1000);
  }
  expect(bench.dependency.probes).toBe(2);
});
