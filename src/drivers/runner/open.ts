import { randomUUID } from "node:crypto";
import type {
  Engine,
  ImageAbility,
  NetworkAbility,
  SnapshotAbility,
  VolumeAbility,
} from "../../engine/engine.ts";
import { answer, type Readiness } from "../../runner/protocol/facts.ts";
import { defaultKeyId } from "../../runner/protocol/signature.ts";
import { progressOf, runnerBuilds } from "./builds.ts";
import { RunnerClient } from "./client.ts";
import { parseRunnerUrl } from "./endpoint.ts";
import { listenToEvents } from "./events.ts";
import { openExec, type RunnerExecOptions, type RunnerExecSession } from "./exec.ts";
import { readLogs } from "./logs.ts";
import { containerPath, labelQuery } from "./paths.ts";

export interface RunnerOptions {
  readonly baseUrl: string;
  readonly sharedSecret: string;
  /** Id of the key that the secret is; the default is "default". */
  readonly keyId?: string | undefined;
  /** PEM text of who signs the runner's certificate. */
  readonly ca?: string | undefined;
  /** For short calls; long ones end when they end. The default is 30 s. */
  readonly timeoutMs?: number | undefined;
  readonly nowMs?: (() => number) | undefined;
  /** Silence after which a stream is taken for dead; the default is three of the runner's heartbeats. */
  readonly silenceMs?: number | undefined;
}

/** An engine behind a runner, and what can be asked of the runner itself. */
export interface RunnerEngine extends Engine {
  readonly driver: "runner";
  /** Without credentials. */
  readonly baseUrl: string;
  /**
   * Whether runner and engine can be used, with one signed attempt. Rejects with `engine-unreachable`, `data.reason`
   * telling why: a wrong secret, a wrong clock, or an engine that is down among them.
   */
  ready(options: { readonly signal: AbortSignal }): Promise<Readiness>;
  exec(container: string, options: RunnerExecOptions): Promise<RunnerExecSession>;
}

const defaultTimeoutMs = 30_000;
/** What the engine's drivers allow for starting, creating and removing, and a little more. */
const slowDeadlineMs = 195_000;
/** How long a stop may take beyond its grace, in the drivers, and a little more. */
const stopMarginMs = 75_000;
/** A stream of a long call begins at once; the engine has to be asked whose a container is. */
const longHeadMs = 60_000;

/** Opens the engine behind a runner. Needs no connection: a runner that is down is noticed with the first call. */
export function openRunner(options: RunnerOptions): RunnerEngine {
  const client = new RunnerClient({
    endpoint: parseRunnerUrl(options.baseUrl),
    key: { id: options.keyId ?? defaultKeyId, secret: options.sharedSecret },
    ca: options.ca,
    timeoutMs: options.timeoutMs ?? defaultTimeoutMs,
    nowMs: options.nowMs ?? Date.now,
    silenceMs: options.silenceMs,
  });
  const baseUrl = client.endpoint.text;
  return {
    driver: "runner",
    baseUrl,
    async ready({ signal }) {
      const doing = "reach the runner";
      return await client.json(
        { method: "GET", path: "/v1/ready", doing, signal, attempts: "probe" },
        answer.ready,
      );
    },
    async info({ signal }) {
      const doing = "ask the engine what it is";
      const call = { method: "GET", path: "/v1/info", doing, signal, attempts: "read" } as const;
      return { ...(await client.json(call, answer.info)), endpoint: baseUrl };
    },
    async list(filter, { signal }) {
      const query = labelQuery(filter);
      const call = { method: "GET", path: "/v1/containers", query, signal, attempts: "read" } as const;
      return await client.json({ ...call, doing: "list containers" }, answer.containers);
    },
    async inspect(container, { signal }) {
      const doing = `inspect container "${container}"`;
      const path = containerPath(container);
      return await client.find({ method: "GET", path, doing, signal, attempts: "read" }, answer.container);
    },
    async create(spec, { signal }) {
      return await client.json(
        {
          method: "POST",
          path: "/v1/containers",
          // One id for all attempts: a second one finds what the first has made.
          json: { spec, request: randomUUID() },
          doing: `create container "${spec.name}"`,
          signal,
          deadlineMs: slowDeadlineMs,
          attempts: "again",
        },
        answer.id,
      );
    },
    async start(container, { signal }) {
      await client.change({
        ...post(container, "start"),
        signal,
        deadlineMs: slowDeadlineMs,
        attempts: "again",
      });
    },
    async stop(container, { signal, graceMs }) {
      const deadlineMs = graceMs + stopMarginMs;
      const call = { ...post(container, "stop"), json: { graceMs: Math.ceil(graceMs) }, signal, deadlineMs };
      await client.change({ ...call, attempts: "again" });
    },
    async kill(container, { signal, signalName }) {
      // A second signal is not the same as one.
      const call = { ...post(container, "kill"), json: { signalName }, signal, deadlineMs: slowDeadlineMs };
      await client.change({ ...call, attempts: "once" });
    },
    async remove(container, { signal }) {
      const call = { method: "DELETE", path: containerPath(container), signal, attempts: "again" } as const;
      const doing = `remove container "${container}"`;
      await client.change({ ...call, doing, deadlineMs: slowDeadlineMs });
    },
    async rename(container, { signal, name }) {
      await client.change({ ...post(container, "rename"), json: { name }, signal, attempts: "once" });
    },
    async wait(container, { signal }) {
      const doing = `wait for container "${container}"`;
      const path = `${containerPath(container)}/wait`;
      const call = { method: "GET", path, doing, signal, deadlineMs: longHeadMs, attempts: "read" } as const;
      return await client.long(call, answer.exit);
    },
    logs: (container, call) => readLogs(client, container, call),
    exec: async (container, call) => await openExec(client, container, call),
    events: (filter, call) => listenToEvents(client, filter, call),
    images: images(client),
    networks: networks(client),
    volumes: volumes(client),
    builds: runnerBuilds(client),
    snapshots: snapshots(client),
    // oxlint-disable-next-line require-await
    async [Symbol.asyncDispose]() {
      client[Symbol.dispose]();
    },
  };
}

function post(container: string, verb: string) {
  const path = `${containerPath(container)}/${verb}`;
  return { method: "POST", path, doing: `${verb} container "${container}"` } as const;
}

function images(client: RunnerClient): ImageAbility {
  const path = "/v1/images";
  return {
    async inspect(reference, { signal }) {
      const call = { method: "GET", path, query: new URLSearchParams({ reference }), signal } as const;
      return await client.find(
        { ...call, doing: `inspect image "${reference}"`, attempts: "read" },
        answer.image,
      );
    },
    async pull(reference, options) {
      const { signal, platform } = options;
      const json = { reference, platform };
      const call = { method: "POST", path: `${path}/pull`, json, signal, deadlineMs: longHeadMs } as const;
      const nothing = { parse: () => undefined };
      await client.long(
        { ...call, doing: `pull image "${reference}"`, attempts: "once" },
        nothing,
        progressOf(options),
      );
    },
    async remove(reference, { signal }) {
      const query = new URLSearchParams({ reference });
      const call = { method: "DELETE", path, query, signal, deadlineMs: slowDeadlineMs } as const;
      await client.change({ ...call, doing: `remove image "${reference}"`, attempts: "again" });
    },
  };
}

function networks(client: RunnerClient): NetworkAbility {
  const path = "/v1/networks";
  const one = (name: string): string => `${path}/${encodeURIComponent(name)}`;
  return {
    async list(filter, { signal }) {
      const call = { method: "GET", path, query: labelQuery(filter), signal, attempts: "read" } as const;
      return await client.json({ ...call, doing: "list networks" }, answer.networks);
    },
    async inspect(name, { signal }) {
      const call = { method: "GET", path: one(name), signal, attempts: "read" } as const;
      return await client.find({ ...call, doing: `inspect network "${name}"` }, answer.network);
    },
    async create(network, { signal }) {
      // A second attempt would meet the first one's network as somebody else's.
      const call = { method: "POST", path, json: network, signal, attempts: "once" } as const;
      const doing = `create network "${network.name}"`;
      return await client.json({ ...call, doing, deadlineMs: slowDeadlineMs }, answer.id);
    },
    async remove(name, { signal }) {
      const call = { method: "DELETE", path: one(name), signal, attempts: "again" } as const;
      await client.change({ ...call, doing: `remove network "${name}"`, deadlineMs: slowDeadlineMs });
    },
  };
}

function volumes(client: RunnerClient): VolumeAbility {
  const path = "/v1/volumes";
  const one = (name: string): string => `${path}/${encodeURIComponent(name)}`;
  return {
    async list(filter, { signal }) {
      const call = { method: "GET", path, query: labelQuery(filter), signal, attempts: "read" } as const;
      return await client.json({ ...call, doing: "list volumes" }, answer.volumes);
    },
    async inspect(name, { signal }) {
      const call = { method: "GET", path: one(name), signal, attempts: "read" } as const;
      return await client.find({ ...call, doing: `inspect volume "${name}"` }, answer.volume);
    },
    async create(volume, { signal }) {
      const call = { method: "POST", path, json: volume, signal, attempts: "again" } as const;
      await client.change({ ...call, doing: `create volume "${volume.name}"`, deadlineMs: slowDeadlineMs });
    },
    async remove(name, { signal }) {
      const call = { method: "DELETE", path: one(name), signal, attempts: "again" } as const;
      await client.change({ ...call, doing: `remove volume "${name}"`, deadlineMs: slowDeadlineMs });
    },
  };
}

function snapshots(client: RunnerClient): SnapshotAbility {
  return {
    async commit(container, { signal, tag, labels }) {
      const call = {
        method: "POST",
        path: `${containerPath(container)}/commit`,
        json: { tag, labels },
      } as const;
      const doing = `make an image of container "${container}"`;
      return await client.long(
        { ...call, doing, signal, deadlineMs: longHeadMs, attempts: "once" },
        answer.imageId,
      );
    },
  };
}
