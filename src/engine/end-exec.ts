import type { Engine } from "./engine.ts";

/**
 * Variable that marks a command and all it starts, so that it can be found again. A runner in between marks commands too,
 * and leaves a mark that is there as it is.
 */
export const execMark = "LASH_EXEC_MARK";

/**
 * No engine can end a command that it runs in a container: its API has no call for it. So another command does it,
 * inside: it looks for the processes that carry the mark and signals them and their process groups. It runs as the same
 * user, who may read the others' environment, and needs `sh`, `cat` and /proc. The container and whatever else runs in
 * it are left alone.
 */
const script = `
for file in /proc/[0-9]*/environ; do
  pid=\${file#/proc/}; pid=\${pid%/environ}
  case "$(cat "$file" 2>/dev/null)" in *"${execMark}=$1"*) ;; *) continue ;; esac
  stat=$(cat "/proc/$pid/stat" 2>/dev/null) || continue
  set -- "$1" "$2" \${stat##*) }
  case "$5" in 0|1) ;; *) kill "-$2" -- "-$5" 2>/dev/null ;; esac
  kill "-$2" "$pid" 2>/dev/null
done
:`;

/** A marked command in a container. */
export interface MarkedExec {
  readonly container: string;
  readonly mark: string;
  readonly user: string | undefined;
}

/** Signals a marked command and what it started. Rejects when the container cannot run the command that does it. */
export async function signalExec(
  engine: Engine,
  { container, mark, user }: MarkedExec,
  options: { readonly signalName: "TERM" | "KILL"; readonly signal: AbortSignal },
): Promise<void> {
  const command = ["sh", "-c", script, "sh", mark, options.signalName];
  await using session = await engine.exec(container, { signal: options.signal, user, command });
  for await (const _ of session.output);
  await session.exitCode;
}
