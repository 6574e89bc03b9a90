import { adviceFor } from "../../recovery/advice.ts";
import type { Failure } from "../../recovery/failure.ts";
import type { PortHolder } from "../../recovery/port-holder.ts";
import type { StackContext } from "../context.ts";
import { holderOf } from "../port-holder.ts";
import { sameHost } from "../same-host.ts";

/** Looking for who has a port must not hold up the report. */
const lookTimeoutMs = 3000;

/** The failure with who has the port and what a person can do. Looks, and changes nothing. */
export async function explainFailure(context: StackContext, failure: Failure): Promise<Failure> {
  if (failure.advice !== undefined) return failure;
  const holder = await findHolder(context, failure);
  const found = holder === undefined ? failure : { ...failure, holder };
  return { ...found, advice: adviceFor(found) };
}

async function findHolder(
  context: StackContext,
  { code, details }: Failure,
): Promise<PortHolder | undefined> {
  const engine = context.settings.engines.container;
  const port = details?.port;
  if (engine === undefined || port === undefined) return undefined;
  if (code !== "port-in-use" && code !== "port-binding-failed") return undefined;
  const signal = AbortSignal.timeout(lookTimeoutMs);
  try {
    const host = await sameHost(await context.infoOf(engine, signal), { signal, taken: port });
    return await holderOf(engine, port, { signal, project: context.stack.project, sameHost: host });
  } catch {
    return { type: "unknown", because: "looking for it failed" };
  }
}
