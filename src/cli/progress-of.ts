import type { StackHandle } from "../app/types.ts";
import type { Context } from "./context.ts";
import type { Goal } from "./render/board.ts";
import { openProgress, type ProgressView } from "./render/progress.ts";

export interface ProgressOfOptions {
  /** The command's name. */
  readonly title: string;
  readonly goal: Goal;
  readonly names: readonly string[];
  readonly silent: boolean;
}

/** Shows the handle's events until disposed. `silent` where a command's JSON is one document. */
export function progressOf(context: Context, handle: StackHandle, options: ProgressOfOptions): ProgressView {
  const { output, io, clock } = context;
  if (options.silent) return { show: () => {}, above: (write) => write(), [Symbol.dispose]: () => {} };
  const title = `${options.title} ${handle.stack.project}`;
  const view = openProgress({
    output,
    stderr: io.stderr,
    clock,
    title,
    goal: options.goal,
    names: options.names,
  });
  const end = handle.onEvent(view.show);
  return {
    show: view.show,
    above: view.above,
    [Symbol.dispose]() {
      end();
      view[Symbol.dispose]();
    },
  };
}
