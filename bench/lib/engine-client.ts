import { Agent, type IncomingMessage, request } from "node:http";

/** The least there is between a benchmark and an engine: node:http with connections kept open. */
export interface EngineClient extends Disposable {
  /** Parsed answer; rejects with the engine's words on a status of 400 and above. */
  readonly call: <T>(method: string, path: string, body?: unknown) => Promise<T>;
  /** The answer as text, of whatever type. */
  readonly text: (method: string, path: string, body?: unknown) => Promise<string>;
}

/** Longest that one call may take; `wait` on a task is the longest of all. */
const timeoutMs = 120_000;

export function createEngineClient(socketPath: string): EngineClient {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const text: EngineClient["text"] = async (method, path, body) => {
    const payload = body === undefined ? undefined : JSON.stringify(body);
    const headers =
      payload === undefined
        ? {}
        : { "content-type": "application/json", "content-length": Buffer.byteLength(payload) };
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const call = request({ socketPath, agent, method, path, headers, timeout: timeoutMs }, resolve);
      call.once("error", reject);
      call.once("timeout", () => call.destroy(new Error(`Cannot finish ${method} ${path}: no answer`)));
      call.end(payload);
    });
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    const answer = Buffer.concat(chunks).toString();
    const status = response.statusCode ?? 0;
    if (status >= 400) throw new Error(`Cannot do ${method} ${path}: ${status} ${answer.trim()}`);
    return answer;
  };
  return {
    text,
    async call<T>(method: string, path: string, body?: unknown): Promise<T> {
      const answer = await text(method, path, body);
      return (answer === "" ? undefined : JSON.parse(answer)) as T;
    },
    [Symbol.dispose]: () => agent.destroy(),
  };
}
