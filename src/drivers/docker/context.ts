import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { LashError } from "../../model/errors.ts";
import { dockerConfigFolder, type Environment } from "../engine-api/docker-config.ts";
import { type Endpoint, parseEndpoint, type TlsMaterial } from "../engine-api/endpoint.ts";
import { codeOf } from "../engine-api/errors.ts";

interface ContextMeta {
  readonly Endpoints?: {
    readonly docker?: { readonly Host?: string; readonly SkipTLSVerify?: boolean };
  };
}

/** The endpoint of a docker context. Rejects with `usage` when there is no such context. `source` is who named it. */
export async function contextEndpoint(name: string, source: string, env: Environment): Promise<Endpoint> {
  const contexts = join(dockerConfigFolder(env), "contexts");
  const id = createHash("sha256").update(name).digest("hex");
  const file = join(contexts, "meta", id, "meta.json");
  let meta: ContextMeta;
  try {
    meta = JSON.parse(await readFile(file, "utf8")) as ContextMeta;
  } catch (cause) {
    const why = codeOf(cause) === "ENOENT" ? "there is no such context" : `"${file}" cannot be read`;
    throw new LashError("usage", `Cannot use docker context "${name}" from ${source}: ${why}`, {
      data: { context: name, source, file },
      hint: "See `docker context ls`, or set DOCKER_HOST",
      cause,
    });
  }
  const { Host: host = "", SkipTLSVerify: skip = false } = meta.Endpoints?.docker ?? {};
  const tls = await readTls(join(contexts, "tls", id, "docker"), !skip);
  return parseEndpoint(host, `docker context "${name}"`, tls);
}

/** ca.pem, cert.pem and key.pem of a folder, as many as there are; undefined if none is. */
export async function readTls(folder: string, verify: boolean): Promise<TlsMaterial | undefined> {
  const [ca, cert, key] = await Promise.all(
    ["ca.pem", "cert.pem", "key.pem"].map((name) => read(join(folder, name))),
  );
  if (ca === undefined && cert === undefined && key === undefined) return undefined;
  return { ca, cert, key, verify };
}

async function read(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    if (["ENOENT", "ENOTDIR"].includes(codeOf(cause))) return undefined;
    throw new LashError("engine-permission", `Cannot read "${file}": ${codeOf(cause)}`, {
      data: { file },
      hint: "Check who may read the TLS files of your docker configuration",
      cause,
    });
  }
}
