import { resolve } from "node:path";
import type { Healthcheck, Mount, PortMapping } from "../model/container-spec.ts";
import { parseImageReference } from "../model/image-reference.ts";
import { isDatabaseName } from "../model/names.ts";
import { type Parsed, parsed, unparsed } from "../model/parsed.ts";
import { parsePort } from "../model/port-mapping.ts";
import type { ContainerWork, Exposed, ImageSource, ResolvedResource } from "../model/stack.ts";
import { isVolumeName } from "../model/volume-mapping.ts";
import type { Fields } from "./fields.ts";
import { healthcheckOf, readCommon, readHealthcheck, readLimits } from "./lower-common.ts";
import { defaultLogging, engineVolume, readEnv, readPulledImage } from "./lower-container.ts";
import type { LowerInput } from "./lower-input.ts";
import { type ManagedKind, type Settings, servers } from "./servers.ts";

const initTarget = "/docker-entrypoint-initdb.d";

/** A database or cache whose image, check and outputs Lash knows. */
export function lowerManaged(input: LowerInput, fields: Fields, kind: ManagedKind): ResolvedResource {
  const server = servers[kind];
  const settings = readSettings(input, fields, kind);
  const image = readManagedImage(fields, kind);
  const check = server.check(settings);
  const builtIn = healthcheckOf(["CMD", ...check]);
  const declared = readHealthcheck(fields);
  const healthcheck: Healthcheck = declared ?? builtIn;
  const common = readCommon(fields, kind, {
    ready:
      declared === undefined
        ? { type: "exec", command: check, timeoutMs: builtIn.timeoutMs }
        : readyBy(declared),
    healthcheck,
    port: server.port,
  });
  const volume = readVolume(input, fields);
  const mounts: Mount[] =
    volume === undefined
      ? []
      : [{ type: "volume", source: volume, target: server.dataFolder(settings.version), readOnly: false }];
  const init = fields.filled("init");
  if (init !== undefined) {
    mounts.push({ type: "bind", source: resolve(input.directory, init), target: initTarget, readOnly: true });
  }
  const spec: ContainerWork["spec"] = {
    platform: fields.text("platform"),
    command: server.command(settings),
    env: { ...server.env(settings), ...readEnv(fields) },
    ports: readPublished(input, fields, server.port),
    mounts,
    extraHosts: input.needsHost ? ["host.docker.internal:host-gateway"] : [],
    ...readLimits(fields),
    logging: defaultLogging,
    stopGraceMs: common.stopGraceMs,
    healthcheck,
  };
  return {
    name: input.name,
    kind,
    work: { type: "container", image, spec, volumes: volume === undefined ? [] : [volume] },
    ...common,
    exposed: exposedBy(kind, settings),
    secrets: [settings.password, ...Object.values(fields.map("secrets"))].filter((secret) => secret !== ""),
  };
}

function readyBy(declared: Healthcheck): { type: "running" } | { type: "healthcheck" } {
  return declared.test[0] === "NONE" ? { type: "running" } : { type: "healthcheck" };
}

function readSettings(input: LowerInput, fields: Fields, kind: ManagedKind): Settings {
  const server = servers[kind];
  const isDatabase = server.user !== undefined;
  const database = fields.grammar("database", parseDatabase) ?? input.name;
  const password = fields.text("password");
  if (isDatabase && password === "")
    fields.wrong("password", "a password that is not empty, or none at all", "nothing");
  return {
    version: fields.grammar("version", parseVersion) ?? server.version,
    database,
    user: isDatabase ? (fields.filled("user") ?? server.user) : "",
    password: password ?? input.generated(input.name),
  };
}

function parseDatabase(text: string): Parsed<string> {
  return isDatabaseName(text)
    ? parsed(text)
    : unparsed(
        "a database name of at most 63 characters: a lower case letter, then lower case letters, digits and '_'",
      );
}

function parseVersion(text: string): Parsed<string> {
  return /^\w[\w.-]{0,100}$/.test(text) ? parsed(text) : unparsed("a version such as 16 or 8.4");
}

function readManagedImage(fields: Fields, kind: ManagedKind): ImageSource {
  const server = servers[kind];
  if (fields.has("image")) return readPulledImage(fields, "image");
  const version = fields.text("version") ?? server.version;
  const reference = server.image(version);
  if (!parseImageReference(reference).ok)
    return readPulledImage(fields, "image", server.image(server.version));
  return readPulledImage(fields, "image", reference);
}

function readVolume(input: LowerInput, fields: Fields): string | undefined {
  const volume = fields.raw("volume") ?? true;
  if (volume === false) return undefined;
  if (typeof volume !== "string") return engineVolume(input.project, input.name);
  if (!isVolumeName(volume))
    fields.wrong("volume", "true, false or a volume's name of letters, digits, '_', '.' and '-'");
  return engineVolume(input.project, volume);
}

function readPublished(input: LowerInput, fields: Fields, containerPort: number): readonly PortMapping[] {
  const declared = fields.grammar("port", (text) => parsePort(text, 0));
  // A process can reach a container only through the host.
  const hostPort = declared ?? (input.neededByHost ? 0 : undefined);
  return hostPort === undefined ? [] : [{ hostIp: "127.0.0.1", hostPort, containerPort, protocol: "tcp" }];
}

function exposedBy(kind: ManagedKind, { user, password, database }: Settings): Exposed {
  const server = servers[kind];
  const isDatabase = server.user !== undefined;
  return {
    ports: [server.port],
    url: {
      scheme: server.scheme,
      user: isDatabase ? user : undefined,
      password,
      path: isDatabase ? database : "",
    },
    values: isDatabase ? { user, password, database } : { password },
  };
}
