import { type AddressInfo, connect, createServer, type Socket } from "node:net";

export interface CutProxy extends AsyncDisposable {
  readonly url: string;
  /** Heads of the requests seen, in order. */
  readonly requests: readonly string[];
  /** The next answers are cut: each connection after so many bytes of answer. */
  cutNext(times: number, afterBytes?: number): void;
  /** Ends every connection that is open. */
  cutAll(): void;
}

/** A TCP proxy to a runner that cuts connections when it is told to. */
export async function startCutProxy(target: string): Promise<CutProxy> {
  const { hostname, port } = new URL(target);
  const requests: string[] = [];
  const open = new Set<Socket>();
  let cuts = 0;
  let after = 0;
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    for (const socket of [client, upstream]) {
      open.add(socket);
      socket.on("error", () => {});
      socket.once("close", () => {
        open.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    client.on("data", (data: Buffer) => {
      const text = data.toString("latin1");
      if (/^(?:GET|POST|DELETE) /.test(text)) requests.push(text.split("\r\n\r\n")[0] ?? "");
      upstream.write(data);
    });
    let passed = 0;
    upstream.on("data", (data: Buffer) => {
      if (cuts > 0 && passed + data.length > after) {
        cuts -= 1;
        client.write(data.subarray(0, Math.max(0, after - passed)), () => client.destroy());
        return;
      }
      passed += data.length;
      client.write(data);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const cutAll = (): void => {
    for (const socket of open) socket.destroy();
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    cutNext(times, afterBytes = 0) {
      cuts = times;
      after = afterBytes;
    },
    cutAll,
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      cutAll();
      await closed;
    },
  };
}
