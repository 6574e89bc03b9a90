import type { BuildAbility, BuildOptions } from "../../engine/engine.ts";
import type { ImageProgress } from "../../engine/facts.ts";
import { buildContentType, writeBuildBody } from "../../runner/protocol/build-body.ts";
import { answer } from "../../runner/protocol/facts.ts";
import { spool } from "../../runner/protocol/spool.ts";
import { openBuildContext } from "../engine-api/build-context.ts";
import type { RunnerClient } from "./client.ts";

/** An upload and its unpacking may take long; what follows is a stream that says that it is there. */
const uploadDeadlineMs = 6 * 3_600_000;

/** Builds on the runner's side, of a context from here. */
export function runnerBuilds(client: RunnerClient): BuildAbility {
  return {
    async build(options) {
      const { signal, tag, target, platform, buildArgs, labels } = options;
      signal.throwIfAborted();
      const context = await openBuildContext(options.context, options.dockerfile);
      const head = { dockerfile: context.dockerfile, target, platform, buildArgs, tag, labels };
      // Spooled here too: what is signed is the hash of it all, and files may change between two readings.
      await using body = await spool(writeBuildBody(head, context.tar), {
        limitBytes: Number.POSITIVE_INFINITY,
        signal,
      });
      return await client.long(
        {
          method: "POST",
          path: "/v1/build",
          spooled: { body, type: buildContentType },
          doing: `build image "${tag}"`,
          signal,
          deadlineMs: uploadDeadlineMs,
          attempts: "once",
        },
        answer.imageId,
        progressOf(options),
      );
    },
  };
}

/** Hands progress on, as facts. */
export function progressOf({
  onProgress,
}: Pick<BuildOptions, "onProgress">): ((value: unknown) => void) | undefined {
  if (onProgress === undefined) return undefined;
  return (value) => onProgress(answer.progress.parse(value) satisfies ImageProgress);
}
