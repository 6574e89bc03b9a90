import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HttpError } from "../http-error.ts";
import { ownLabels, runnerLabel } from "../ownership.ts";
import { buildContentType, readBuildHead } from "../protocol/build-body.ts";
import { type BuildHead, body } from "../protocol/requests.ts";
import type { Spooled } from "../protocol/spool.ts";
import {
  ability,
  parse,
  type Route,
  type RunnerContext,
  type SignedRequest,
  spooledRoute,
} from "../route.ts";
import { longReply } from "../stream-reply.ts";
import { unpackTar } from "../untar.ts";
import { needImage } from "./things.ts";

/** Largest build context. */
const contextLimitBytes = 4 * 1024 ** 3;

/** Building images. */
export const buildRoutes: readonly Route[] = [
  spooledRoute({
    path: "/v1/build",
    contentType: buildContentType,
    limitBytes: contextLimitBytes,
    async handle(request, context) {
      const builds = ability(context.engine.builds, "builds");
      const { head, tarAt } = await headOf(request, context);
      const folder = await mkdtemp(join(tmpdir(), "lash-context-"));
      try {
        await unpackTar(request.body.read(tarAt), folder);
        await keepRules(folder, head.dockerfile);
        return await longReply(
          request,
          context,
          async (signal, onProgress) => await builds.build({ ...head, signal, context: folder, onProgress }),
        );
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
  }),
];

async function headOf(
  { body: spooled, key }: SignedRequest<unknown, Spooled>,
  { policy }: RunnerContext,
): Promise<{ readonly head: BuildHead; readonly tarAt: number }> {
  const read = await readBuildHead((from) => spooled.read(from));
  if (read === undefined)
    throw new HttpError("validation_error", "Cannot read the request: it holds no build");
  const head = parse(body.build, read.head, "body");
  const parts = head.dockerfile.split("/");
  if (parts.some((part) => part === "" || part === "." || part === ".."))
    throw new HttpError(
      "validation_error",
      "Cannot read the request: body.dockerfile: expected a path in the context",
    );
  if (!policy().builds) throw new HttpError("policy_refused", "Cannot build: the policy does not allow it");
  needImage(policy(), head.tag);
  const labels = ownLabels(head.labels, key.owner, runnerLabel.imageOwner);
  return { tarAt: read.tarAt, head: { ...head, labels } };
}

/**
 * The client has left out what `.dockerignore` says, and the driver will do so once more, which changes nothing. But
 * rules of `<Dockerfile>.dockerignore` that leave out that file itself did not come along; then a file that leaves out
 * itself alone keeps the driver from taking the rules of `.dockerignore` instead.
 */
async function keepRules(folder: string, dockerfile: string): Promise<void> {
  const name = `${dockerfile}.dockerignore`;
  try {
    await writeFile(join(folder, name), `${name}\n`, { flag: "wx" });
  } catch (cause) {
    if (!(cause instanceof Error && "code" in cause && cause.code === "EEXIST")) throw cause;
  }
}
