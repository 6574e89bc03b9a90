import type { ExecSession } from "../../app/types.ts";
import { LashError } from "../../model/errors.ts";
import type { InputOf } from "../command.ts";
import type { execCommand } from "../commands/exec.ts";
import type { Context } from "../context.ts";
import { knownResources } from "../resource-names.ts";
import { openNamedStack } from "../stack-source.ts";
import { attachTerminal } from "../terminal.ts";

export async function exec(context: Context, input: InputOf<typeof execCommand>): Promise<number> {
  const { io, signal } = context;
  const { options } = input;
  const [resource = "", ...command] = input.arguments;
  await using handle = await openNamedStack(context);
  knownResources(handle.stack, [resource]);
  const tty = !options.noTty && io.stdin.isTTY && io.stdout.isTTY;
  await using session = await handle.exec(resource, {
    signal,
    command,
    env: variables(options.env, io.env),
    user: options.user,
    workingDir: options.workingDir,
    tty,
    stdin: true,
  });
  using _attached = attachTerminal(io, session, { tty });
  await copyOutput(context, session);
  return await session.exitCode;
}

async function copyOutput({ io, output }: Context, session: ExecSession): Promise<void> {
  for await (const { stream, data } of session.output) {
    if (stream === "stdout") await output.data(data);
    else io.stderr.write(data);
  }
}

/** `NAME=value`, or `NAME` for its value here. */
function variables(written: readonly string[], env: NodeJS.ProcessEnv): Readonly<Record<string, string>> {
  const pairs = written.map((each): readonly [string, string] => {
    const at = each.indexOf("=");
    const name = at === -1 ? each : each.slice(0, at);
    if (name === "")
      throw new LashError("usage", `Cannot read --env: expected "NAME=value", found "${each}"`);
    return [name, at === -1 ? (env[name] ?? "") : each.slice(at + 1)];
  });
  return Object.fromEntries(pairs);
}
