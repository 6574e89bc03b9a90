import { expect, test } from "vitest";
import { Terminals, terminalIdleMs } from "./terminals.ts";

const request = { columns: 80, rows: 24 };

test("a session is found by its token alone, and what is wrong is not told", () => {
  const terminals = new Terminals(() => 0);
  const { session, token } = terminals.open("c", request);
  expect(terminals.find(session.id, token)).toEqual(session);
  const wrong = {
    code: "resource-unknown",
    message: expect.stringContaining("ended or never was") as unknown,
  };
  for (const [id, given] of [
    [session.id, `${token}x`],
    [session.id, ""],
    ["other", token],
  ] as const) {
    expect(() => terminals.find(id, given)).toThrow(expect.objectContaining(wrong) as Error);
  }
});

test("unused ones end, connected ones do not, and all of them some day", () => {
  let nowMs = 0;
  const terminals = new Terminals(() => nowMs);
  const idle = terminals.open("c", request);
  const used = terminals.open("c", request);
  using _taken = terminals.connect(used.session.id, () => {});
  nowMs = terminalIdleMs + 1;
  expect(() => terminals.find(idle.session.id, idle.token)).toThrow("ended or never was");
  expect(terminals.find(used.session.id, used.token)).toEqual(used.session);
  nowMs = 9 * 3_600_000;
  expect(() => terminals.find(used.session.id, used.token)).toThrow("ended or never was");
});

test("one connection at a time", () => {
  const terminals = new Terminals(() => 0);
  const { session } = terminals.open("c", request);
  const first = terminals.connect(session.id, () => {});
  expect(() => terminals.connect(session.id, () => {})).toThrow(
    expect.objectContaining({ code: "resource-busy" }) as Error,
  );
  first[Symbol.dispose]();
  terminals.connect(session.id, () => {})[Symbol.dispose]();
});

test("there is a most, and those of a container end with it", () => {
  const terminals = new Terminals(() => 0);
  for (let n = 0; n < 200; n += 1) terminals.open(n < 150 ? "a" : "b", request);
  expect(() => terminals.open("a", request)).toThrow(
    expect.objectContaining({ code: "resource-busy" }) as Error,
  );
  terminals.closeOf("a");
  expect(terminals.size).toBe(50);
});

test("whoever is connected is told of the end, once, and only by who names the right container", () => {
  const terminals = new Terminals(() => 0);
  const { session } = terminals.open("c", request);
  let ends = 0;
  using _taken = terminals.connect(session.id, () => {
    ends += 1;
  });
  expect(() => terminals.closeIn("other", session.id)).toThrow("ended or never was");
  terminals.closeIn("c", session.id);
  terminals.close(session.id);
  expect([ends, terminals.size]).toEqual([1, 0]);
});
