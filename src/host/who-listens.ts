import { execFile } from "node:child_process";
import { readdirSync, readlinkSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { setImmediate } from "node:timers/promises";
import { abortable, deadlineSignal } from "../async/signals.ts";
import type { PortHolder } from "../recovery/port-holder.ts";
import { isEngineProxy } from "./engine-proxies.ts";
import { type Listener, pickListener } from "./listener.ts";
import { parseLsof } from "./lsof.ts";
import { parseProcNet, reservedRange } from "./proc-net.ts";

/** Looking must not hold up an answer: what is not found by then is not known. */
const lookTimeoutMs = 3000;

export interface WantedPort {
  readonly number: number;
  readonly protocol: "tcp" | "udp" | "sctp";
  /** "" for every address. */
  readonly address: string;
}

/** Who on this machine has a port. Looks and touches nothing. Rejects only with the signal's reason. */
export async function whoListens(
  port: WantedPort,
  { signal }: { readonly signal: AbortSignal },
): Promise<PortHolder> {
  using deadline = deadlineSignal(signal, lookTimeoutMs, () => new Error("the look took too long"));
  try {
    const seen = await findListeners(port, deadline);
    if (seen.listeners === undefined) return { type: "unknown", because: seen.because };
    const listener = pickListener(seen.listeners, port.address);
    if (listener === undefined) return (await reservation(port, deadline)) ?? unheld(port);
    return holderFrom(listener, await ownerOf(listener, deadline));
  } catch (error) {
    signal.throwIfAborted();
    return { type: "unknown", because: error instanceof Error ? error.message : String(error) };
  }
}

function unheld({ number, protocol }: WantedPort): PortHolder {
  return {
    type: "unknown",
    because: `nothing that can be seen on this machine listens on ${number}/${protocol}`,
  };
}

function holderFrom(
  { address }: Listener,
  owner: { readonly pid: number; readonly name: string } | undefined,
): PortHolder {
  if (owner === undefined) return { type: "process", pid: undefined, name: undefined, address };
  return isEngineProxy(owner.name)
    ? { type: "other-engine", ...owner }
    : { type: "process", ...owner, address };
}

type Look = { readonly signal: AbortSignal };

/** Sockets of this machine that wait on a port; `listeners` is undefined where they cannot be seen, `because` says why. */
export async function findListeners(
  port: WantedPort,
  { signal }: Look,
): Promise<{ readonly listeners: readonly Listener[] | undefined; readonly because: string }> {
  const { protocol, number } = port;
  if (protocol === "sctp") return { listeners: undefined, because: "sockets of SCTP are not listed" };
  switch (process.platform) {
    case "linux":
      return await fromProc({ protocol, number }, signal);
    case "darwin":
      return await fromLsof({ protocol, number }, signal);
    default:
      return { listeners: undefined, because: `sockets cannot be listed on ${process.platform}` };
  }
}

interface Asked {
  readonly protocol: "tcp" | "udp";
  readonly number: number;
}

async function fromProc({ protocol, number }: Asked, signal: AbortSignal): ReturnType<typeof findListeners> {
  const tables = await Promise.all(
    [protocol, `${protocol}6`].map(async (table) => await readText(`/proc/net/${table}`, signal)),
  );
  const readable = tables.filter((table) => table !== undefined);
  if (readable.length === 0) return { listeners: undefined, because: "/proc/net cannot be read" };
  return { listeners: readable.flatMap((table) => parseProcNet(table, protocol, number)), because: "" };
}

/** Full names (+c 0), numbers only (-nP), a field a line (-F). */
async function fromLsof({ protocol, number }: Asked, signal: AbortSignal): ReturnType<typeof findListeners> {
  const which = protocol === "tcp" ? [`-iTCP:${number}`, "-sTCP:LISTEN"] : [`-iUDP:${number}`];
  const output = await new Promise<string | undefined>((resolve) => {
    // It exits with 1 when it finds nothing, and prints nothing then.
    execFile("lsof", ["+c", "0", "-nP", ...which, "-Fpcn"], { signal }, (error, stdout) => {
      resolve(error !== null && (error.code === "ENOENT" || error.killed === true) ? undefined : stdout);
    });
  });
  signal.throwIfAborted();
  if (output === undefined) return { listeners: undefined, because: "lsof cannot be run" };
  return { listeners: parseLsof(output, protocol, number), because: "" };
}

async function reservation({ number }: WantedPort, { signal }: Look): Promise<PortHolder | undefined> {
  const text = await readText("/proc/sys/net/ipv4/ip_local_reserved_ports", signal);
  const range = text === undefined ? undefined : reservedRange(text, number);
  return range === undefined ? undefined : { type: "reserved", range };
}

async function ownerOf(
  { pid, name, inode }: Listener,
  { signal }: Look,
): Promise<{ readonly pid: number; readonly name: string } | undefined> {
  if (pid !== undefined) return { pid, name: name ?? "" };
  if (inode === undefined || inode === "0") return undefined;
  const found = await processOfSocket(inode, signal);
  return found === undefined ? undefined : { pid: found, name: await nameOf(found, signal) };
}

/** How long the links are read without a pause for others. */
const sliceMs = 5;

/**
 * The lowest pid that has the socket: children inherit it from whoever opened it. Read in place: what is in /proc never
 * waits for a disk, and a promise for each of some ten thousand links costs several times the reading.
 */
async function processOfSocket(inode: string, signal: AbortSignal): Promise<number | undefined> {
  const wanted = `socket:[${inode}]`;
  const pids = namesIn("/proc")
    .map(Number)
    .filter(Number.isInteger)
    .toSorted((a, b) => a - b);
  let begun = performance.now();
  for (const pid of pids) {
    if (hasSocket(pid, wanted)) return pid;
    if (performance.now() - begun < sliceMs) continue;
    await setImmediate();
    signal.throwIfAborted();
    begun = performance.now();
  }
  return undefined;
}

function hasSocket(pid: number, wanted: string): boolean {
  const folder = `/proc/${pid}/fd`;
  return namesIn(folder).some((name) => {
    try {
      return readlinkSync(`${folder}/${name}`) === wanted;
    } catch {
      return false;
    }
  });
}

/** Empty for a process that is gone meanwhile, or somebody else's. */
function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** The program's name: of its command line the first word alone, the others may hold secrets. */
async function nameOf(pid: number, signal: AbortSignal): Promise<string> {
  const [program = ""] = ((await readText(`/proc/${pid}/cmdline`, signal)) ?? "").split("\0");
  if (/^[^\s:]+$/.test(program)) return basename(program);
  return ((await readText(`/proc/${pid}/comm`, signal)) ?? "").trim();
}

async function readText(path: string, signal: AbortSignal): Promise<string | undefined> {
  return await abortable(
    readFile(path, "utf8").catch(() => undefined),
    signal,
  );
}
