import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** A request as it came over the wire, and the status it was answered with; 0: none yet. */
export interface Passed {
  readonly method: string;
  readonly path: string;
  readonly host: string;
  readonly origin: string;
  readonly site: string;
  readonly status: number;
}

/** A port that leads to another one of this machine, byte by byte, and tells what came through. */
export interface WebRelay extends AsyncDisposable {
  readonly port: number;
  /** From now on it leads there, as a name that was bound anew; forgets what came through. */
  lead(port: number): void;
  passed(): readonly Passed[];
}

export async function startWebRelay(): Promise<WebRelay> {
  const open = new Set<Socket>();
  let connections: { asked: string; answered: string }[] = [];
  let target = 0;
  const server = createServer((client) => {
    const upstream = connect(target, "127.0.0.1");
    const texts = { asked: "", answered: "" };
    connections.push(texts);
    client.on("data", (data: Buffer) => {
      texts.asked += data.toString("latin1");
      upstream.write(data);
    });
    upstream.on("data", (data: Buffer) => {
      texts.answered += data.toString("latin1");
      client.write(data);
    });
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      open.add(one);
      one.on("error", () => undefined);
      one.once("end", () => other.end());
      one.once("close", () => {
        open.delete(one);
        other.destroySoon();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const endAll = (): void => {
    for (const socket of open) socket.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    lead(port) {
      target = port;
      connections = [];
      endAll();
    },
    passed: () => connections.flatMap(({ asked, answered }) => read(asked, answered)),
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      endAll();
      await closed;
    },
  };
}

/** Requests and answers of one connection, which come in the same order. A body may end in capitals, and has no line after it. */
function read(asked: string, answered: string): readonly Passed[] {
  const statuses = [...answered.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
  return [...asked.matchAll(/(GET|POST|DELETE|OPTIONS|HEAD) (\S+) HTTP\/1\.1\r\n([\s\S]*?)\r\n\r\n/g)].map(
    ([, method = "", path = "", head = ""], index) => {
      const header = (name: string): string =>
        new RegExp(`^${name}: *(.*?)\\r?$`, "im").exec(head)?.[1] ?? "";
      const [host, origin, site] = [header("host"), header("origin"), header("sec-fetch-site")];
      return { method, path, host, origin, site, status: statuses[index] ?? 0 };
    },
  );
}
