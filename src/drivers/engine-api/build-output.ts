import type { ImageProgress } from "../../engine/facts.ts";
import { printable } from "./errors.ts";
import { readProtobuf } from "./protobuf.ts";
import type { ProgressJson } from "./wire.ts";

/** Lines of output kept for a failed build. */
const keptLines = 20;

/**
 * Follows what a build prints, from the classic builder and from BuildKit: gives progress, and remembers the end of
 * the output, the step under way and the image.
 */
export class BuildOutput {
  readonly #onProgress: (progress: ImageProgress) => void;
  readonly #vertexes = new Map<string, Vertex>();
  #lines: string[] = [];
  /** Beginnings of lines whose ends have not come, by step: BuildKit runs several at once. */
  readonly #partial = new Map<string, string>();
  #step = "";
  imageId: string | undefined;
  /** The engine's text when the build failed. */
  error: string | undefined;

  constructor(onProgress: (progress: ImageProgress) => void) {
    this.#onProgress = onProgress;
  }

  /** The last lines of output. */
  get lines(): readonly string[] {
    return [...this.#lines, ...this.#partial.values()].filter((line) => line.trim() !== "").slice(-keptLines);
  }

  /** The step that failed, or the last one that began; "" before the first. */
  get step(): string {
    return [...this.#vertexes.values()].find(({ error }) => error !== "")?.name ?? this.#step;
  }

  add(line: ProgressJson): void {
    const message = line.errorDetail?.message ?? line.error;
    if (message !== undefined) this.error = printable(message).trim();
    else if (line.id === "moby.buildkit.trace" && typeof line.aux === "string") this.#trace(line.aux);
    else if (line.aux !== undefined) this.#image(line.aux);
    else if (line.stream !== undefined) this.#print(line.stream, undefined);
    else if (line.status !== undefined) {
      this.#onProgress({
        text: printable(line.status).trim(),
        part: line.id,
        currentBytes: line.progressDetail?.current,
        totalBytes: line.progressDetail?.total,
      });
    }
  }

  #image(aux: unknown): void {
    const id = typeof aux === "object" && aux !== null && "ID" in aux ? aux.ID : undefined;
    if (typeof id === "string") this.imageId = id;
  }

  /** Output comes in pieces of lines. */
  #print(text: string, part: string | undefined): void {
    const lines = ((this.#partial.get(part ?? "") ?? "") + printable(text)).split("\n");
    this.#partial.set(part ?? "", lines.pop() ?? "");
    for (const line of lines) {
      const step = /^(?:Step|STEP) \d+\/\d+ ?: (.*)$/.exec(line)?.[1];
      if (step !== undefined) this.#step = step;
      if (line.trim() === "") continue;
      this.#lines.push(line);
      this.#onProgress({
        text: line,
        part: part ?? this.#step,
        currentBytes: undefined,
        totalBytes: undefined,
      });
    }
    this.#lines = this.#lines.slice(-keptLines);
  }

  /**
   * BuildKit's own report, a StatusResponse of moby/buildkit api/services/control/control.proto: vertexes 1, statuses
   * 2, logs 3. The few fields read have kept their numbers since BuildKit 0.1.
   */
  #trace(base64: string): void {
    const logs: Uint8Array[] = [];
    for (const field of readProtobuf(Buffer.from(base64, "base64"))) {
      if (!("bytes" in field)) continue;
      if (field.number === 1) this.#vertex(field.bytes);
      if (field.number === 2) this.#status(field.bytes);
      if (field.number === 3) logs.push(field.bytes);
    }
    // Standard output and error are collected apart, so what was printed last may come first.
    const timed = logs.map((log) => ({ log, at: timeOfLog(log) }));
    for (const { log } of timed.sort((a, b) => a.at - b.at)) this.#log(log);
  }

  /** Vertex: digest 1, name 3, cached 4, started 5, completed 6, error 7. */
  #vertex(message: Uint8Array): void {
    const { digest, name, cached, started, completed, error } = readNamed(message, {
      digest: 1,
      name: 3,
      cached: 4,
      started: 5,
      completed: 6,
      error: 7,
    });
    const before = this.#vertexes.get(digest);
    this.#vertexes.set(digest, { name, error });
    // "[internal] load …", "copy /context /" and "exporting to image" are BuildKit's own work.
    const isStep = name.startsWith("[") && !name.startsWith("[internal]");
    if (isStep && started !== "" && completed === "") this.#step = name;
    if (before?.name === name && before.error === error && completed === "") return;
    const state = error !== "" ? "failed" : cached !== "" ? "cached" : completed === "" ? "started" : "done";
    if (started === "" && state === "started") return;
    this.#onProgress({ text: state, part: name, currentBytes: undefined, totalBytes: undefined });
  }

  /** VertexStatus: id 1, vertex 2, name 3, current 4, total 5. */
  #status(message: Uint8Array): void {
    const { id, current, total } = readNamed(message, { id: 1, current: 4, total: 5 });
    this.#onProgress({
      text: id,
      part: id,
      currentBytes: current === "" ? undefined : Number(current),
      totalBytes: total === "" ? undefined : Number(total),
    });
  }

  /** VertexLog: vertex 1, message 4. */
  #log(message: Uint8Array): void {
    const { vertex, text } = readNamed(message, { vertex: 1, text: 4 });
    this.#print(text, this.#vertexes.get(vertex)?.name);
  }
}

/** Field 2 of a log is a Timestamp: seconds 1, nanoseconds 2. */
function timeOfLog(message: Uint8Array): number {
  const stamp = readProtobuf(message).find(({ number }) => number === 2);
  if (stamp === undefined || !("bytes" in stamp)) return 0;
  const { seconds, nanos } = readNamed(stamp.bytes, { seconds: 1, nanos: 2 });
  return Number(seconds) * 1000 + Number(nanos) / 1e6;
}

interface Vertex {
  readonly name: string;
  readonly error: string;
}

/** Fields by name, as text; what is absent is "". */
function readNamed<Name extends string>(
  message: Uint8Array,
  numbers: Readonly<Record<Name, number>>,
): Readonly<Record<Name, string>> {
  const fields = readProtobuf(message);
  const found = Object.entries<number>(numbers).map(([name, number]) => {
    const field = fields.find((each) => each.number === number);
    if (field === undefined) return [name, ""];
    return [name, "bytes" in field ? Buffer.from(field.bytes).toString("utf8") : String(field.value)];
  });
  return Object.fromEntries(found) as Readonly<Record<Name, string>>;
}
