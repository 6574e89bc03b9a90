import { isAbsolute, resolve } from "node:path";
import { parseByteSize } from "../model/byte-size.ts";
import type { Mount, Ulimit } from "../model/container-spec.ts";
import { parseImageReference } from "../model/image-reference.ts";
import { type Parsed, parsed, unparsed } from "../model/parsed.ts";
import { parsePortMappings } from "../model/port-mapping.ts";
import type { ContainerWork, ImageSource, ResolvedResource } from "../model/stack.ts";
import { parseVolumeMapping } from "../model/volume-mapping.ts";
import type { Fields } from "./fields.ts";
import { readCommon, readHealthcheck, readLimits } from "./lower-common.ts";
import type { LowerInput } from "./lower-input.ts";

/** Three files of 10 MB: an engine keeps logs without bound unless told. */
export const defaultLogging = { driver: "json-file", options: { "max-size": "10m", "max-file": "3" } };

const hostGateway = "host.docker.internal:host-gateway";

/** A container, a container built here, or a task. */
export function lowerContainer(input: LowerInput, fields: Fields): ResolvedResource {
  const { name, kind } = input;
  const image = readImage(input, fields);
  const ports = fields.listOf("ports", parsePortMappings).flat();
  const healthcheck = readHealthcheck(fields);
  const hasHealthcheck = healthcheck !== undefined && healthcheck.test[0] !== "NONE";
  const common = readCommon(fields, kind, {
    ready: { type: kind === "task" ? "completed" : hasHealthcheck ? "healthcheck" : "running" },
    healthcheck,
    port: ports[0]?.containerPort,
  });
  const secrets = fields.map("secrets");
  const { mounts, volumes } = readMounts(input, fields);
  const spec: ContainerWork["spec"] = {
    platform: fields.text("platform"),
    entrypoint: readEntrypoint(fields),
    command: fields.command("command"),
    env: readEnv(fields),
    workingDir: fields.text("working_dir"),
    user: fields.text("user"),
    hostname: fields.text("hostname"),
    init: fields.flag("init"),
    ports,
    mounts,
    extraHosts: [...fields.listOf("extra_hosts", parseExtraHost), ...(input.needsHost ? [hostGateway] : [])],
    dns: fields.list("dns"),
    shmSizeBytes: fields.grammar("shm_size", parseByteSize),
    ulimits: readUlimits(fields),
    sysctls: fields.has("sysctls") ? fields.map("sysctls") : undefined,
    capAdd: fields.list("cap_add"),
    capDrop: fields.list("cap_drop"),
    securityOpt: fields.list("security_opt"),
    privileged: fields.flag("privileged"),
    devices: fields.list("devices"),
    readOnly: fields.flag("read_only"),
    ...readLimits(fields),
    pidsLimit: fields.integer("pids_limit", { min: -1 }),
    logging: readLogging(fields),
    stopSignal: fields.filled("stop_signal"),
    stopGraceMs: common.stopGraceMs,
    healthcheck,
  };
  const url = { scheme: "http", user: undefined, password: undefined, path: "" };
  const containerPorts = kind === "task" ? [] : ports.map(({ containerPort }) => containerPort);
  return {
    name,
    kind,
    work: {
      type: "container",
      image,
      spec,
      volumes,
      labels: fields.map("labels"),
      networks: fields.list("networks") ?? [],
    },
    ...common,
    exposed: { ports: containerPorts, url: containerPorts.length === 0 ? undefined : url, values: {} },
    secrets: Object.values(secrets),
  };
}

function readImage(input: LowerInput, fields: Fields): ImageSource {
  const hasContext = fields.has("context");
  if (input.kind === "task" && hasContext === fields.has("image")) {
    fields.wrong([], "either `image` or `context`", hasContext ? "both" : "neither");
  }
  if (!hasContext) return readPulledImage(fields, "image");
  const context = fields.filled("context") ?? ".";
  return {
    type: "build",
    context: resolve(input.directory, context),
    dockerfile: fields.filled("dockerfile") ?? "Dockerfile",
    target: fields.filled("target"),
    buildArgs: fields.map("build_args"),
    platform: fields.text("platform"),
    tag: `lash/${input.project}-${input.name}:latest`,
  };
}

/** The image named at `key`, with the declared pull policy. */
export function readPulledImage(fields: Fields, key: string, fallback = ""): ImageSource {
  const reference = fields.text(key);
  fields.grammar(key, parseImageReference);
  const pull = fields.text("pull");
  return {
    type: "pull",
    reference: reference ?? fallback,
    policy: pull === "always" || pull === "never" ? pull : "missing",
  };
}

/** `env` and `secrets` as one environment. */
export function readEnv(fields: Fields): Readonly<Record<string, string>> {
  const env = fields.map("env");
  const secrets = fields.map("secrets");
  for (const [section, map] of [
    ["env", env],
    ["secrets", secrets],
  ] as const) {
    for (const key in map) {
      if (!/^[^=\0]+$/.test(key))
        fields.wrong([section, key], "a variable's name without '='", JSON.stringify(key));
      if (section === "secrets" && Object.hasOwn(env, key)) {
        fields.wrong([section, key], "each variable in either `env` or `secrets`", `"${key}" in both`);
      }
    }
  }
  return { ...env, ...secrets };
}

function readEntrypoint(fields: Fields): readonly string[] | undefined {
  const raw = fields.raw("entrypoint");
  const entrypoint = fields.command("entrypoint");
  const isEmpty = typeof raw === "string" ? raw.trim() === "" : entrypoint?.length === 0;
  if (isEmpty) fields.wrong("entrypoint", "a command that is not empty, or no `entrypoint` at all");
  return entrypoint;
}

function readMounts(
  input: LowerInput,
  fields: Fields,
): { mounts: readonly Mount[]; volumes: readonly string[] } {
  const volumes = new Set<string>();
  const mounts = fields.listOf("volumes", parseVolumeMapping).map((mapping): Mount => {
    const { target, readOnly } = mapping;
    if (mapping.type === "path") {
      const isDrive = /^[a-zA-Z]:/.test(mapping.source);
      const source =
        isDrive || isAbsolute(mapping.source) ? mapping.source : resolve(input.directory, mapping.source);
      return { type: "bind", source, target, readOnly };
    }
    const source = engineVolume(input.project, mapping.source);
    volumes.add(source);
    return { type: "volume", source, target, readOnly };
  });
  const tmpfs = fields.listOf("tmpfs", parseTmpfs);
  return { mounts: [...mounts, ...tmpfs], volumes: [...volumes] };
}

/** Name of a volume on the engine: the project's name before the declared one, so that two projects never share one. */
export function engineVolume(project: string, volume: string): string {
  return `${project}_${volume}`;
}

function parseTmpfs(text: string): Parsed<Mount> {
  const colon = text.indexOf(":");
  const target = colon === -1 ? text : text.slice(0, colon);
  if (!target.startsWith("/")) return unparsed("an absolute path such as /tmp, or /tmp:size=64m");
  const options = colon === -1 ? undefined : text.slice(colon + 1);
  return parsed({ type: "tmpfs", source: "", target, readOnly: false, options });
}

function parseExtraHost(text: string): Parsed<string> {
  return /^[^\s:]+:\S+$/.test(text) ? parsed(text) : unparsed('"name:address" or "name:host-gateway"');
}

function readUlimits(fields: Fields): readonly Ulimit[] | undefined {
  const inside = fields.inside("ulimits");
  const raw = fields.raw("ulimits");
  if (inside === undefined || typeof raw !== "object" || raw === null) return undefined;
  return Object.keys(raw).flatMap((name) => {
    const limits = inside.inside(name);
    const bounds = { min: -1 };
    const soft = limits === undefined ? inside.integer(name, bounds) : limits.integer("soft", bounds);
    const hard = limits === undefined ? soft : limits.integer("hard", bounds);
    return soft === undefined || hard === undefined ? [] : [{ name, soft, hard }];
  });
}

function readLogging(fields: Fields): { driver: string; options: Readonly<Record<string, string>> } {
  const inside = fields.inside("logging");
  if (inside === undefined) return defaultLogging;
  const driver = inside.filled("driver") ?? defaultLogging.driver;
  const options = inside.map("options");
  return {
    driver,
    options: driver === defaultLogging.driver ? { ...defaultLogging.options, ...options } : options,
  };
}
