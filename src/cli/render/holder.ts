import type { Failure, PortHolder } from "../../app/types.ts";
import { plain } from "./text.ts";

/** Who has a port, to be put after "host port 8080/tcp, wanted by "api", ". */
export function holderText(holder: PortHolder): string {
  switch (holder.type) {
    case "container":
      return `is published by container "${holder.container}"${origin(holder)}`;
    case "process":
      return `is in use by ${processText(holder)}`;
    case "other-engine":
      return `is published by another engine of this host (process "${holder.name}", pid ${holder.pid})`;
    case "reserved":
      return `lies in the range ${holder.range}, which the system keeps for itself`;
    case "unknown":
      return `is in use, by whom is unknown: ${holder.because}`;
  }
}

/** What happened, in one sentence: with the holder of the port where that was looked up. */
export function failureText({ code, details, holder, message, subject }: Failure): string {
  const port = details?.port;
  if (port === undefined || holder === undefined || !aboutPorts.has(code)) return plain(message);
  const wanted = subject === "" ? "" : ` wanted by "${subject}",`;
  return plain(`host port ${portText(port)},${wanted} ${holderText(holder)}`);
}

const aboutPorts: ReadonlySet<Failure["code"]> = new Set([
  "port-in-use",
  "port-binding-failed",
  "port-reserved",
]);

type Container = Extract<PortHolder, { readonly type: "container" }>;

function origin({ by, project, file, ours }: Container): string {
  if (ours) return " of this stack";
  const from = file === undefined ? "" : `started from ${file.includes("/") ? "" : "its "}${file}`;
  if (project === undefined) return from === "" ? "" : ` (${from})`;
  const kind = by === "compose" ? "compose project" : "project";
  return ` (${kind} "${project}"${from === "" ? "" : `, ${from}`})`;
}

type Process = Extract<PortHolder, { readonly type: "process" }>;

function processText({ pid, name, address }: Process): string {
  const at = address === "" ? "" : `listens on ${address}`;
  if (pid === undefined && name === undefined) {
    return `a process that only its owner or root may see${at === "" ? "" : ` (it ${at})`}`;
  }
  const facts = [pid === undefined ? "" : `pid ${pid}`, at].filter((each) => each !== "").join(", ");
  return `process${name === undefined ? "" : ` "${name}"`}${facts === "" ? "" : ` (${facts})`}`;
}

type Port = NonNullable<NonNullable<Failure["details"]>["port"]>;

/** "8080/tcp", with its address where it is not every address. */
export function portText({ address, number, protocol }: Port): string {
  const every = address === "" || address === "0.0.0.0" || address === "::";
  const host = address.includes(":") ? `[${address}]` : address;
  return `${every ? "" : `${host}:`}${number}/${protocol}`;
}
