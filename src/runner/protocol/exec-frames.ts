import { z } from "zod";

/**
 * Frames of an interactive command. Bytes travel as binary frames: one byte says which channel, the rest is data. All
 * else is JSON in text frames.
 */
export const channel = { stdin: 0, stdout: 1, stderr: 2 } as const;

/** How a command ended. */
export type ExecReason = "completed" | "timeout" | "idle-timeout" | "cancelled";

/** What the client says besides input. Closing the connection is none of these: see the service's documentation. */
export const clientFrameSchema = z.discriminatedUnion("type", [
  /** Ends the command's standard input, nothing else. */
  z.strictObject({ type: z.literal("end-input") }),
  z.strictObject({
    type: z.literal("resize"),
    columns: z.int().min(1).max(10_000),
    rows: z.int().min(1).max(10_000),
  }),
  /** Ends the command and what it started. */
  z.strictObject({ type: z.literal("cancel") }),
]);
export type ClientFrame = z.infer<typeof clientFrameSchema>;

export const serverFrameSchema = z.discriminatedUnion("type", [
  z.object({ type: z.literal("ready"), execId: z.string() }),
  z.object({
    type: z.literal("exit"),
    execId: z.string(),
    /** Absent when a command that was ended left none. */
    exitCode: z.number().optional(),
    reason: z.enum(["completed", "timeout", "idle-timeout", "cancelled"]),
    /** The last of what it wrote. */
    stdout: z.string(),
    stderr: z.string(),
  }),
  z.object({
    type: z.literal("error"),
    status: z.number(),
    error: z.object({
      code: z.string(),
      message: z.string(),
      retryable: z.boolean(),
      data: z.record(z.string(), z.unknown()).optional(),
      hint: z.string().optional(),
    }),
  }),
]);
export type ServerFrame = z.infer<typeof serverFrameSchema>;

/** Data of a channel as one frame. */
export function dataFrame(of: number, data: Uint8Array): Uint8Array {
  const frame = Buffer.allocUnsafe(data.length + 1);
  frame[0] = of;
  frame.set(data, 1);
  return frame;
}

/** Keeps the last bytes written, for the exit frame. */
export class Tail {
  #bytes: Buffer = Buffer.alloc(0);
  readonly #limit: number;

  constructor(limitBytes: number) {
    this.#limit = limitBytes;
  }

  add(data: Uint8Array): void {
    if (data.length >= this.#limit) this.#bytes = Buffer.from(data.subarray(data.length - this.#limit));
    else this.#bytes = Buffer.concat([this.#bytes.subarray(-(this.#limit - data.length)), data]);
  }

  /** As text, without the rest of a character that was cut off in front. */
  text(): string {
    let start = 0;
    while (start < 4 && ((this.#bytes[start] ?? 0) & 0xc0) === 0x80) start += 1;
    return this.#bytes.toString("utf8", this.#bytes.length < this.#limit ? 0 : start);
  }
}
