// Loaded into the measured command with --import: writes down when it asked the engine what, when the answer came, and
// when it told an event of a recovery, by the command's own clock. Writes its file when the command ends.
import { subscribe } from "node:diagnostics_channel";
import { writeFileSync } from "node:fs";
import type { ClientRequest, IncomingMessage } from "node:http";
import type { Moment, MomentBody } from "./call-record.ts";

const file = process.env.LASH_BENCH_PROBE;
/** What an answer that comes in pieces is searched for. */
const words = ["die", "errorDetail"] as const;
const told = /"type":"(failure_detected|repair_started|recovered|recovery_ended)"/;

if (file !== undefined) {
  const moments: Moment[] = [];
  const calls = new WeakMap<ClientRequest, number>();
  let count = 0;
  const note = (body: MomentBody): void => {
    const at = performance.now();
    const { user, system } = process.threadCpuUsage();
    const { idle: idleMs } = performance.eventLoopUtilization();
    moments.push({ at, idleMs, processorMs: (user + system) / 1000, ...body });
  };
  subscribe("http.client.request.created", (message) => {
    const { request } = message as { readonly request: ClientRequest };
    count += 1;
    calls.set(request, count);
    note({ what: "asked", call: count, method: request.method, path: request.path });
  });
  subscribe("http.client.response.finish", (message) => {
    const { request, response } = message as {
      readonly request: ClientRequest;
      readonly response: IncomingMessage;
    };
    const call = calls.get(request) ?? 0;
    note({ what: "answered", call, status: response.statusCode ?? 0 });
    response.once("close", () => note({ what: "done", call }));
    // Node's parser hands over each piece of the body by it; a listener would make the body flow.
    const push = response.push.bind(response);
    response.push = (chunk: Buffer | null, encoding?: BufferEncoding) => {
      if (chunk === null) note({ what: "done", call });
      else {
        const word = words.find((each) => chunk.includes(`"${each}"`));
        if (word !== undefined) note({ what: "word", call, word });
      }
      return push(chunk, encoding);
    };
  });
  process.stdout.write = new Proxy(process.stdout.write.bind(process.stdout), {
    apply(write, _self, args) {
      const result: unknown = Reflect.apply(write, undefined, args);
      const found = told.exec(String(args[0]));
      if (found !== null) note({ what: "told", event: found[1] ?? "" });
      return result;
    },
  });
  process.once("exit", () => writeFileSync(file, JSON.stringify(moments)));
}
