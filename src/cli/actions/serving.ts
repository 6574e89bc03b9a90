import { LashError } from "../../model/errors.ts";
import type { InputOf } from "../command.ts";
import type { serverCommand } from "../commands/serving.ts";
import type { Context } from "../context.ts";

/** Runs the server until a signal, which is its proper end: exit code 0. Standard output is its log. */
export async function server(
  { app, io, signal }: Context,
  { options }: InputOf<typeof serverCommand>,
): Promise<number> {
  const { host, port, data, stacks, serverName } = options;
  if (port !== undefined && port > 65_535) {
    throw new LashError("usage", `Cannot use --port: expected a number from 0 to 65535, found ${port}`);
  }
  await app.serveServer({ environment: io.env, signal, host, port, data, stacks, name: serverName });
  return 0;
}

export async function runner({ app, io, signal }: Context): Promise<number> {
  await app.serveRunner({ environment: io.env, signal });
  return 0;
}
