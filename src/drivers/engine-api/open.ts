import type { Engine } from "../../engine/engine.ts";
import { openBuilds } from "./builds.ts";
import { EngineClient, type EngineGreeting } from "./client.ts";
import { Containers } from "./containers.ts";
import type { Dialect } from "./dialect.ts";
import type { Endpoint } from "./endpoint.ts";
import { openExec } from "./exec.ts";
import { engineHost } from "./facts.ts";
import { openImages } from "./images.ts";
import { openNetworks, openVolumes } from "./networks.ts";
import { openSnapshots } from "./snapshots.ts";
import type { InfoJson } from "./wire.ts";

export interface OpenOptions {
  /** What the engine said when it was found; saves asking again. */
  readonly greeting?: EngineGreeting | undefined;
  /** Where registry credentials are looked up: HOME, DOCKER_CONFIG, PATH. The process's own if left out. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
}

/** The engine port over the Engine API at an endpoint. Opens nothing before the first call. */
export function openEngine(endpoint: Endpoint, dialect: Dialect, options: OpenOptions = {}): Engine {
  const env = options.env ?? process.env;
  const client = new EngineClient(endpoint, options.greeting);
  const images = openImages(client, dialect, env);
  const containers = new Containers(client, dialect);
  return {
    driver: dialect.driver,
    async info({ signal }) {
      // One call: /version would add nothing but the product's name, which the dialect knows.
      const info = await client.json<InfoJson>({
        method: "GET",
        path: "/info",
        doing: "ask the engine who it is",
        signal,
      });
      const { apiVersion } = await client.greet(signal);
      return {
        product: dialect.product,
        version: info.ServerVersion ?? "",
        apiVersion,
        id: dialect.identity(info),
        endpoint: endpoint.text,
        platform: `${info.OSType ?? "linux"}/${goArchitecture(info.Architecture ?? "")}`,
        host: engineHost(info),
      };
    },
    list: async (filter, call) => await containers.list(filter, call),
    inspect: async (container, call) => await containers.inspect(container, call),
    create: async (spec, call) => await containers.create(spec, call),
    start: async (container, call) => await containers.start(container, call),
    stop: async (container, call) => await containers.stop(container, call),
    kill: async (container, call) => await containers.kill(container, call),
    remove: async (container, call) => await containers.remove(container, call),
    rename: async (container, call) => await containers.rename(container, call),
    wait: async (container, call) => await containers.wait(container, call),
    logs: (container, call) => containers.logs(container, call),
    exec: async (container, call) => await openExec(client, container, call),
    events: (filter, call) => containers.events(filter, call),
    images,
    networks: openNetworks(client),
    volumes: openVolumes(client),
    builds: openBuilds(client, images, env),
    snapshots: openSnapshots(client, dialect),
    // oxlint-disable-next-line require-await
    async [Symbol.asyncDispose]() {
      client[Symbol.dispose]();
    },
  };
}

/** Docker tells the kernel's name of the architecture, images carry Go's. */
function goArchitecture(name: string): string {
  const names: Readonly<Record<string, string>> = {
    x86_64: "amd64",
    aarch64: "arm64",
    armv7l: "arm",
    armv6l: "arm",
    i386: "386",
    i686: "386",
  };
  return names[name] ?? name;
}
