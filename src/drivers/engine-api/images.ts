import type { ImageAbility } from "../../engine/engine.ts";
import { isLashError, LashError } from "../../model/errors.ts";
import { type EngineClient, pathPart } from "./client.ts";
import type { Dialect } from "./dialect.ts";
import { printable, refusal } from "./errors.ts";
import { imageFacts } from "./facts.ts";
import { pullTarget } from "./reference.ts";
import { registryAuth } from "./registry-auth.ts";
import { readJsonLines } from "./stream.ts";
import type { ImageJson, ProgressJson } from "./wire.ts";

/** Removing an image deletes its layers. */
const removeDeadlineMs = 180_000;

export function openImages(
  client: EngineClient,
  dialect: Dialect,
  env: Readonly<Record<string, string | undefined>>,
): ImageAbility {
  return {
    async inspect(reference, { signal }) {
      for (const name of dialect.localNames(reference)) {
        const json = await client.find<ImageJson>({
          method: "GET",
          path: `/images/${pathPart(name)}/json`,
          doing: `inspect image "${reference}"`,
          signal,
        });
        if (json !== undefined) return imageFacts(json);
      }
      return undefined;
    },
    async pull(reference, { signal, platform, onProgress }) {
      const target = pullTarget(reference);
      const auth = await registryAuth(target.registry, { env, signal });
      const doing = `pull image "${reference}"`;
      const refused = (message: string, status: number | undefined): LashError =>
        refusal({
          doing,
          method: "POST",
          path: "/images/create",
          status: pullStatus(message, status),
          message,
        });
      using answer = await client
        .stream({
          method: "POST",
          path: "/images/create",
          query: { fromImage: target.name, tag: target.tag, platform },
          headers: auth === undefined ? {} : { "X-Registry-Auth": auth },
          doing,
          signal,
          // The engine talks to the registry first, and retries; how long that may take is its decision.
          deadlineMs: "none",
        })
        .catch((error: unknown) => {
          if (!isLashError(error, "engine-refused")) throw error;
          throw refused(String(error.data["message"]), Number(error.data["status"]));
        });
      for await (const value of readJsonLines(answer.chunks)) {
        const line = value as ProgressJson;
        const message = line.errorDetail?.message ?? line.error;
        if (message !== undefined) throw refused(message, line.errorDetail?.code);
        onProgress?.({
          text: printable(line.status ?? line.stream ?? "").trim(),
          part: line.id,
          currentBytes: line.progressDetail?.current,
          totalBytes: line.progressDetail?.total,
        });
      }
    },
    async remove(reference, { signal }) {
      for (const name of dialect.localNames(reference)) {
        try {
          await client.text({
            method: "DELETE",
            path: `/images/${pathPart(name)}`,
            doing: `remove image "${reference}"`,
            signal,
            deadlineMs: removeDeadlineMs,
          });
          return;
        } catch (error) {
          // Podman's word for an image with other names, which may be in use by them (4.3.1).
          if (isLashError(error, "engine-refused") && /please force removal/.test(error.message)) {
            throw new LashError("engine-conflict", error.message, { data: error.data, cause: error });
          }
          if (!isLashError(error, "engine-not-found")) throw error;
        }
      }
    },
  };
}

/**
 * The registry's status behind a failed pull. moby 20.10 answers 500 to nearly all of them, and what fails after the
 * pull began was already answered with 200; these texts are the registry protocol's own.
 */
function pullStatus(message: string, status: number | undefined): number {
  if (status !== undefined && status >= 400 && status < 500) return status;
  if (/toomanyrequests|too many requests/i.test(message)) return 429;
  if (/unauthorized|authentication required|no basic auth credentials/i.test(message)) return 401;
  if (/denied/i.test(message)) return 403;
  if (/manifest unknown|name unknown|no matching manifest|manifest for .* not found/i.test(message))
    return 404;
  return 500;
}
