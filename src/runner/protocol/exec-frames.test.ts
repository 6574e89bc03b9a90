import { expect, test } from "vitest";
import { clientFrameSchema, Tail } from "./exec-frames.ts";

test("Tail keeps the last bytes, whole characters only", () => {
  const tail = new Tail(8);
  tail.add(Buffer.from("abc"));
  expect(tail.text()).toBe("abc");
  tail.add(Buffer.from("defghij"));
  expect(tail.text()).toBe("cdefghij");
  tail.add(Buffer.from("家家家"));
  expect(tail.text()).toBe("家家");
  tail.add(Buffer.alloc(100, "x"));
  expect(tail.text()).toBe("xxxxxxxx");
});

test("only known frames are taken", () => {
  const isTaken = (frame: unknown): boolean => clientFrameSchema.safeParse(frame).success;
  expect(isTaken({ type: "end-input" })).toBe(true);
  expect(isTaken({ type: "resize", columns: 80, rows: 24 })).toBe(true);
  expect(isTaken({ type: "resize", columns: 0, rows: 24 })).toBe(false);
  expect(isTaken({ type: "resize", columns: 80, rows: 24, more: 1 })).toBe(false);
  expect(isTaken({ type: "close" })).toBe(false);
  expect(isTaken(undefined)).toBe(false);
});
