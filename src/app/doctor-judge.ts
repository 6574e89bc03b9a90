import type { ContainerFacts, EngineInfo, ImageFacts, NetworkFacts } from "../engine/facts.ts";
import type { DiskSpace } from "../host/disk.ts";
import { label } from "../model/labels.ts";
import type { Stack, VariableUse } from "../model/stack.ts";
import type { Failure } from "../recovery/failure.ts";
import type { SameHost } from "../stack/same-host.ts";
import type { Owner } from "./doctor-own.ts";
import { mobyDefaultPools, poolUse } from "./doctor-pools.ts";
import { type Check, type CheckName, counted, listed, note, ok, problem, skipped } from "./doctor-report.ts";
import type { WantedImage, Wants } from "./doctor-wants.ts";

/** Variables, or secrets, of the manifest that have no value. Pure, as all here. */
export function judgeVariables(stack: Stack, scheme: VariableUse["scheme"]): Check {
  const name = scheme === "env" ? "variables" : "secrets";
  const used = stack.variables.filter((each) => each.scheme === scheme);
  if (used.length === 0) return skipped(name, `the manifest reads no ${name}`);
  const missing = used.filter(({ source }) => source === "missing");
  if (missing.length === 0) return ok(name, `${counted(used.length, name.slice(0, -1))}, each with a value`);
  return problem(name, `${missing.length} of ${used.length} without a value`, missing.map(variableMissing));
}

function variableMissing({ name, scheme, path }: VariableUse): Failure {
  const [section, resource = ""] = path.split(".");
  const isSecret = scheme === "secret";
  const file = isSecret ? ".lash/secrets.env" : ".env";
  return {
    code: "variable-missing",
    subject: section === "resources" ? resource : "",
    message: `${isSecret ? "secret" : "variable"} "${name}" has no value, ${path} reads it`,
    evidence: "",
    details: { name },
    advice: [
      { text: `Set it in ${file} beside the manifest`, command: `echo '${name}=...' >> ${file}` },
      ...(isSecret ? [] : [{ text: `Give a default: \${env.${name}:-default}` }]),
    ],
  };
}

/** Containers and the network whose names others have, and a stack elsewhere that has the project's. */
export function judgeNames(
  wants: Wants,
  seen: { readonly containers: readonly ContainerFacts[]; readonly networks: readonly NetworkFacts[] },
  { owner, elsewhere }: { readonly owner: Owner; readonly elsewhere: ContainerFacts | undefined },
): Check {
  const { project } = owner;
  if (wants.network === undefined && elsewhere === undefined) {
    return skipped("names", "nothing of the stack is a container");
  }
  const isOurs = (labels: Readonly<Record<string, string>>): boolean => labels[label.project] === project;
  const taken = wants.containers.flatMap(({ resource, name }) => {
    const holder = seen.containers.find((each) => each.name === name && !isOurs(each.labels));
    return holder === undefined ? [] : [containerNameTaken(resource, holder)];
  });
  const network = seen.networks.find(({ name, labels }) => name === wants.network && !isOurs(labels));
  const problems = [
    ...(elsewhere === undefined ? [] : [projectElsewhere(owner, elsewhere)]),
    ...taken,
    ...(network === undefined ? [] : [networkNameTaken(network.name)]),
  ];
  if (problems.length > 0) {
    const others = problems.length - (elsewhere === undefined ? 0 : 1);
    const said = [
      ...(elsewhere === undefined ? [] : [`project "${project}" is in use elsewhere`]),
      ...(others === 0 ? [] : [`${counted(others, "name")} taken by others`]),
    ];
    return problem("names", said.join(", "), problems);
  }
  return ok("names", "no stranger has a name that the stack needs");
}

/** What `up` refuses as `stack-elsewhere`. */
function projectElsewhere({ project, machine }: Owner, { name, labels }: ContainerFacts): Failure {
  const manifest = `"${labels[label.manifest] ?? "another manifest"}"`;
  const where = labels[label.machine] === machine ? manifest : `${manifest} on another machine`;
  return {
    code: "name-in-use",
    subject: "",
    message: `project "${project}" was started from ${where}, which has container "${name}"`,
    evidence: "",
    details: { name },
    advice: [
      { text: "Use another project name: --project, or project.name in the manifest" },
      { text: `Or end the other stack with \`lash down\`, or take it over with \`lash up --adopt\`` },
    ],
  };
}

function containerNameTaken(resource: string, { name, state }: ContainerFacts): Failure {
  return {
    code: "name-in-use",
    subject: resource,
    message: `the name "${name}" is taken by a container (${state}) that is not of this project`,
    evidence: "",
    details: { name },
    advice: [{ text: "Rename or remove it, if it is yours", command: `docker rename ${name} ${name}.other` }],
  };
}

function networkNameTaken(name: string): Failure {
  return {
    code: "name-in-use",
    subject: "",
    message: `the name "${name}" is taken by a network that is not of this project`,
    evidence: "",
    details: { name },
    advice: [{ text: "Look at it, and remove it if it is yours", command: `docker network inspect ${name}` }],
  };
}

/** Networks that the manifest names and that somebody else has to have made. */
export function judgeNetworks(wants: Wants, networks: readonly NetworkFacts[]): Check {
  if (wants.networks.length === 0) return skipped("networks", "the manifest names none of others");
  const missing = wants.networks.filter(({ name }) => !networks.some((each) => each.name === name));
  const names = [...new Set(wants.networks.map(({ name }) => name))];
  if (missing.length === 0) return ok("networks", `${listed(names)} there`);
  return problem(
    "networks",
    `${missing.length} of ${names.length} missing`,
    missing.map(({ resource, name }) => ({
      code: "external-missing",
      subject: resource,
      message: `network "${name}", which "${resource}" joins, does not exist`,
      evidence: "",
      details: { name },
      advice: [
        { text: "Make it, or leave it out of the manifest", command: `docker network create ${name}` },
      ],
    })),
  );
}

/** Few enough to say so. */
const fewPools = 3;

/** Whether another network can have addresses. */
export function judgePools(
  info: EngineInfo,
  networks: readonly NetworkFacts[],
  own: { readonly network: string | undefined; readonly project: string },
): Check {
  const pools = info.host?.addressPools ?? (info.product === "Docker Engine" ? mobyDefaultPools : undefined);
  if (pools === undefined)
    return skipped("network pools", `${info.product} does not tell where addresses come from`);
  const { total, free } = poolUse(
    pools,
    networks.flatMap(({ subnets = [] }) => subnets),
  );
  const said = `${free} of ${counted(total, "subnet")} left`;
  if (own.network === undefined) return ok("network pools", said);
  const exists = networks.some(
    ({ name, labels }) => name === own.network && labels[label.project] === own.project,
  );
  if (free > fewPools) return ok("network pools", said);
  if (free > 0 || exists)
    return note("network pools", exists ? `${said}, and the stack has its network` : said);
  return problem("network pools", said, [
    {
      code: "network-pool-exhausted",
      subject: "",
      message: `the engine has no addresses left for network "${own.network}": its ${counted(total, "subnet")} are in use`,
      evidence: "",
      details: { name: own.network },
      advice: [
        { text: "See which networks no container uses", command: "docker network ls --filter dangling=true" },
        { text: "Remove those that are yours and not needed: docker network rm NAME" },
      ],
    },
  ]);
}

/** Images that are here and of another platform than the engine, or that are never pulled and not here. */
export function judgeImages(
  images: readonly WantedImage[],
  local: ReadonlyMap<string, ImageFacts>,
  info: EngineInfo,
): Check {
  if (images.length === 0) return skipped("images", "the manifest needs none");
  const problems = images.flatMap((wanted) => imageProblem(wanted, local.get(wanted.reference), info) ?? []);
  const fetched = new Set(
    images.filter(({ reference }) => !local.has(reference)).map((each) => each.reference),
  );
  const total = new Set(images.map(({ reference }) => reference)).size;
  const said = `${total - fetched.size} of ${counted(total, "image")} here for ${info.platform}`;
  if (problems.length > 0)
    return problem("images", `${problems.length} of ${total} cannot be used`, problems);
  return ok("images", fetched.size === 0 ? said : `${said}, ${fetched.size} to be pulled or built`);
}

function imageProblem(
  { resource, reference, platform, source, policy }: WantedImage,
  facts: ImageFacts | undefined,
  info: EngineInfo,
): Failure | undefined {
  if (facts === undefined) {
    if (source === "build" || policy !== "never") return undefined;
    return {
      code: "image-not-found",
      subject: resource,
      message: `image "${reference}" is not here, and "${resource}" says never to pull it`,
      evidence: "",
      details: { image: reference },
      advice: [{ text: "Get it", command: `docker pull ${reference}` }],
    };
  }
  // A declared platform asks for emulation; an image that is pulled anew anyway may become another.
  if (platform !== undefined || policy === "always" || facts.platform === "") return undefined;
  if (runsOn(facts.platform, info.platform)) return undefined;
  return {
    code: "image-wrong-platform",
    subject: resource,
    message: `image "${reference}" of "${resource}" is for ${facts.platform}, the engine runs ${info.platform}`,
    evidence: "",
    details: { image: reference },
    advice: [
      {
        text: "Get the one for this engine",
        command: `docker pull --platform ${info.platform} ${reference}`,
      },
      { text: `Or, where the engine emulates it, say so in the manifest: platform: ${facts.platform}` },
    ],
  };
}

/** Architectures that a processor runs besides its own. */
const alsoRuns: Readonly<Record<string, readonly string[]>> = { amd64: ["386"], arm64: ["arm"] };

function runsOn(image: string, engine: string): boolean {
  const [os = "", architecture = ""] = image.split("/");
  const [engineOs = "", engineArchitecture = ""] = engine.split("/");
  if (os !== engineOs) return false;
  return architecture === engineArchitecture || alsoRuns[engineArchitecture]?.includes(architecture) === true;
}

/** What a look at a bind's source found. */
export interface SeenBind {
  readonly resource: string;
  readonly source: string;
  readonly found: "there" | "missing" | "unknown";
}

/** Folders and files that containers mount and that are not there. */
export function judgeBinds(binds: readonly SeenBind[], host: SameHost): Check {
  if (binds.length === 0) return skipped("bind mounts", "the manifest mounts nothing of the host");
  const missing = binds.filter(({ found }) => found === "missing");
  if (missing.length === 0) {
    const unsure = binds.filter(({ found }) => found === "unknown");
    if (unsure.length === 0) return ok("bind mounts", `${counted(binds.length, "source")} there`);
    return note("bind mounts", `not for us to see: ${listed(unsure.map(({ source }) => source))}`);
  }
  if (!host.same) {
    const sources = listed(missing.map(({ source }) => source));
    return note("bind mounts", `not on this machine: ${sources}; ${host.because}`);
  }
  return problem(
    "bind mounts",
    `${missing.length} of ${binds.length} missing`,
    missing.map(({ resource, source }) => ({
      code: "mount-source-missing",
      subject: resource,
      message: `"${source}", which "${resource}" mounts, does not exist`,
      evidence: "",
      details: { path: source },
      advice: [
        { text: "Make it, or correct the path in the manifest", command: `mkdir -p ${quoted(source)}` },
      ],
    })),
  );
}

const mebibyte = 2 ** 20;

/** Limits of a disk: below `problemBytes` an `up` fails, below `noteBytes` one of the next may. */
export const diskLimits = {
  /** A container's own layer, its log and a volume need little; pulling anything needs more than this. */
  "engine disk": { problemBytes: 100 * mebibyte, noteBytes: 2048 * mebibyte },
  /** `.lash/` holds a few kilobytes, and the supervisor's log. */
  "own disk": { problemBytes: 5 * mebibyte, noteBytes: 256 * mebibyte },
} as const;

/** Whether a disk has room. */
export function judgeDisk(name: CheckName & keyof typeof diskLimits, path: string, space: DiskSpace): Check {
  const { problemBytes, noteBytes } = diskLimits[name];
  const said = `${size(space.freeBytes)} free of ${size(space.totalBytes)} at ${path}`;
  const noFiles = space.freeFiles === 0;
  if (space.freeBytes < problemBytes || noFiles) {
    const what = noFiles ? "no more files can be made" : `only ${size(space.freeBytes)} are free`;
    const whose = name === "engine disk" ? "the engine's disk" : "the disk of the stack's folder";
    const command = name === "engine disk" ? "docker system df" : `df -h ${quoted(path)}`;
    return problem(name, said, [
      {
        code: "disk-full",
        subject: "",
        message: `${whose} is full: ${what} at ${path}`,
        evidence: "",
        details: { path },
        advice: [{ text: "See what takes the room", command }],
      },
    ]);
  }
  return space.freeBytes < noteBytes ? note(name, said) : ok(name, said);
}

/** A word for the shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

function size(bytes: number): string {
  const gibibytes = bytes / 2 ** 30;
  if (gibibytes >= 1) return `${gibibytes.toFixed(1)} GiB`;
  return `${Math.floor(bytes / mebibyte)} MiB`;
}
