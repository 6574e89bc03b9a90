import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, statSync } from "node:fs";
import { isErrno, marker } from "./identity.ts";
import { outputPath } from "./marks.ts";
import type { ProcessRecord } from "./record.ts";

/** A start that the system refused, in its words. */
export interface Refusal {
  readonly text: string;
  /** 127 for a missing program, 126 for one that cannot be run: a shell's codes. */
  readonly exitCode: number;
}

/** The variables a process gets: those declared and the marker. Nothing is inherited from Lash. */
export function environment(of: ProcessRecord): Record<string, string> {
  return { ...of.env, [marker]: of.id };
}

/**
 * Starts the process in a session of its own with its output in files, so that it outlives us. Returns as soon as it
 * exists: the child can be recorded before anything else happens.
 */
export function launch(of: ProcessRecord, folder: string): ChildProcess | Refusal {
  const missing = refuseWorkingDir(of.workingDir);
  if (missing !== undefined) return missing;
  const files: number[] = [];
  try {
    for (const stream of ["stdout", "stderr"] as const)
      files.push(openSync(outputPath(folder, stream), "a", 0o600));
    const [stdout, stderr] = files;
    const [program = "", ...args] = of.command;
    const child = spawn(program, args, {
      cwd: of.workingDir,
      env: environment(of),
      detached: true,
      stdio: ["ignore", stdout, stderr],
    });
    // The reason of a refusal comes with this event; without a listener it would end Lash.
    child.on("error", () => undefined);
    child.unref();
    return child;
  } catch (error) {
    return refusal(of, error);
  } finally {
    for (const file of files) closeSync(file);
  }
}

/** Why a child that has no pid was refused. */
export async function refusalOf(of: ProcessRecord, child: ChildProcess): Promise<Refusal> {
  const error: unknown = await new Promise((resolve) => child.once("error", resolve));
  return refusal(of, error);
}

/** The system's error on a start in the words that container engines use, which people and rules know. */
export function refusal(
  { command: [program = ""] }: Pick<ProcessRecord, "command">,
  error: unknown,
): Refusal {
  const said = (text: string, exitCode: number): Refusal => ({
    text: `exec: "${program}": ${text}`,
    exitCode,
  });
  if (isErrno(error, "ENOENT")) {
    return said(
      program.includes("/") ? "no such file or directory" : "executable file not found in $PATH",
      127,
    );
  }
  if (isErrno(error, "EACCES") || isErrno(error, "EPERM")) return said("permission denied", 126);
  if (isErrno(error, "ENOEXEC")) return said("exec format error", 126);
  if (isErrno(error, "E2BIG")) return said("argument list too long", 126);
  if (isErrno(error, "ENOTDIR")) return said("not a directory", 127);
  return said(error instanceof Error ? error.message : String(error), 126);
}

function refuseWorkingDir(workingDir: string | undefined): Refusal | undefined {
  if (workingDir === undefined) return undefined;
  const found = statSync(workingDir, { throwIfNoEntry: false });
  const why = found === undefined ? "no such file or directory" : "not a directory";
  return found?.isDirectory() === true
    ? undefined
    : { text: `chdir to "${workingDir}": ${why}`, exitCode: 126 };
}
