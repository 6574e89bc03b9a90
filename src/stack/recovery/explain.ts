import { deadlineSignal } from "../../async/signals.ts";
import { adviceFor } from "../../recovery/advice.ts";
import type { Failure } from "../../recovery/failure.ts";
import type { PortHolder } from "../../recovery/port-holder.ts";
import type { StackContext } from "../context.ts";
import { holderOf } from "../port-holder.ts";
import { sameHost } from "../same-host.ts";
import { publishedPorts } from "./published-ports.ts";

/** Looking for who has a port must not hold up the report. */
const lookTimeoutMs = 3000;

/** The failure with who has the port and what a person can do. Looks, and changes nothing. */
export async function explainFailure(
  context: StackContext,
  failure: Failure,
  ended: AbortSignal,
): Promise<Failure> {
  if (failure.advice !== undefined) return failure;
  const known = withProtocol(context, failure);
  const holder = await findHolder(context, known, ended);
  const found = holder === undefined ? known : { ...known, holder };
  return { ...found, advice: adviceFor(found) };
}

/** "Bind for 127.0.0.1:53 failed" names no protocol: it is one of those that the resource publishes the port with. */
function withProtocol(context: StackContext, failure: Failure): Failure {
  const port = failure.details?.port;
  const resource = context.resource(failure.subject);
  if (port === undefined || resource === undefined) return failure;
  const published = publishedPorts(context, resource).filter(({ hostPort }) => hostPort === port.number);
  const [first] = published;
  if (first === undefined || published.some(({ protocol }) => protocol === port.protocol)) return failure;
  return { ...failure, details: { ...failure.details, port: { ...port, protocol: first.protocol } } };
}

async function findHolder(
  context: StackContext,
  { code, details }: Failure,
  ended: AbortSignal,
): Promise<PortHolder | undefined> {
  const engine = context.settings.engines.container;
  const port = details?.port;
  if (engine === undefined || port === undefined) return undefined;
  if (code !== "port-in-use" && code !== "port-binding-failed") return undefined;
  using limit = deadlineSignal(ended, lookTimeoutMs, () => new Error("looking took too long"));
  const { signal } = limit;
  try {
    const host = await sameHost(await context.infoOf(engine, signal), { signal, taken: port });
    return await holderOf(engine, port, { signal, project: context.stack.project, sameHost: host });
  } catch {
    return { type: "unknown", because: "looking for it failed" };
  }
}
