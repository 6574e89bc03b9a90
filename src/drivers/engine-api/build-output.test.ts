import { expect, test } from "vitest";
import { BuildOutput } from "./build-output.ts";
import { readProtobuf } from "./protobuf.ts";

/** A field with a length. */
function field(number: number, value: string | Uint8Array): Buffer {
  const bytes = Buffer.from(value);
  const length = bytes.length < 128 ? [bytes.length] : [(bytes.length & 0x7f) | 0x80, bytes.length >> 7];
  return Buffer.concat([Buffer.from([number * 8 + 2, ...length]), bytes]);
}

function stamp(seconds: number): Buffer {
  return field(2, Buffer.from([8, seconds]));
}

function trace(...fields: readonly Buffer[]): { id: string; aux: string } {
  return { id: "moby.buildkit.trace", aux: Buffer.concat(fields).toString("base64") };
}

test("BuildOutput follows the classic builder", () => {
  const told: string[] = [];
  const output = new BuildOutput(({ part, text }) => told.push(`${part}: ${text}`));
  output.add({ stream: "Step 1/2 : FROM redis\n" });
  output.add({ stream: "Step 2/2 : RUN make\n" });
  output.add({ stream: "\u001b[31mhal" });
  output.add({ stream: "f\nlast words" });
  output.add({ aux: { ID: "sha256:1" } });
  output.add({
    error: "The command returned a non-zero code: 2",
    errorDetail: { code: 2, message: "it returned 2" },
  });
  expect(told).toEqual([
    "FROM redis: Step 1/2 : FROM redis",
    "RUN make: Step 2/2 : RUN make",
    "RUN make: half",
  ]);
  expect(output.lines).toEqual(["Step 1/2 : FROM redis", "Step 2/2 : RUN make", "half", "last words"]);
  expect(output).toMatchObject({ step: "RUN make", error: "it returned 2", imageId: "sha256:1" });
});

test("BuildOutput follows BuildKit: steps, bytes, output in order of time, and the step that failed", () => {
  const told: string[] = [];
  const output = new BuildOutput(({ part, text, currentBytes }) =>
    told.push(`${part}: ${text} ${currentBytes ?? ""}`),
  );
  const started = field(5, Buffer.from([8, 1]));
  output.add(trace(field(1, Buffer.concat([field(1, "d1"), field(3, "[internal] load"), started]))));
  output.add(trace(field(1, Buffer.concat([field(1, "d2"), field(3, "[2/2] RUN make"), started]))));
  output.add(
    trace(field(2, Buffer.concat([field(1, "layer"), field(2, "d2"), Buffer.from([0x20, 0x96, 0x01])]))),
  );
  output.add(
    trace(
      field(3, Buffer.concat([field(1, "d2"), stamp(9), field(4, "second\n")])),
      field(3, Buffer.concat([field(1, "d2"), stamp(3), field(4, "first\n")])),
    ),
  );
  const failed = Buffer.concat([
    field(1, "d2"),
    field(3, "[2/2] RUN make"),
    started,
    field(6, Buffer.from([8, 2])),
    field(7, "exit 2"),
  ]);
  output.add(trace(field(1, failed)));
  output.add({ error: "process did not complete" });
  expect(told).toEqual([
    "[internal] load: started ",
    "[2/2] RUN make: started ",
    "layer: layer 150",
    "[2/2] RUN make: first ",
    "[2/2] RUN make: second ",
    "[2/2] RUN make: failed ",
  ]);
  expect(output.lines).toEqual(["first", "second"]);
  expect(output.step).toBe("[2/2] RUN make");
});

test("BuildOutput keeps the last twenty lines", () => {
  const output = new BuildOutput(() => {});
  for (let line = 1; line <= 100; line += 1) output.add({ stream: `${line}\n` });
  expect(output.lines).toEqual(Array.from({ length: 20 }, (_, index) => String(81 + index)));
});

test("readProtobuf() reads every kind of field and refuses what is cut", () => {
  const bytes = Buffer.concat([
    Buffer.from([0x08, 0xac, 0x02]),
    Buffer.from([0x11, 1, 2, 3, 4, 5, 6, 7, 8]),
    field(3, "text"),
    Buffer.from([0x25, 1, 2, 3, 4]),
    Buffer.from([0x80, 0x01, 5]),
  ]);
  expect(readProtobuf(bytes)).toEqual([
    { number: 1, value: 300 },
    { number: 3, bytes: Buffer.from("text") },
    { number: 16, value: 5 },
  ]);
  expect(() => readProtobuf(bytes.subarray(0, 8))).toThrow(RangeError);
  expect(() => readProtobuf(Buffer.from([0x08, 0x80]))).toThrow(RangeError);
});
