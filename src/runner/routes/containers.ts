import { z } from "zod";
import { systemClock } from "../../async/clock.ts";
import type { ContainerFacts } from "../../engine/facts.ts";
import type { ContainerSpec } from "../../model/container-spec.ts";
import { isLashError } from "../../model/errors.ts";
import { resolveBind } from "../bind-sources.ts";
import { decideCreate } from "../decide-create.ts";
import { HttpError } from "../http-error.ts";
import { checkOwn, ownFilter, ownLabels, runnerLabel } from "../ownership.ts";
import { allowsImage } from "../policy.ts";
import { body, type CreateBody, engineNameSchema } from "../protocol/requests.ts";
import { noContent, parse, type Route, type RunnerContext, route, type SignedRequest } from "../route.ts";
import { longReply } from "../stream-reply.ts";

/** How often, and how far apart, the holder of a name is looked for that nobody seems to have. */
const holderLooks = 10;
const holderPauseMs = 200;

/** Name or id in the path. What else it may be never reaches the engine. */
export function nameIn(params: Readonly<Record<string, string>>): string {
  return parse(engineNameSchema, params["name"] ?? "", "query");
}

/** `label=key=value`, repeated; `label=key` asks for the key alone. */
export function labelsOf(texts: readonly string[] = []): Readonly<Record<string, string>> {
  return Object.fromEntries(
    texts.map((text) => {
      const equals = text.indexOf("=");
      return equals === -1 ? [text, ""] : [text.slice(0, equals), text.slice(equals + 1)];
    }),
  );
}

export const labelQuery = { label: z.array(z.string().min(1)).max(100).optional() } as const;

/** Making, looking at, starting and ending containers. */
export function containerRoutes(): readonly Route[] {
  const creations = new Map<string, Promise<{ readonly id: string }>>();
  return [
    route({
      method: "GET",
      path: "/v1/containers",
      query: labelQuery,
      async handle({ query, key, signal }, { engine }) {
        const filter = ownFilter(labelsOf(query.label), key.owner);
        return { status: 200, json: filter === undefined ? [] : await engine.list(filter, { signal }) };
      },
    }),
    route({
      method: "POST",
      path: "/v1/containers",
      body: body.create,
      async handle(request, context) {
        return { status: 201, json: await createOnce(request, context, creations) };
      },
    }),
    route({
      method: "GET",
      path: "/v1/containers/:name",
      async handle({ params, key, signal }, { engine, ownership }) {
        const name = nameIn(params);
        const facts = await engine.inspect(name, { signal });
        if (facts === undefined)
          throw new HttpError("not_found", `Cannot inspect container "${name}": there is none`);
        ownership.check(facts, key.owner);
        return { status: 200, json: facts };
      },
    }),
    route({
      method: "DELETE",
      path: "/v1/containers/:name",
      async handle({ params, key, signal }, { engine, ownership }) {
        const id = await ownership.find(nameIn(params), key.owner, signal);
        if (id === undefined) return noContent;
        await engine.remove(id, { signal });
        ownership.forget(id);
        return noContent;
      },
    }),
    route({
      method: "POST",
      path: "/v1/containers/:name/start",
      async handle({ params, key, signal }, { engine, ownership }) {
        const id = await ownership.need(nameIn(params), { owner: key.owner, doing: "start", signal });
        await engine.start(id, { signal });
        return noContent;
      },
    }),
    route({
      method: "POST",
      path: "/v1/containers/:name/stop",
      body: body.stop,
      async handle({ params, key, body: { graceMs }, signal }, { engine, ownership }) {
        const id = await ownership.find(nameIn(params), key.owner, signal);
        if (id !== undefined) await engine.stop(id, { signal, graceMs });
        return noContent;
      },
    }),
    route({
      method: "POST",
      path: "/v1/containers/:name/kill",
      body: body.kill,
      async handle({ params, key, body: { signalName }, signal }, { engine, ownership }) {
        const id = await ownership.find(nameIn(params), key.owner, signal);
        if (id !== undefined) await engine.kill(id, { signal, signalName });
        return noContent;
      },
    }),
    route({
      method: "POST",
      path: "/v1/containers/:name/rename",
      body: body.rename,
      async handle({ params, key, body: { name }, signal }, { engine, ownership }) {
        const id = await ownership.need(nameIn(params), { owner: key.owner, doing: "rename", signal });
        await engine.rename(id, { signal, name });
        return noContent;
      },
    }),
    route({
      method: "GET",
      path: "/v1/containers/:name/wait",
      async handle(request, context) {
        const { params, key, signal } = request;
        const id = await context.ownership.need(nameIn(params), {
          owner: key.owner,
          doing: "wait for",
          signal,
        });
        return await longReply(request, context, async (signal) => await context.engine.wait(id, { signal }));
      },
    }),
  ];
}

/**
 * Makes a container once for one request id, however often it is asked for: a client whose connection broke asks again
 * and gets what the first attempt makes or has made. So making it does not end with the connection.
 */
async function createOnce(
  { body, key }: SignedRequest<unknown, CreateBody>,
  context: RunnerContext,
  creations: Map<string, Promise<{ readonly id: string }>>,
): Promise<{ readonly id: string }> {
  const running = `${key.owner} ${body.request}`;
  const known = creations.get(running);
  if (known !== undefined) return await known;
  const made = create(body, context, key.owner);
  creations.set(running, made);
  try {
    return await made;
  } finally {
    creations.delete(running);
  }
}

async function create(
  { spec, request }: CreateBody,
  context: RunnerContext,
  owner: string,
): Promise<{ readonly id: string }> {
  // Bounded by the engine's driver; no client's going ends it.
  const { signal } = new AbortController();
  const allowed = await allowedSpec(spec, context, { owner, signal });
  const labels = { ...ownLabels(spec.labels, owner), [runnerLabel.request]: request };
  try {
    const { id } = await context.engine.create({ ...allowed, labels }, { signal });
    context.ownership.remember(id, owner);
    return { id };
  } catch (error) {
    if (!isLashError(error, "engine-conflict")) throw error;
    const holder = await holderOf(spec.name, context.engine, signal);
    const isOurs =
      holder?.labels[runnerLabel.owner] === owner && holder.labels[runnerLabel.request] === request;
    if (!isOurs) throw error;
    context.ownership.remember(holder.id, owner);
    return { id: holder.id };
  }
}

/**
 * Who has a name. An engine gives a name away before its container can be looked at (moby 20.10), and an attempt that a
 * runner before this one began may be that far.
 */
async function holderOf(
  name: string,
  engine: RunnerContext["engine"],
  signal: AbortSignal,
): Promise<ContainerFacts | undefined> {
  for (let looks = 1; ; looks += 1) {
    const holder = await engine.inspect(name, { signal });
    if (holder !== undefined || looks === holderLooks) return holder;
    await systemClock.sleep(holderPauseMs, { signal });
  }
}

/** The specification as it may be made: sources of mounts with their links resolved. Refuses what the policy does not allow. */
async function allowedSpec(
  spec: ContainerSpec,
  { engine, policy: currentPolicy }: RunnerContext,
  { owner, signal }: { readonly owner: string; readonly signal: AbortSignal },
): Promise<ContainerSpec> {
  const policy = currentPolicy();
  const doing = `Cannot create container "${spec.name}"`;
  const { refusals, binds, networks, volumes } = decideCreate(spec, policy);
  const [refusal] = refusals;
  if (refusal !== undefined) throw new HttpError("policy_refused", `${doing}: ${refusals.join(", ")}`);
  if (policy.images !== undefined) {
    const image = await engine.images?.inspect(spec.image, { signal });
    // An id stands for the names of its image.
    const names =
      image !== undefined && /^(?:sha256:)?[0-9a-f]{12,64}$/.test(spec.image) ? image.tags : [spec.image];
    if (!allowsImage(policy, names))
      throw new HttpError("policy_refused", `${doing}: image "${spec.image}" is not allowed`);
  }
  await Promise.all([
    ...networks.map(async (name) => {
      const found = await engine.networks?.inspect(name, { signal });
      if (found !== undefined) checkOwn(found, "network", { owner, shared: policy.networks });
    }),
    ...volumes.map(async (name) => {
      const found = await engine.volumes?.inspect(name, { signal });
      if (found !== undefined) checkOwn(found, "volume", { owner, shared: policy.volumes });
      // The engine would make it, as nobody's.
      else await engine.volumes?.create({ name, labels: { [runnerLabel.owner]: owner } }, { signal });
    }),
  ]);
  const paths = new Map<string, string>();
  for (const { source, roots } of binds) {
    const resolved = await resolveBind(source, roots);
    if ("refusal" in resolved) throw new HttpError("policy_refused", `${doing}: ${resolved.refusal}`);
    paths.set(source, resolved.path);
  }
  const mounts = spec.mounts?.map((mount) =>
    mount.type === "bind" ? { ...mount, source: paths.get(mount.source) ?? mount.source } : mount,
  );
  return { ...spec, mounts };
}
