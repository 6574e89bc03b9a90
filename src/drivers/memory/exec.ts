import type { ExecOptions, ExecSession } from "../../engine/engine.ts";
import { LashError } from "../../model/errors.ts";
import { Channel } from "./channel.ts";
import type { MemoryContainer, Run } from "./container.ts";
import type { ContainerScript } from "./script.ts";

type Output = { readonly stream: "stdout" | "stderr"; readonly data: Uint8Array };

/** Runs a scripted command inside a running container. */
export function openExec(
  container: MemoryContainer,
  run: Run,
  script: ContainerScript,
  options: ExecOptions,
): ExecSession {
  const output = new Channel<Output>();
  const input = new Channel<Uint8Array>();
  const life = new AbortController();
  const closed = new Promise<number>((resolve) => {
    life.signal.addEventListener("abort", () => resolve(137), { once: true });
  });
  const onAbort = (): void => life.abort();
  options.signal.addEventListener("abort", onAbort, { once: true });
  container.execs.add(life);
  if (options.stdin !== true) input.end();

  const handler = script.exec ?? ((call): number => (call.ready ? 0 : 1));
  const exitCode = (async (): Promise<number> => {
    try {
      const work = handler({
        spec: container.spec,
        run: run.number,
        files: container.files,
        command: options.command,
        env: { ...container.spec.env, ...options.env },
        user: options.user ?? container.spec.user,
        workingDir: options.workingDir ?? container.spec.workingDir,
        ready: run.ready,
        input,
        signal: life.signal,
        write: (data, stream = "stdout") =>
          output.push({
            stream: options.tty === true ? "stdout" : stream,
            data: typeof data === "string" ? new TextEncoder().encode(data) : data,
          }),
      });
      return await Promise.race([work, closed]);
    } finally {
      options.signal.removeEventListener("abort", onAbort);
      container.execs.delete(life);
      input.end();
      output.end();
    }
  })();
  exitCode.catch(() => undefined);

  return {
    output,
    exitCode,
    async write(data) {
      if (options.stdin !== true) {
        throw new LashError(
          "engine-refused",
          `Cannot write to the command in "${container.name}": no input attached`,
        );
      }
      input.push(data);
    },
    async endInput() {
      input.end();
    },
    async resize() {
      // Nothing scripted draws.
    },
    async [Symbol.asyncDispose]() {
      life.abort();
      await exitCode.catch(() => undefined);
    },
  };
}
