import type { CommandSpec } from "../command.ts";
import { bashScript } from "./bash.ts";
import { fishScript } from "./fish.ts";
import { completables } from "./model.ts";
import { zshScript } from "./zsh.ts";

const shells = { bash: bashScript, zsh: zshScript, fish: fishScript } as const;

export type Shell = keyof typeof shells;

export function isShell(text: string): text is Shell {
  return Object.hasOwn(shells, text);
}

/** The script that makes a shell complete `lash`, generated from the command table. */
export function completionScript(shell: Shell, commands: readonly CommandSpec[]): string {
  return shells[shell](completables(commands));
}
