import type { Engine } from "../engine/engine.ts";
import type { ContainerFacts } from "../engine/facts.ts";
import { LashError } from "../model/errors.ts";
import { HttpError } from "./http-error.ts";

/** Labels that the service puts on what it makes. */
export const runnerLabel = {
  /** Owner of the key that asked for a container, network or volume. */
  owner: "lash.owner",
  /** The call that made a container: a second attempt finds it. */
  request: "lash.request",
  /** Owner of an image. Not `owner`: containers inherit the labels of their image, and are not made by its owner. */
  imageOwner: "lash.image-owner",
} as const;

/** Ids remembered: more than an engine has containers. */
const rememberedIds = 20_000;

type Labels = Readonly<Record<string, string>>;

/** Whose a thing is. Read from its labels at every call; ids, whose labels cannot change, are looked up once. */
export class Ownership {
  readonly #engine: Engine;
  readonly #owners = new Map<string, string>();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /**
   * The id of the owner's container of this id or name, to act on: a name may be another's a moment later. Undefined
   * when there is none; somebody else's is refused.
   */
  async find(container: string, owner: string, signal: AbortSignal): Promise<string | undefined> {
    if (this.#owners.get(container) === owner) return container;
    const facts = await this.#engine.inspect(container, { signal });
    if (facts === undefined) return undefined;
    this.check(facts, owner);
    return facts.id;
  }

  /** As find; none is refused too, in the engine's own terms. */
  async need(
    container: string,
    options: { readonly owner: string; readonly doing: string; readonly signal: AbortSignal },
  ): Promise<string> {
    const id = await this.find(container, options.owner, options.signal);
    if (id !== undefined) return id;
    const message = `no such container: ${container}`;
    throw new LashError("engine-not-found", `Cannot ${options.doing} container "${container}": ${message}`, {
      data: { status: 404, message },
    });
  }

  /** Refuses a container that is somebody else's, and remembers the id of one that is not. */
  check(facts: ContainerFacts, owner: string): void {
    if (facts.labels[runnerLabel.owner] !== owner) throw foreign("container", facts.name);
    this.remember(facts.id, owner);
  }

  remember(id: string, owner: string): void {
    this.#owners.set(id, owner);
    const [oldest] = this.#owners.keys();
    if (this.#owners.size > rememberedIds && oldest !== undefined) this.#owners.delete(oldest);
  }

  forget(id: string): void {
    this.#owners.delete(id);
  }
}

/** Refuses a network or volume that is somebody else's. */
export function checkOwn(
  thing: { readonly name: string; readonly labels: Labels },
  kind: "network" | "volume",
  options: { readonly owner: string; readonly shared: readonly string[] },
): void {
  if (thing.labels[runnerLabel.owner] !== options.owner && !options.shared.includes(thing.name))
    throw foreign(kind, thing.name);
}

/** The filter for the owner's things alone; undefined when it asks for another's. */
export function ownFilter(filter: Labels, owner: string): Labels | undefined {
  const asked = filter[runnerLabel.owner];
  return asked !== undefined && asked !== "" && asked !== owner
    ? undefined
    : { ...filter, [runnerLabel.owner]: owner };
}

/** Labels with the owner's; a caller may repeat its own name and take no other. */
export function ownLabels(labels: Labels, owner: string, key: string = runnerLabel.owner): Labels {
  const given = labels[key];
  if (given !== undefined && given !== owner)
    throw new HttpError(
      "policy_refused",
      `Cannot set label "${key}": it says whose something is, and is set here`,
    );
  return { ...labels, [key]: owner };
}

function foreign(kind: string, name: string): HttpError {
  return new HttpError(
    "foreign_object",
    `Cannot use ${kind} "${name}": it does not belong to the owner of this key`,
  );
}
