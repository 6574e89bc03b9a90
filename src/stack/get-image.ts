import type { ImageFacts, ImageProgress } from "../engine/facts.ts";
import type { ImageSource, ResolvedResource, Resource } from "../model/stack.ts";
import type { Failure } from "../recovery/failure.ts";
import { FailureError } from "../recovery/recover-once.ts";
import { failed } from "./failures.ts";
import type { Fetch, Images } from "./images.ts";
import { recovering } from "./recovery/operation.ts";
import type { BringUp } from "./run.ts";

/** Makes a resource's image present and tells its progress. Rejects with FailureError or the abort's reason. */
export async function prepareImage(
  run: BringUp,
  resource: Resource,
  resolved: ResolvedResource,
): Promise<ImageFacts | undefined> {
  const { context, images, options, signal } = run;
  if (resolved.work.type !== "container" || images === undefined) return undefined;
  const source = resolved.work.image;
  const around = async (fetch: Fetch): ReturnType<Fetch> =>
    await fetching(run, { resource, source, images, fetch });
  const tell = {
    pulling: (image: string) => {
      context.board.set(resource.name, { tag: "pulling" });
      context.bus.emit({ type: "resource_pulling", name: resource.name, image: context.mask(image) });
    },
    building: (path: string) => {
      context.board.set(resource.name, { tag: "building" });
      context.bus.emit({ type: "resource_building", name: resource.name, context: path });
    },
    progress: (progress: ImageProgress) =>
      context.bus.emit({
        type: "resource_progress",
        name: resource.name,
        ...progress,
        text: context.mask(progress.text),
      }),
  };
  try {
    using _permit = await context.fetches.acquire(signal);
    return await images.prepare(source, { build: options.build, pull: options.pull, signal, around }, tell);
  } catch (error) {
    signal.throwIfAborted();
    const { failure } = failed(resource.name, source.type, error, context.mask);
    throw new FailureError(forResource(failure, resource.name), error);
  }
}

/** Getting one image as one operation, however many resources wait for it. */
async function fetching(
  run: BringUp,
  of: {
    readonly resource: Resource;
    readonly source: ImageSource;
    readonly images: Images;
    readonly fetch: Fetch;
  },
): ReturnType<Fetch> {
  const { context, signal, recovery } = run;
  const { resource, source, images, fetch } = of;
  const image = context.mask(source.type === "pull" ? source.reference : source.tag);
  return await recovering(context, {
    name: `${source.type} of "${image}"`,
    signal,
    recovery,
    look: async () => ({
      localImage: source.type === "pull" && (await images.present(source, { signal })) !== undefined,
    }),
    async run(repaired) {
      try {
        return await fetch(repaired?.name === "use-local-image");
      } catch (error) {
        signal.throwIfAborted();
        const { failure } = failed(resource.name, source.type, error, context.mask);
        // Engines often name neither the image nor the registry in what they say.
        throw new FailureError({ ...failure, details: { ...failure.details, image } }, error);
      }
    },
  });
}

/** One who waited for another's pull fails with the same, under its own name. */
function forResource(failure: Failure, name: string): Failure {
  const { subject, message } = failure;
  return subject === name
    ? failure
    : { ...failure, subject: name, message: message.replace(`"${subject}": `, `"${name}": `) };
}
