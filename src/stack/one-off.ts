import { randomBytes } from "node:crypto";
import type { LogEntry } from "../engine/facts.ts";
import { LashError } from "../model/errors.ts";
import { label } from "../model/labels.ts";
import type { Resource } from "../model/stack.ts";
import type { StackContext } from "./context.ts";
import { engineForWork } from "./engines.ts";
import { containerName } from "./names.ts";
import { resolve } from "./resolve.ts";

/**
 * Runs another command in a new container (or process) like that of a resource: same image, environment, mounts and
 * network, but no published ports, no health check, no restart and no network alias. Removed when it ended or on abort.
 */
export async function runOneOff(
  context: StackContext,
  resource: Resource,
  options: {
    readonly signal: AbortSignal;
    readonly command: readonly string[] | undefined;
    readonly onOutput: (entry: LogEntry) => void;
  },
): Promise<number> {
  const { stack, settings, mask } = context;
  const resolution = resolve(context, resource);
  if (resolution.type === "deferred") {
    throw new LashError(
      "resource-failed",
      `Cannot run "${resource.name}": "${resolution.on.name}" does not run`,
      {
        hint: `Bring it up first: lash up -d ${resolution.on.name}`,
      },
    );
  }
  const engine = engineForWork(settings.engines, resolution.resolved.work.type);
  if (engine === undefined || resolution.built === undefined) {
    throw new LashError("usage", `Cannot run a command in "${resource.name}": it is external`);
  }
  const { spec } = resolution.built;
  const name = `${containerName(stack.project, resource.name)}.run-${randomBytes(4).toString("hex")}`;
  const unhurried = new AbortController().signal;
  const { id } = await engine.create(
    {
      ...spec,
      name,
      env: resource.kind === "process" ? { ...settings.environment, ...spec.env } : spec.env,
      labels: { ...spec.labels, [label.oneOff]: "true" },
      command: options.command ?? spec.command,
      hostname: undefined,
      ports: spec.ports?.map((port) => ({ ...port, hostPort: undefined })),
      networks: spec.networks?.map((network) => ({ ...network, aliases: [] })),
      healthcheck: undefined,
      restart: undefined,
    },
    { signal: unhurried },
  );
  try {
    options.signal.throwIfAborted();
    await engine.start(id, { signal: unhurried });
    for await (const entry of engine.logs(id, { follow: true, signal: options.signal })) {
      options.onOutput({ ...entry, text: mask(entry.text) });
    }
    const { exitCode } = await engine.wait(id, { signal: options.signal });
    return exitCode ?? 1;
  } finally {
    await engine.remove(id, { signal: unhurried });
  }
}
