import type { ExecSession } from "../app/types.ts";
import type { Io } from "./context.ts";

/**
 * Passes standard input on to a session, with a tty raw and with the terminal's size. Dispose it to give the terminal
 * back as it was.
 */
export function attachTerminal(
  io: Pick<Io, "stdin" | "stdout">,
  session: ExecSession,
  { tty }: { readonly tty: boolean },
): Disposable {
  const { stdin, stdout } = io;
  // A session that has ended refuses input; its exit code says all there is to say.
  const ignore = (): void => {};
  const onData = (data: Buffer): void => {
    stdin.pause();
    session.write(data).then(() => stdin.resume(), ignore);
  };
  const onEnd = (): void => void session.endInput().catch(ignore);
  const onResize = (): void => void session.resize(stdout.columns, stdout.rows).catch(ignore);
  const restore = (): void => {
    if (tty) stdin.setRawMode(false);
  };
  if (tty) {
    stdin.setRawMode(true);
    process.once("exit", restore);
    stdout.on("resize", onResize);
    onResize();
  }
  stdin.on("data", onData);
  stdin.once("end", onEnd);
  return {
    [Symbol.dispose]() {
      stdin.off("data", onData);
      stdin.off("end", onEnd);
      stdout.off("resize", onResize);
      process.off("exit", restore);
      restore();
      stdin.pause();
      // A pipe that nobody ends would keep the process alive; a file, /dev/null too, cannot and has no such method.
      if ("unref" in stdin) stdin.unref();
    },
  };
}
