import { stat } from "node:fs/promises";
import { abortable, deadlineSignal } from "../async/signals.ts";

/** A network file system that hangs must not hold up the answer. */
const pathTimeoutMs = 2000;

/** Whether a file or folder is there; "unknown" when it is not for us to see, or does not answer. */
export async function lookAtPath(
  path: string,
  { signal }: { readonly signal: AbortSignal },
): Promise<"there" | "missing" | "unknown"> {
  using deadline = deadlineSignal(signal, pathTimeoutMs, () => new Error("the disk does not answer"));
  try {
    await abortable(stat(path), deadline.signal);
    return "there";
  } catch (error) {
    signal.throwIfAborted();
    const code = error instanceof Error && "code" in error ? error.code : "";
    return code === "ENOENT" || code === "ENOTDIR" ? "missing" : "unknown";
  }
}
