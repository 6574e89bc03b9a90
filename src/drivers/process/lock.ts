import { randomBytes } from "node:crypto";
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import type { Clock } from "../../async/clock.ts";
import { identityOf, isAlive, isErrno, type ProcessIdentity } from "./identity.ts";

/** Often enough that a start does not wait noticeably, seldom enough to cost nothing. */
const retryMs = 10;

/**
 * Takes an exclusive lock by file, among engines and machines' processes alike. A lock whose holder died is taken over.
 * Rejects with the signal's reason on abort; undefined when the folder is gone.
 */
export async function takeLock(
  path: string,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<Disposable | undefined> {
  for (;;) {
    signal.throwIfAborted();
    const taken = tryLock(path);
    if (taken !== "held") return taken;
    await clock.sleep(retryMs, { signal });
  }
}

/** As `takeLock`, without waiting. */
export function tryLock(path: string): Disposable | "held" | undefined {
  const token = randomBytes(6).toString("hex");
  const own = `${path}.${process.pid}.${token}`;
  const content = JSON.stringify({ token, holder: identityOf(process.pid) });
  try {
    // A link appears with its content or not at all, which a file opened exclusively does not.
    writeFileSync(own, content, { mode: 0o600 });
    linkSync(own, path);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return undefined;
    if (!isErrno(error, "EEXIST")) throw error;
    breakStale(path);
    return "held";
  } finally {
    rmSync(own, { force: true });
  }
  return {
    [Symbol.dispose]: () => {
      if (read(path) === content) rmSync(path, { force: true });
    },
  };
}

/** Removes a lock whose holder is gone. Whoever renames it away breaks it; what was not stale is put back. */
function breakStale(path: string): void {
  const content = read(path);
  if (content === undefined || !isStale(content)) return;
  const aside = `${path}.${process.pid}.${randomBytes(6).toString("hex")}`;
  try {
    renameSync(path, aside);
    if (read(aside) !== content) linkSync(aside, path);
  } catch (error) {
    if (!isErrno(error, "ENOENT") && !isErrno(error, "EEXIST")) throw error;
  } finally {
    rmSync(aside, { force: true });
  }
}

function isStale(content: string): boolean {
  try {
    const { holder } = JSON.parse(content) as { readonly holder?: ProcessIdentity };
    return holder === undefined || !isAlive(holder);
  } catch {
    return true;
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
