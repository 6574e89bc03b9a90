import { createHash } from "node:crypto";
import type { BuildAbility, CallOptions, ImageAbility } from "../../engine/engine.ts";
import type { ImageFacts } from "../../engine/facts.ts";
import { LashError } from "../../model/errors.ts";
import type { Gate } from "./gate.ts";
import type { Journal } from "./journal.ts";

/** What may be said about an image of the memory engine; the rest is made up. */
export type ImageInit = Partial<Omit<ImageFacts, "tags">>;

/** Which images there are: those listed, or any that is asked for. */
export interface ImageOptions {
  /** Present from the start; undefined: every image is present until it is removed. */
  readonly present: readonly string[] | undefined;
  /** What a pull finds; undefined: everything. */
  readonly pullable: readonly string[] | undefined;
  readonly platform: string;
}

/** The images of a memory engine. */
export class ImageStore {
  readonly #images = new Map<string, ImageFacts>();
  readonly #removed = new Set<string>();
  /** Of images made from containers, by image id. */
  readonly #files = new Map<string, ReadonlyMap<string, string>>();
  readonly #options: ImageOptions;

  constructor(options: ImageOptions) {
    this.#options = options;
    for (const reference of options.present ?? []) this.add(reference, {});
  }

  add(reference: string, init: ImageInit): ImageFacts {
    const facts: ImageFacts = {
      id: `sha256:${createHash("sha256").update(reference).digest("hex")}`,
      digests: [],
      labels: {},
      platform: this.#options.platform,
      sizeBytes: 1_000_000,
      exposedPorts: [],
      hasHealthcheck: false,
      ...init,
      tags: [reference],
    };
    this.#images.set(reference, facts);
    this.#removed.delete(reference);
    return facts;
  }

  /** What was written into the container that an image was made from. */
  filesOf(imageId: string): ReadonlyMap<string, string> {
    return this.#files.get(imageId) ?? new Map();
  }

  setFiles(imageId: string, files: ReadonlyMap<string, string>): void {
    this.#files.set(imageId, files);
  }

  /** By reference or id. */
  find(reference: string): ImageFacts | undefined {
    const found = this.#images.get(reference);
    if (found !== undefined) return found;
    if (reference.startsWith("sha256:")) return this.#images.values().find((each) => each.id === reference);
    if (this.#options.present !== undefined || this.#removed.has(reference)) return undefined;
    return this.add(reference, {});
  }

  pull(reference: string): ImageFacts {
    const { pullable } = this.#options;
    if (pullable !== undefined && !pullable.includes(reference)) {
      throw new LashError(
        "engine-not-found",
        `Cannot pull image "${reference}": manifest for ${reference} not found: manifest unknown`,
        { data: { status: 404 } },
      );
    }
    return this.#images.get(reference) ?? this.add(reference, {});
  }

  remove(reference: string): boolean {
    this.#removed.add(reference);
    const found = this.#images
      .values()
      .find((each) => each.id === reference || each.tags.includes(reference));
    for (const tag of found?.tags ?? []) this.#images.delete(tag);
    return found !== undefined;
  }
}

/** The abilities on images, over one store. `usedBy` names a container made from an image. */
export function imageAbility(
  store: ImageStore,
  gate: Gate,
  context: { readonly journal: Journal; usedBy(imageId: string): string | undefined },
): ImageAbility {
  const change = (target: string, action: string): void =>
    context.journal.write({ type: "change", of: "image", target, action, exitCode: undefined });
  const call = (method: string, target: string, options: CallOptions) => ({
    method: `images.${method}`,
    target,
    signal: options.signal,
  });
  return {
    inspect: (reference, options) =>
      gate.pass(call("inspect", reference, options), () => store.find(reference)),
    pull: (reference, options) =>
      gate.pass(call("pull", reference, options), () => {
        options.onProgress?.({
          text: "Pulling",
          part: undefined,
          currentBytes: undefined,
          totalBytes: undefined,
        });
        store.pull(reference);
        change(reference, "pull");
        options.onProgress?.({
          text: "Done",
          part: undefined,
          currentBytes: undefined,
          totalBytes: undefined,
        });
      }),
    remove: (reference, options) =>
      gate.pass(call("remove", reference, options), () => {
        const user = context.usedBy(store.find(reference)?.id ?? "");
        if (user !== undefined) {
          throw new LashError(
            "engine-conflict",
            `Cannot remove image "${reference}": container ${user} is using it`,
            { data: { status: 409 } },
          );
        }
        if (store.remove(reference)) change(reference, "remove");
      }),
  };
}

/** A build never runs anything: it makes an image of that name, or fails as ordered with `failNext`. */
export function buildAbility(store: ImageStore, gate: Gate, journal: Journal): BuildAbility {
  return {
    build: (options) =>
      gate.pass({ method: "builds.build", target: options.tag, signal: options.signal }, () => {
        const text = `Building ${options.tag}`;
        options.onProgress?.({ text, part: undefined, currentBytes: undefined, totalBytes: undefined });
        const image = store.add(options.tag, { labels: options.labels });
        journal.write({
          type: "change",
          of: "image",
          target: options.tag,
          action: "build",
          exitCode: undefined,
        });
        return { imageId: image.id };
      }),
  };
}
