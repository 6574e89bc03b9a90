import type { BuildAbility, BuildOptions, ImageAbility } from "../../engine/engine.ts";
import { LashError } from "../../model/errors.ts";
import { openBuildContext } from "./build-context.ts";
import { BuildOutput } from "./build-output.ts";
import type { EngineClient } from "./client.ts";
import type { Environment } from "./docker-config.ts";
import { contentId } from "./facts.ts";
import { parseReference } from "./reference.ts";
import { registryConfig } from "./registry-auth.ts";
import { readJsonLines } from "./stream.ts";
import type { ImageJson, ProgressJson } from "./wire.ts";

/**
 * Builds with BuildKit where the engine has it, else with the classic builder. BuildKit takes the context as the
 * request's body, like the classic builder, so no session with the client is needed (20.10.24, 28.5.2). What only a
 * session could give is not there: build secrets, ssh, and credentials. So base images that are absent and whose
 * registry the person has logged in to are pulled first.
 */
export function openBuilds(client: EngineClient, images: ImageAbility, env: Environment): BuildAbility {
  return {
    async build(options) {
      const { signal, tag } = options;
      const doing = `build image "${tag}"`;
      const context = await openBuildContext(options.context, options.dockerfile);
      const usesBuildKit = await choosesBuildKit(client, context.text, signal);
      const bases = baseImages(context.text);
      const registries = [...new Set(bases.map((base) => parseReference(base).registry))];
      const credentials = await registryConfig(registries, { env, signal });
      if (usesBuildKit && credentials !== undefined) await pullAbsent(images, bases, options);
      using answer = await client.stream({
        method: "POST",
        path: "/build",
        query: {
          t: tag,
          dockerfile: context.dockerfile,
          target: options.target,
          platform: options.platform,
          buildargs: JSON.stringify(options.buildArgs),
          labels: JSON.stringify(options.labels),
          rm: 1,
          forcerm: 1,
          version: usesBuildKit ? 2 : undefined,
        },
        headers: {
          "Content-Type": "application/x-tar",
          ...(credentials === undefined ? {} : { "X-Registry-Config": credentials }),
        },
        body: context.tar,
        doing,
        signal,
        // A build takes as long as its Dockerfile says; the caller's signal bounds it.
        deadlineMs: "none",
      });
      const output = new BuildOutput(options.onProgress ?? (() => {}));
      for await (const value of readJsonLines(answer.chunks)) output.add(value as ProgressJson);
      if (output.error !== undefined) throw buildFailed(options, output, usesBuildKit);
      return { imageId: contentId(output.imageId ?? (await idOfTag(client, options))) };
    },
  };
}

/**
 * An engine says by `Builder-Version: 2` that BuildKit is its default (Docker 23 and newer). 20.10 has it too but says
 * 1: there it is used for what the classic builder cannot do. Podman builds with Buildah, whatever is asked for.
 */
async function choosesBuildKit(
  client: EngineClient,
  dockerfile: string,
  signal: AbortSignal,
): Promise<boolean> {
  const { hasBuildKit, server } = await client.greet(signal);
  return hasBuildKit || (server.startsWith("Docker/") && needsBuildKit(dockerfile));
}

function needsBuildKit(dockerfile: string): boolean {
  return (
    /^\s*#\s*syntax\s*=/im.test(dockerfile) ||
    /^\s*(?:RUN|COPY|ADD)\s+(?:--(?:mount|network|security|link|chmod|parents|checksum)\b|[^\n]*<<-?["']?\w)/im.test(
      dockerfile,
    )
  );
}

async function idOfTag(client: EngineClient, { tag, signal }: BuildOptions): Promise<string> {
  const path = `/images/${tag}/json`;
  const image = await client.json<ImageJson>({ method: "GET", path, doing: `build image "${tag}"`, signal });
  return image.Id ?? "";
}

function buildFailed({ tag }: BuildOptions, output: BuildOutput, usesBuildKit: boolean): LashError {
  const error = output.error ?? "";
  const step = output.step === "" || error.includes(output.step) ? "" : ` in step "${output.step}"`;
  const needsLogin = /denied|unauthorized|no active session|authorization failed/i.test(error);
  return new LashError("engine-refused", `Cannot build image "${tag}": ${error}${step}`, {
    data: {
      status: 200,
      message: error,
      method: "POST",
      path: "/build",
      step: output.step,
      output: output.lines,
    },
    hint:
      usesBuildKit && needsLogin
        ? "Log in to the base image's registry with `docker login`, or pull the image first"
        : undefined,
  });
}

/** Base images, as far as their names are written out. */
function baseImages(dockerfile: string): readonly string[] {
  const froms = [...dockerfile.matchAll(/^\s*FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?/gim)];
  const stages = new Set(froms.map(([, , stage = ""]) => stage.toLowerCase()));
  const bases = froms.map(([, base = ""]) => base);
  return [...new Set(bases)].filter(
    (base) => base !== "scratch" && !base.includes("$") && !stages.has(base.toLowerCase()),
  );
}

async function pullAbsent(
  images: ImageAbility,
  bases: readonly string[],
  options: BuildOptions,
): Promise<void> {
  const { signal, platform, onProgress } = options;
  for (const base of bases) {
    if ((await images.inspect(base, { signal })) === undefined)
      await images.pull(base, { signal, platform, onProgress });
  }
}
