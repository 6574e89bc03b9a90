import type { Engine } from "../engine/engine.ts";
import type { ImageFacts, ImageProgress } from "../engine/facts.ts";
import { label } from "../model/labels.ts";
import type { ImageSource } from "../model/stack.ts";
import type { StackIdentity } from "./names.ts";

/** How images are to be had in this `up`. */
export interface ImageOptions {
  readonly build: boolean;
  readonly pull: boolean;
  readonly signal: AbortSignal;
}

export interface ImageListener {
  pulling(reference: string): void;
  building(context: string): void;
  progress(progress: ImageProgress): void;
}

/** Gets an image; with `local` only what is present counts. */
export type Fetch = (local: boolean) => Promise<ImageFacts | undefined>;

/** Gets each image once, however many resources of the stack want it. */
export class Images {
  readonly #engine: Engine;
  readonly #identity: StackIdentity;
  readonly #wanted = new Map<string, Promise<ImageFacts | undefined>>();

  constructor(engine: Engine, identity: StackIdentity) {
    this.#engine = engine;
    this.#identity = identity;
  }

  /**
   * Makes the image present and returns its facts. An image that is present is not pulled again unless asked for
   * (policy `always` or the option), so a stack starts without a network. `around` makes the one attempt, and may make
   * another. Rejects with the engine's refusal.
   */
  async prepare(
    source: ImageSource,
    options: ImageOptions & { readonly around: (fetch: Fetch) => ReturnType<Fetch> },
    listener: ImageListener,
  ): Promise<ImageFacts | undefined> {
    const key = JSON.stringify(source);
    const pending = this.#wanted.get(key);
    if (pending !== undefined) return pending;
    const work = options.around(async (local) => {
      if (source.type === "build") return await this.#build(source, options, listener);
      return local ? await this.present(source, options) : await this.#pull(source, options, listener);
    });
    this.#wanted.set(key, work);
    // Every waiter sees the rejection; without any waiter it must not count as unhandled. What was cut short may be
    // wanted again.
    work.catch(() => options.signal.aborted && this.#wanted.delete(key));
    return work;
  }

  /** The image as it is on the engine now. */
  async present(
    source: ImageSource,
    options: { readonly signal: AbortSignal },
  ): Promise<ImageFacts | undefined> {
    return await this.#engine.images?.inspect(
      source.type === "pull" ? source.reference : source.tag,
      options,
    );
  }

  async #pull(
    source: Extract<ImageSource, { type: "pull" }>,
    { pull, signal }: ImageOptions,
    listener: ImageListener,
  ): Promise<ImageFacts | undefined> {
    const { images } = this.#engine;
    if (images === undefined) return undefined;
    const present = await images.inspect(source.reference, { signal });
    const wanted = pull || source.policy === "always";
    if (source.policy === "never" || (present !== undefined && !wanted)) return present;
    listener.pulling(source.reference);
    await images.pull(source.reference, { signal, onProgress: (progress) => listener.progress(progress) });
    return images.inspect(source.reference, { signal });
  }

  async #build(
    source: Extract<ImageSource, { type: "build" }>,
    { build, signal }: ImageOptions,
    listener: ImageListener,
  ): Promise<ImageFacts | undefined> {
    const { images, builds } = this.#engine;
    if (images === undefined || builds === undefined) return undefined;
    const present = await images.inspect(source.tag, { signal });
    if (present !== undefined && !build) return present;
    listener.building(source.context);
    await builds.build({
      ...source,
      labels: { [label.imageProject]: this.#identity.project },
      signal,
      onProgress: (progress) => listener.progress(progress),
    });
    return images.inspect(source.tag, { signal });
  }
}
