import type { ExecOptions, ExecSession } from "../engine/engine.ts";
import { LashError } from "../model/errors.ts";
import type { StackContext } from "./context.ts";
import { engineFor } from "./engines.ts";
import { containerName } from "./names.ts";
import { selectForUp } from "./select.ts";

/** Runs a command inside a resource that runs. */
export async function execIn(
  context: StackContext,
  resource: string,
  options: ExecOptions,
): Promise<ExecSession> {
  const { stack, settings } = context;
  const [target] = selectForUp(stack, { resources: [resource], noDependencies: true });
  const engine = target === undefined ? undefined : engineFor(settings.engines, target.kind);
  const facts = await engine?.inspect(containerName(stack.project, resource), { signal: options.signal });
  if (engine === undefined || facts?.state !== "running") {
    throw new LashError("resource-failed", `Cannot run a command in "${resource}": it does not run`, {
      hint: "Bring it up first: lash up -d",
    });
  }
  return engine.exec(facts.id, options);
}
