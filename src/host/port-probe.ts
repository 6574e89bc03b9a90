import { createSocket } from "node:dgram";
import { createServer, isIPv6 } from "node:net";
import { networkInterfaces } from "node:os";
import { abortable, deadlineSignal } from "../async/signals.ts";

/** What an attempt to bind said. */
export type BindAnswer =
  | "free"
  | "in-use"
  /** Not allowed to us: says nothing of whether somebody has it. */
  | "denied"
  | "no-such-address"
  /** This machine does not have the family, so nobody can be in the way there. */
  | "no-such-family"
  /** The address asked for belongs to the other family alone. */
  | "not-asked"
  /** It cannot be found out here. */
  | "unknown";

export interface PortProbe {
  /** Nobody is in the way, in every family that was asked. */
  readonly free: boolean;
  readonly ipv4: BindAnswer;
  readonly ipv6: BindAnswer;
}

export interface ProbedPort {
  readonly number: number;
  readonly protocol: "tcp" | "udp" | "sctp";
  /** Default, and for an address that means every one: the wildcards of both families. */
  readonly address?: string | undefined;
}

/** Binding takes well under a millisecond; this is for a machine that does not answer at all. */
const probeTimeoutMs = 2000;

/**
 * Whether a port of this machine is free, found out by binding it and closing at once. A wildcard or loopback address
 * asks for both families: a server on ::1 alone answers whoever opens "localhost". Any other asks for itself alone.
 */
export async function probePort(
  { number, protocol, address = "" }: ProbedPort,
  { signal }: { readonly signal: AbortSignal },
): Promise<PortProbe> {
  const { ipv4, ipv6 } = addressesToBind(address);
  const bind = async (hosts: readonly Host[] | undefined): Promise<BindAnswer> =>
    hosts === undefined ? "not-asked" : worst(await Promise.all(hosts.map((host) => bindOnce(host))));
  const bindOnce = async (host: Host): Promise<BindAnswer> => {
    if (protocol === "sctp") return "unknown";
    const code = await (protocol === "tcp" ? bindTcp(host, number) : bindUdp(host, number));
    return answerOf(code, host);
  };
  using deadline = deadlineSignal(signal, probeTimeoutMs, () => new Error("no answer"));
  try {
    const work = Promise.all([bind(ipv4), bind(ipv6)]);
    const [first, second] = await abortable(work, deadline.signal);
    return { ipv4: first, ipv6: second, free: isFree([first, second]) };
  } catch {
    signal.throwIfAborted();
    return { ipv4: "unknown", ipv6: "unknown", free: false };
  }
}

function isFree(answers: readonly BindAnswer[]): boolean {
  const harmless = answers.every((each) => ["free", "no-such-family", "not-asked"].includes(each));
  return harmless && answers.includes("free");
}

/** From the one that matters most to the one that matters least. */
const byWeight: readonly BindAnswer[] = [
  "in-use",
  "no-such-address",
  "denied",
  "unknown",
  "free",
  "no-such-family",
];

function worst(answers: readonly BindAnswer[]): BindAnswer {
  return byWeight.find((each) => answers.includes(each)) ?? "unknown";
}

interface Host {
  readonly address: string;
  /** Not what was asked for, but where somebody could be in the way as well: it need not exist. */
  readonly companion: boolean;
}

/** What is bound for an address, by family. Pure but for the addresses of this machine. */
function addressesToBind(address: string): {
  readonly ipv4: readonly Host[] | undefined;
  readonly ipv6: readonly Host[] | undefined;
} {
  if (address === "" || address === "0.0.0.0" || address === "::") {
    const own = ownAddresses();
    return {
      ipv4: [asked("0.0.0.0", address === "::"), ...own.filter((each) => !isIPv6(each)).map(companion)],
      ipv6: [asked("::", address !== "::"), ...own.filter((each) => isIPv6(each)).map(companion)],
    };
  }
  if (address === "127.0.0.1" || address === "::1") {
    return { ipv4: [asked("127.0.0.1", address === "::1")], ipv6: [asked("::1", address === "127.0.0.1")] };
  }
  return isIPv6(address)
    ? { ipv4: undefined, ipv6: [asked(address, false)] }
    : { ipv4: [asked(address, false)], ipv6: undefined };
}

function asked(address: string, companion: boolean): Host {
  return { address, companion };
}

function companion(address: string): Host {
  return { address, companion: true };
}

/**
 * Where binding the wildcard does not tell of a listener on one address: libuv sets SO_REUSEADDR on every TCP socket,
 * with which BSD, and so macOS, lets both be. Linux does not, once one of them listens.
 */
function ownAddresses(): readonly string[] {
  if (process.platform !== "darwin") return [];
  return Object.values(networkInterfaces()).flatMap((found) =>
    (found ?? [])
      .map(({ address, scopeid }) => (scopeid ? undefined : address))
      .filter((each) => each !== undefined),
  );
}

function answerOf(code: string | undefined, { companion: isCompanion }: Host): BindAnswer {
  switch (code) {
    case undefined:
      return "free";
    case "EADDRINUSE":
      return "in-use";
    case "EACCES":
    case "EPERM":
      return "denied";
    case "EADDRNOTAVAIL":
    case "EINVAL":
    case "ENOTFOUND":
      return isCompanion ? "no-such-family" : "no-such-address";
    case "EAFNOSUPPORT":
    case "EPROTONOSUPPORT":
      return "no-such-family";
    default:
      return "unknown";
  }
}

/** Resolves with Node's code of the refusal, undefined when it was bound. */
async function bindTcp({ address }: Host, port: number): Promise<string | undefined> {
  return await new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy());
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? "unknown"));
    // Each family by itself: a dual-stack socket would not tell which one is taken.
    server.listen({ host: address, port, exclusive: true, ipv6Only: isIPv6(address) }, () => {
      server.close(() => resolve(undefined));
    });
  });
}

async function bindUdp({ address }: Host, port: number): Promise<string | undefined> {
  return await new Promise((resolve) => {
    const ipv6 = isIPv6(address);
    const socket = createSocket({ type: ipv6 ? "udp6" : "udp4", ipv6Only: ipv6, reuseAddr: false });
    socket.once("error", (error: NodeJS.ErrnoException) => {
      socket.close();
      resolve(error.code ?? "unknown");
    });
    socket.bind({ address, port, exclusive: true }, () => {
      socket.close(() => resolve(undefined));
    });
  });
}
