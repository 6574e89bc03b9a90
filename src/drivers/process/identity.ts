import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { constants } from "node:os";

/**
 * A process for good: its number alone is reused by the kernel. On Linux `start` is its start time in clock ticks
 * since boot and `boot` the boot's id; on macOS `start` is what `ps -o lstart=` prints and `boot` is "".
 */
export interface ProcessIdentity {
  readonly pid: number;
  readonly start: string;
  readonly boot: string;
}

/** One line of the process table. */
interface Entry {
  readonly pid: number;
  readonly group: number;
  readonly start: string;
  /** Ended, and only waits for its parent to take note. */
  readonly zombie: boolean;
}

/** Environment variable that names the record of every process we start; its descendants inherit it. */
export const marker = "LASH_PROCESS_ID";

const linux = process.platform === "linux";
let cachedBoot: string | undefined;

/** Of a process that exists, a zombie included. */
export function identityOf(pid: number): ProcessIdentity | undefined {
  const entry = entryOf(pid);
  return entry === undefined ? undefined : { pid, start: entry.start, boot: bootId() };
}

/** Whether exactly this process still runs. */
export function isAlive(identity: ProcessIdentity): boolean {
  if (identity.boot !== bootId()) return false;
  const entry = entryOf(identity.pid);
  return entry !== undefined && !entry.zombie && entry.start === identity.start;
}

/**
 * What still runs of a process and its descendants: its group, and with `marked` also whatever carries the marker, so
 * that a descendant with a session of its own is found too (Linux only). Never this process itself, which carries the
 * marker when a process of ours runs Lash.
 */
export function survivors(
  id: string,
  leader: ProcessIdentity | undefined,
  { marked = true }: { readonly marked?: boolean } = {},
): readonly number[] {
  const table = processTable().filter((entry) => !entry.zombie || entry.pid === leader?.pid);
  const group = leader === undefined ? undefined : groupOf(leader, table);
  return table
    .filter((entry) => !entry.zombie && entry.pid !== process.pid)
    .filter((entry) => entry.group === group || (marked && markerOf(entry.pid) === id))
    .map((entry) => entry.pid);
}

/** A number is not reused while a group has it: a stranger with the leader's number means that the group is gone. */
function groupOf(leader: ProcessIdentity, table: readonly Entry[]): number | undefined {
  if (leader.boot !== bootId()) return undefined;
  const holder = table.find((entry) => entry.pid === leader.pid);
  return holder === undefined || holder.start === leader.start ? leader.pid : undefined;
}

/** The process that was started for a record of which only the intent was written: the first leader of a group. */
export function findMarked(id: string): ProcessIdentity | undefined {
  if (!linux) return undefined;
  const leaders = processTable().filter(
    (entry) => entry.pid === entry.group && !entry.zombie && markerOf(entry.pid) === id,
  );
  const first = leaders.sort((a, b) => Number(a.start) - Number(b.start))[0];
  return first === undefined ? undefined : { pid: first.pid, start: first.start, boot: bootId() };
}

/** Sends a signal to these processes; one that is gone is no error. */
export function signalAll(pids: readonly number[], signalName: NodeJS.Signals): void {
  for (const pid of pids) trySignal(pid, signalName);
}

/** A negative number is a group. False when there is no such process any more. */
export function trySignal(pid: number, signalName: NodeJS.Signals): boolean {
  try {
    process.kill(pid, signalName);
    return true;
  } catch (error) {
    if (isErrno(error, "ESRCH")) return false;
    // A group of zombies on macOS, or a process that took another user's identity: nothing we can end.
    if (isErrno(error, "EPERM")) return false;
    throw error;
  }
}

/** Whether this system knows a signal of that name. */
export function isSignal(name: string): name is NodeJS.Signals {
  return name in constants.signals;
}

/** Whether a thrown value is a system error of this code. */
export function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

function bootId(): string {
  if (!linux) return "";
  cachedBoot ??= readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  return cachedBoot;
}

function markerOf(pid: number): string | undefined {
  if (!linux) return undefined;
  const prefix = `${marker}=`;
  return readOr(`/proc/${pid}/environ`)
    ?.split("\0")
    .find((pair) => pair.startsWith(prefix))
    ?.slice(prefix.length);
}

function entryOf(pid: number): Entry | undefined {
  if (linux) return parseStat(readOr(`/proc/${pid}/stat`));
  return psTable(["-p", String(pid)])[0];
}

function processTable(): readonly Entry[] {
  if (!linux) return psTable(["-A"]);
  const table: Entry[] = [];
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const entry = parseStat(readOr(`/proc/${name}/stat`));
    if (entry !== undefined) table.push(entry);
  }
  return table;
}

/** The command's name in parentheses may itself hold spaces and parentheses: fields count from the last one. */
function parseStat(text: string | undefined): Entry | undefined {
  if (text === undefined) return undefined;
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [state = "", , group = ""] = fields;
  const start = fields[19] ?? "";
  return {
    pid: Number.parseInt(text, 10),
    group: Number(group),
    start,
    zombie: state === "Z" || state === "X",
  };
}

function psTable(selection: readonly string[]): readonly Entry[] {
  let text: string;
  try {
    text = execFileSync("ps", [...selection, "-o", "pid=,pgid=,stat=,lstart="], { encoding: "utf8" });
  } catch {
    // ps exits with 1 when there is no such process.
    return [];
  }
  return text
    .split("\n")
    .map((line) => /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.+?)\s*$/.exec(line))
    .filter((match) => match !== null)
    .map(([, pid = "", group = "", state = "", start = ""]) => ({
      pid: Number(pid),
      group: Number(group),
      start,
      zombie: state.startsWith("Z"),
    }));
}

function readOr(path: string): string | undefined {
  try {
    return readFileSync(path, "latin1");
  } catch {
    // Gone in between, or not ours to read.
    return undefined;
  }
}
