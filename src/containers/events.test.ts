import { expect, test } from "vitest";
import { ContainerEvents, type Heard } from "./events.ts";

function publish(events: ContainerEvents, count: number): void {
  for (let n = 0; n < count; n += 1) {
    events.publish({
      id: `c${n % 2}`,
      name: "one",
      labels: {},
      action: "start",
      atMs: n,
      exitCode: undefined,
    });
  }
}

async function take(heard: AsyncIterable<Heard>, count: number): Promise<readonly Heard[]> {
  const taken: Heard[] = [];
  for await (const each of heard) {
    taken.push(each);
    if (taken.length === count) break;
  }
  return taken;
}

const { signal } = new AbortController();

test("a listener who comes back goes on where it was", async () => {
  const events = new ContainerEvents();
  publish(events, 10);
  const heard = await take(events.listen({ signal, after: 7 }), 3);
  expect(heard).toMatchObject([{ event: { seq: 8 } }, { event: { seq: 9 } }, { event: { seq: 10 } }]);
});

test("what is no longer there is counted", async () => {
  const events = new ContainerEvents();
  publish(events, 5000);
  const [first, second] = await take(events.listen({ signal, after: 10 }), 2);
  expect(first).toMatchObject({ type: "missed" });
  const count = first?.type === "missed" ? first.count : 0;
  expect(second).toMatchObject({ type: "event", event: { seq: 11 + count } });
});

test("of one container alone, as it comes", async () => {
  const events = new ContainerEvents();
  const heard = take(events.listen({ signal, containerId: "c1" }), 2);
  await new Promise((resolve) => setImmediate(resolve));
  publish(events, 4);
  expect(await heard).toMatchObject([{ event: { seq: 2 } }, { event: { seq: 4 } }]);
});

test("a number from the future, and the end by the signal", async () => {
  const events = new ContainerEvents();
  const end = new AbortController();
  const heard = take(events.listen({ signal: end.signal, after: 99 }), 1);
  publish(events, 1);
  expect(await heard).toMatchObject([{ event: { seq: 1 } }]);
  const nothing = take(events.listen({ signal: end.signal }), 1);
  end.abort();
  expect(await nothing).toEqual([]);
});
