import { HttpError } from "../http-error.ts";
import { checkOwn, ownFilter, ownLabels, runnerLabel } from "../ownership.ts";
import { allowsImage, type Policy } from "../policy.ts";
import { body, imageSchema } from "../protocol/requests.ts";
import { ability, noContent, type Route, route, single } from "../route.ts";
import { longReply } from "../stream-reply.ts";
import { labelQuery, labelsOf, nameIn } from "./containers.ts";

const imageQuery = { reference: single(imageSchema) } as const;
/** Networks of the engine itself may be looked at. */
const builtIn: readonly string[] = ["bridge", "host", "none"];

/** Images. */
export const imageRoutes: readonly Route[] = [
  route({
    method: "GET",
    path: "/v1/images",
    query: imageQuery,
    async handle({ query: { reference }, signal }, { engine }) {
      const image = await ability(engine.images, "images").inspect(reference, { signal });
      if (image === undefined)
        throw new HttpError("not_found", `Cannot inspect image "${reference}": there is none`);
      return { status: 200, json: image };
    },
  }),
  route({
    method: "DELETE",
    path: "/v1/images",
    query: imageQuery,
    async handle({ query: { reference }, key, signal }, { engine, policy }) {
      const images = ability(engine.images, "images");
      const image = await images.inspect(reference, { signal });
      if (image === undefined) return noContent;
      const owner = image.labels[runnerLabel.imageOwner];
      const isOthers = owner !== undefined && owner !== "" && owner !== key.owner;
      if (isOthers || !allowsImage(policy(), [reference, ...image.tags]))
        throw new HttpError(
          "foreign_object",
          `Cannot remove image "${reference}": it is not for the owner of this key`,
        );
      await images.remove(reference, { signal });
      return noContent;
    },
  }),
  route({
    method: "POST",
    path: "/v1/images/pull",
    body: body.pull,
    async handle(request, context) {
      const { reference, platform } = request.body;
      needImage(context.policy(), reference);
      const images = ability(context.engine.images, "images");
      return await longReply(request, context, async (signal, onProgress) => {
        await images.pull(reference, { signal, platform, onProgress });
      });
    },
  }),
  route({
    method: "POST",
    path: "/v1/containers/:name/commit",
    body: body.commit,
    async handle(request, context) {
      const { params, key, signal } = request;
      const { tag, labels } = request.body;
      needImage(context.policy(), tag);
      const snapshots = ability(context.engine.snapshots, "snapshots");
      const id = await context.ownership.need(nameIn(params), {
        owner: key.owner,
        doing: "make an image of",
        signal,
      });
      const own = {
        ...ownLabels(labels, key.owner, runnerLabel.imageOwner),
        // An image takes over its container's labels, and containers their image's: those are nobody's of ours.
        [runnerLabel.owner]: "",
        [runnerLabel.request]: "",
      };
      return await longReply(
        request,
        context,
        async (signal) => await snapshots.commit(id, { signal, tag, labels: own }),
      );
    },
  }),
];

/** Refuses an image that the policy does not allow. */
export function needImage(policy: Policy, reference: string): void {
  if (!allowsImage(policy, [reference]))
    throw new HttpError("policy_refused", `Cannot use image "${reference}": the policy does not allow it`);
}

/** Networks and volumes. */
export const placeRoutes: readonly Route[] = [
  route({
    method: "GET",
    path: "/v1/networks",
    query: labelQuery,
    async handle({ query, key, signal }, { engine }) {
      const filter = ownFilter(labelsOf(query.label), key.owner);
      const networks = ability(engine.networks, "networks");
      return { status: 200, json: filter === undefined ? [] : await networks.list(filter, { signal }) };
    },
  }),
  route({
    method: "GET",
    path: "/v1/networks/:name",
    async handle({ params, key, signal }, { engine, policy }) {
      const name = nameIn(params);
      const found = await ability(engine.networks, "networks").inspect(name, { signal });
      if (found === undefined)
        throw new HttpError("not_found", `Cannot inspect network "${name}": there is none`);
      checkOwn(found, "network", { owner: key.owner, shared: [...policy().networks, ...builtIn] });
      return { status: 200, json: found };
    },
  }),
  route({
    method: "POST",
    path: "/v1/networks",
    body: body.network,
    async handle({ body: { name, labels }, key, signal }, { engine }) {
      const networks = ability(engine.networks, "networks");
      const made = await networks.create({ name, labels: ownLabels(labels, key.owner) }, { signal });
      return { status: 201, json: made };
    },
  }),
  route({
    method: "DELETE",
    path: "/v1/networks/:name",
    async handle({ params, key, signal }, { engine }) {
      const networks = ability(engine.networks, "networks");
      const found = await networks.inspect(nameIn(params), { signal });
      if (found === undefined) return noContent;
      checkOwn(found, "network", { owner: key.owner, shared: [] });
      await networks.remove(found.name, { signal });
      return noContent;
    },
  }),
  route({
    method: "GET",
    path: "/v1/volumes",
    query: labelQuery,
    async handle({ query, key, signal }, { engine }) {
      const filter = ownFilter(labelsOf(query.label), key.owner);
      const volumes = ability(engine.volumes, "volumes");
      return { status: 200, json: filter === undefined ? [] : await volumes.list(filter, { signal }) };
    },
  }),
  route({
    method: "GET",
    path: "/v1/volumes/:name",
    async handle({ params, key, signal }, { engine, policy }) {
      const name = nameIn(params);
      const found = await ability(engine.volumes, "volumes").inspect(name, { signal });
      if (found === undefined)
        throw new HttpError("not_found", `Cannot inspect volume "${name}": there is none`);
      checkOwn(found, "volume", { owner: key.owner, shared: policy().volumes });
      return { status: 200, json: found };
    },
  }),
  route({
    method: "POST",
    path: "/v1/volumes",
    body: body.volume,
    async handle({ body: { name, labels }, key, signal }, { engine }) {
      const volumes = ability(engine.volumes, "volumes");
      const found = await volumes.inspect(name, { signal });
      if (found !== undefined) checkOwn(found, "volume", { owner: key.owner, shared: [] });
      else await volumes.create({ name, labels: ownLabels(labels, key.owner) }, { signal });
      return noContent;
    },
  }),
  route({
    method: "DELETE",
    path: "/v1/volumes/:name",
    async handle({ params, key, signal }, { engine }) {
      const volumes = ability(engine.volumes, "volumes");
      const found = await volumes.inspect(nameIn(params), { signal });
      if (found === undefined) return noContent;
      checkOwn(found, "volume", { owner: key.owner, shared: [] });
      await volumes.remove(found.name, { signal });
      return noContent;
    },
  }),
];
