import { existsSync, type FSWatcher, watch } from "node:fs";
import { basename, dirname } from "node:path";

/** Tells when a local socket appears, changes or vanishes. */
export interface SocketWatch extends Disposable {
  /** Looks at the folder anew: it may have been made, or replaced, since. */
  refresh(): void;
}

/**
 * Watches the folder of a socket's path, one watcher at most. Where that cannot be done (no such folder, no watches
 * left, a file system that tells nothing) nothing is told, and its owner's regular tries have to do.
 */
export function watchSocket(path: string, onChange: (isThere: boolean) => void): SocketWatch {
  let watcher: FSWatcher | undefined;
  const name = basename(path);
  let isClosed = false;
  const refresh = (): void => {
    if (isClosed) return;
    const before = watcher;
    watcher = open(dirname(path), (changed) => {
      // Some systems do not say which file it was.
      if (changed === null || changed === name) onChange(existsSync(path));
    });
    // Closed last, so that nothing goes unseen in between.
    before?.close();
  };
  refresh();
  return {
    refresh,
    [Symbol.dispose]() {
      isClosed = true;
      watcher?.close();
    },
  };
}

function open(folder: string, onChange: (changed: string | null) => void): FSWatcher | undefined {
  try {
    const watcher = watch(folder, { persistent: false }, (_, changed) => onChange(changed));
    watcher.on("error", () => watcher.close());
    return watcher;
  } catch {
    return undefined;
  }
}
