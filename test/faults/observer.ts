import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { callEngine } from "../bed/engine.ts";

/** Something that happened to a container of the project, by the engine's own words and clock. */
export interface EngineEvent {
  readonly resource: string;
  readonly action: string;
  readonly exitCode: number | undefined;
  /** Unix time in milliseconds, with fractions. */
  readonly atMs: number;
}

export interface EngineWatch extends AsyncDisposable {
  /** Events so far, all of them or those since the last mark. */
  readonly events: readonly EngineEvent[];
  mark(): void;
  /** Events since the mark, once no further one has come for a moment. */
  settled(): Promise<readonly EngineEvent[]>;
}

const quietMs = 300;

/** Listens to an engine's `/events` without anything of Lash; resolves once the engine has answered. */
export async function watchEngine(socket: string, project: string): Promise<EngineWatch> {
  const all: EngineEvent[] = [];
  let from = 0;
  const filters = encodeURIComponent(JSON.stringify({ type: ["container"] }));
  const call = request({ socketPath: socket, path: `/events?filters=${filters}`, agent: false });
  call.end();
  const [response] = (await once(call, "response")) as [IncomingMessage];
  response.on("error", () => {});
  call.on("error", () => {});
  createInterface({ input: response }).on("line", (line) => {
    const event = parse(line, `${project}.`);
    if (event !== undefined) all.push(event);
  });
  return {
    get events() {
      return all.slice(from);
    },
    mark: () => {
      from = all.length;
    },
    async settled() {
      for (let seen = -1; seen !== all.length; await sleep(quietMs)) seen = all.length;
      return all.slice(from);
    },
    async [Symbol.asyncDispose]() {
      response.destroy();
      call.destroy();
    },
  };
}

interface RawEvent {
  readonly Action: string;
  readonly timeNano: number;
  readonly Actor: { readonly Attributes: Readonly<Record<string, string>> };
}

function parse(line: string, prefix: string): EngineEvent | undefined {
  const raw = JSON.parse(line) as RawEvent;
  const { name = "", exitCode } = raw.Actor.Attributes;
  if (!name.startsWith(prefix)) return undefined;
  return {
    resource: name.slice(prefix.length),
    action: raw.Action,
    exitCode: exitCode === undefined ? undefined : Number(exitCode),
    atMs: raw.timeNano / 1e6,
  };
}

/** When `open-port` in this container says it opened its port, in Unix milliseconds; undefined: it did not. */
export async function openedAt(socket: string, container: string): Promise<number | undefined> {
  const { text } = await callEngine(socket, `/containers/${container}/logs?stdout=1`);
  const found = /opened \d+ (\d+)/.exec(text);
  return found === null ? undefined : Number(found[1]);
}
