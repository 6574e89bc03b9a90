import { once } from "node:events";
import { createServer } from "node:net";
import { baseImage } from "./bench-bed.ts";
import type { EngineClient } from "./engine-client.ts";

/** Makes a host port taken by a process: this one. */
export async function holdByProcess(port: number): Promise<AsyncDisposable> {
  const server = createServer((socket) => socket.end());
  server.listen({ host: "0.0.0.0", port });
  await once(server, "listening");
  return { [Symbol.asyncDispose]: () => new Promise((resolve) => void server.close(() => resolve())) };
}

/** Makes a host port taken by a container that is not of any stack. */
export async function holdByContainer(client: EngineClient, port: number): Promise<AsyncDisposable> {
  const { Id: id } = await client.call<{ Id: string }>("POST", "/containers/create", {
    Image: baseImage,
    Cmd: ["open-port", "80"],
    ExposedPorts: { "80/tcp": {} },
    HostConfig: { PortBindings: { "80/tcp": [{ HostPort: String(port) }] } },
  });
  const remove = async (): Promise<void> =>
    void (await client.text("DELETE", `/containers/${id}?force=1&v=1`));
  try {
    await client.text("POST", `/containers/${id}/start`);
  } catch (error) {
    await remove();
    throw error;
  }
  return { [Symbol.asyncDispose]: remove };
}
