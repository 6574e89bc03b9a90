import { createServer, type Server } from "node:net";
import type { MemoryEngine } from "../../src/drivers/memory/memory-engine.ts";
import type { Engine } from "../../src/engine/engine.ts";
import { LashError } from "../../src/model/errors.ts";

/** Listens on a port of the system's choice; ends with its scope. */
export async function takePort(): Promise<AsyncDisposable & { readonly number: number }> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  return {
    number: typeof address === "object" && address !== null ? address.port : 0,
    [Symbol.asyncDispose]: async () => await closed(server),
  };
}

async function closed(server: Server): Promise<void> {
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  await using port = await takePort();
  return port.number;
}

/** Host ports of every container that was made through this, by its id. */
const wantedPorts = new WeakMap<MemoryEngine, Map<string, readonly (number | undefined)[]>>();

/**
 * The memory engine as one of this machine: it refuses to start what publishes one of `taken`, in moby's words, and says
 * that it is behind a socket file.
 */
export function withTakenPorts(taken: ReadonlySet<number>, replaced: Partial<Engine> = {}) {
  return (engine: MemoryEngine): Engine => {
    const wanted = wantedPorts.get(engine) ?? new Map<string, readonly (number | undefined)[]>();
    wantedPorts.set(engine, wanted);
    const own: Partial<Engine> = {
      info: async (options) => ({
        ...(await engine.info(options)),
        endpoint: "unix:///run/test.sock",
        host: { name: "another", dataFolder: "", rootless: false, addressPools: undefined },
      }),
      async create(spec, options) {
        const created = await engine.create(spec, options);
        wanted.set(
          created.id,
          (spec.ports ?? []).map(({ hostPort }) => hostPort),
        );
        return created;
      },
      async start(id, options) {
        const port = wanted.get(id)?.find((each) => each !== undefined && taken.has(each));
        if (port === undefined) return await engine.start(id, options);
        const message = `driver failed programming external connectivity on endpoint shop.x (${"a".repeat(64)}): Bind for 127.0.0.1:${port} failed: port is already allocated`;
        throw new LashError("engine-refused", `Cannot start container "${id}": ${message}`, {
          data: { status: 500, message },
        });
      },
      ...replaced,
    };
    return new Proxy<Engine>(engine, {
      get(target, name) {
        const value: unknown = Reflect.get(own, name) ?? Reflect.get(target, name);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
  };
}
