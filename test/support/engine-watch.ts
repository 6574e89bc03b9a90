import { askEngine, callEngine } from "../bed/engine-api.ts";

/** Something that was done to a thing of an engine, in the order it happened. */
export interface EngineAction {
  readonly type: string;
  readonly action: string;
  readonly name: string;
}

/** What an engine holds that is not the project's, and what is done to it from now on. */
export interface EngineWatch {
  /** One line for each thing that is not as it was at the beginning, or that somebody did something to. */
  changes(): Promise<readonly string[]>;
}

export interface WatchOptions {
  /** Things with this project's label, or named by Lash after it, are ours. */
  readonly project: string;
  /** Of an engine that other tests use too: only containers and networks with these names are looked at. */
  readonly only?: readonly string[];
}

interface Seen {
  readonly things: ReadonlyMap<string, string>;
  readonly images: ReadonlySet<string>;
}

/** Takes a picture of everything foreign on an engine, and compares it with a later one. */
export async function watchEngine(socket: string, options: WatchOptions): Promise<EngineWatch> {
  // The engine's clock is this machine's.
  const since = Date.now();
  const before = await look(socket, options);
  return {
    async changes() {
      const after = await look(socket, options);
      const done = await actionsSince(socket, since, options);
      return [
        ...[...before.things].flatMap(([name, was]) => {
          const is = after.things.get(name);
          if (is === undefined) return [`${name} is gone`];
          return is === was ? [] : [`${name} was ${was}, is ${is}`];
        }),
        ...[...after.things.keys()]
          .filter((name) => !before.things.has(name))
          .map((name) => `${name} is new`),
        ...[...before.images].filter((image) => !after.images.has(image)).map((image) => `${image} is gone`),
        ...done.map(({ type, action, name }) => `${type} ${name}: ${action}`),
      ];
    },
  };
}

/** Containers by their inspection as far as it stays as it is while nobody touches them; networks; volumes; images. */
async function look(socket: string, options: WatchOptions): Promise<Seen> {
  const [containers, networks, volumes, images] = await Promise.all([
    askEngine<readonly { Id: string; Names: readonly string[]; Labels: Labels }[]>(
      socket,
      "/containers/json?all=1",
    ),
    askEngine<readonly { Id: string; Name: string; Labels: Labels }[]>(socket, "/networks"),
    askEngine<{ Volumes: readonly { Name: string; Labels: Labels; CreatedAt: string }[] | null }>(
      socket,
      "/volumes",
    ),
    askEngine<readonly { Id: string; RepoTags: readonly string[] | null }[]>(socket, "/images/json"),
  ]);
  const isForeign = (name: string, labels: Labels): boolean =>
    labels?.["lash.project"] !== options.project && (options.only?.includes(name) ?? true);
  const seen = new Map<string, string>();
  const foreign = containers.filter(({ Names, Labels }) => isForeign(Names[0]?.slice(1) ?? "", Labels));
  for (const inspected of await Promise.all(
    foreign.map(({ Id }) => askEngine<Inspected>(socket, `/containers/${Id}/json`)),
  )) {
    const { Name, State, Config, NetworkSettings, ...rest } = inspected;
    const networks = Object.values(NetworkSettings.Networks).map(({ EndpointID }) => EndpointID);
    seen.set(
      `container ${Name.slice(1)}`,
      JSON.stringify([rest.Id, rest.RestartCount, Config, State.Status, State.StartedAt, networks]),
    );
  }
  for (const { Id, Name, Labels } of networks.filter(({ Name, Labels }) => isForeign(Name, Labels))) {
    seen.set(`network ${Name}`, JSON.stringify([Id, Labels]));
  }
  for (const { Name, Labels, CreatedAt } of volumes.Volumes ?? []) {
    const ours = Name.startsWith(`${options.project}_`);
    if (!ours && isForeign(Name, Labels)) seen.set(`volume ${Name}`, JSON.stringify([Labels, CreatedAt]));
  }
  const tags = options.only === undefined ? images : [];
  return {
    things: seen,
    images: new Set(
      tags.flatMap(({ Id, RepoTags }) => (RepoTags ?? []).map((tag) => `image ${tag} (${Id})`)),
    ),
  };
}

type Labels = Readonly<Record<string, string>> | null;

interface Inspected {
  readonly Id: string;
  readonly Name: string;
  readonly RestartCount: number;
  readonly Config: unknown;
  readonly State: { readonly Status: string; readonly StartedAt: string };
  readonly NetworkSettings: {
    readonly Networks: Readonly<Record<string, { readonly EndpointID: string }>>;
  };
}

/** What the engine says was done since then to containers, networks and volumes that are not ours. */
async function actionsSince(
  socket: string,
  since: number,
  options: WatchOptions,
): Promise<readonly EngineAction[]> {
  const until = (Date.now() / 1000).toFixed(3);
  const { text } = await callEngine(socket, `/events?since=${(since / 1000).toFixed(3)}&until=${until}`);
  const events = text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as EngineEvent)
    // What the test itself did in the same millisecond comes before anything that Lash does.
    .filter(({ timeNano }) => timeNano >= (since + 1) * 1e6);
  // A network's event names the container it is about; ours come and go.
  const oursById = new Set(events.filter(isOurs).map(({ Actor }) => Actor.ID));
  function isOurs({ Type, Actor: { Attributes, ID } }: EngineEvent): boolean {
    const name = Attributes?.["name"] ?? ID;
    if (Attributes?.["lash.project"] === options.project) return true;
    if (Type === "network") return name.startsWith(`lash-${options.project}`);
    return Type === "volume" && (name.startsWith(`${options.project}_`) || /^[0-9a-f]{64}$/.test(name));
  }
  return events.flatMap((event) => {
    const { Type: type, Action: action, Actor } = event;
    const name = Actor.Attributes?.["name"] ?? Actor.ID;
    const container = Actor.Attributes?.["container"];
    if (!["container", "network", "volume"].includes(type) || /^(?:exec_|health_status|top$)/.test(action))
      return [];
    if (isOurs(event) || (container !== undefined && oursById.has(container))) return [];
    if (options.only !== undefined && !options.only.includes(name)) return [];
    return [{ type, action, name }];
  });
}

interface EngineEvent {
  readonly Type: string;
  readonly Action: string;
  readonly timeNano: number;
  readonly Actor: { readonly ID: string; readonly Attributes?: Readonly<Record<string, string>> };
}
