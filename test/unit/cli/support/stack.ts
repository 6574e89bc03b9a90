import type {
  LogEntry,
  ResourceView,
  StackEvent,
  StackHandle,
  SuperviseEnd,
} from "../../../../src/app/types.ts";
import type { App } from "../../../../src/cli/app.ts";
import { lazyApp } from "../../../../src/cli/real-app.ts";
import type { Resource, Stack } from "../../../../src/model/stack.ts";
import { eventSource } from "./events.ts";

function resource(name: string, dependsOn: readonly string[] = []): Resource {
  return {
    name,
    kind: "container",
    dependsOn: dependsOn.map((each) => ({ name: each, condition: "ready", implicit: false })),
    profiles: [],
    declared: {},
  };
}

export const shop: Stack = {
  project: "shop",
  version: undefined,
  description: undefined,
  manifestPath: "/project/lash.yml",
  directory: "/project",
  format: "lash",
  resources: [resource("db"), resource("api", ["db"])],
  bundles: [],
  bundle: undefined,
  movedPorts: new Map(),
  recovery: { ports: "never" },
  variables: [
    { name: "TOKEN", scheme: "env", source: "environment", path: "resources.api.container.env.TOKEN" },
    { name: "KEY", scheme: "secret", source: "default", path: "resources.api.container.secrets.KEY" },
  ],
};

function view(name: string, extra: Partial<ResourceView> = {}): ResourceView {
  return {
    name,
    kind: "container",
    status: "ready",
    detail: "",
    id: `${name}-id`,
    image: `example/${name}:1`,
    startedAt: "2025-12-31T23:58:30.000Z",
    exitCode: undefined,
    restarts: 0,
    ports: [],
    url: undefined,
    orphan: false,
    ...extra,
  };
}

const shopViews: readonly ResourceView[] = [
  view("db", { ports: ["127.0.0.1:5432->5432/tcp"] }),
  view("api", {
    ports: ["127.0.0.1:8080->80/tcp", "127.0.0.1:5353->53/udp"],
    url: "http://127.0.0.1:8080",
    restarts: 2,
  }),
  view("old", { orphan: true, status: "stopped", startedAt: undefined, exitCode: 0 }),
];

const entry = (stream: LogEntry["stream"], text: string): LogEntry => ({
  stream,
  text,
  at: "2026-01-01T00:00:00.000000001Z",
});

/** A stack handle that plays a short play; each method can be replaced. Records its calls by name. */
export function fakeHandle(replaced: Partial<StackHandle> = {}) {
  const calls: { readonly method: string; readonly arguments: readonly unknown[] }[] = [];
  const listeners = new Set<(event: StackEvent) => void>();
  const event = eventSource();
  const emit = (body: Parameters<typeof event>[0]): void => {
    for (const listener of listeners) listener(event(body));
  };
  const play: Partial<StackHandle> = {
    async up() {
      emit({ type: "resource_starting", name: "db" });
      emit({ type: "resource_ready", name: "db", container_id: "db-id", url: undefined });
      emit({ type: "resource_starting", name: "api" });
      emit({ type: "resource_ready", name: "api", container_id: "api-id", url: "http://127.0.0.1:8080" });
      emit({ type: "stack_started", ready: 2, total: 2, took_ms: 1_234 });
      return {
        ready: ["db", "api"],
        adopted: [],
        tookMs: 1_234,
        recoveries: [],
        addresses: [{ name: "api", url: "http://127.0.0.1:8080" }],
      };
    },
    async plan() {
      return {
        project: "shop",
        steps: [
          {
            id: 1,
            action: "create-network",
            target: "network lash-shop",
            resource: undefined,
            because: "absent",
            needs: [],
            waits: [],
          },
          {
            id: 2,
            action: "create",
            target: "resource db",
            resource: "db",
            because: "absent",
            needs: [1],
            waits: [],
          },
          {
            id: 3,
            action: "create",
            target: "resource api",
            resource: "api",
            because: "absent",
            needs: [1],
            waits: ["db ready"],
          },
        ],
      };
    },
    async down() {
      emit({ type: "stack_stopping", reason: "down" });
      emit({ type: "resource_stopped", name: "api" });
      emit({ type: "resource_stopped", name: "db" });
      emit({ type: "stack_stopped" });
      return { removed: ["api", "db"], networks: ["lash-shop"], volumes: [], kept: ["shop_db"] };
    },
    async supervise(): Promise<SuperviseEnd> {
      return { reason: "down" };
    },
    async list() {
      return shopViews;
    },
    async *logs() {
      yield { resource: "db", entry: entry("stdout", "ready to accept connections") };
      yield { resource: "api", entry: entry("stderr", "\u001b[31mred\u001b[0m\u001b[2J") };
    },
    async *events() {
      yield event({ type: "resource_ready", name: "db", container_id: "db-id", url: undefined });
      yield event({ type: "engine_lost", error: "connection refused" });
    },
    async start() {},
    async stop() {},
    async restart() {},
    async run() {
      return 7;
    },
    onEvent(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async [Symbol.asyncDispose]() {},
  };
  const handle = new Proxy({ stack: shop, ...play, ...replaced } as StackHandle, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function" || typeof name === "symbol") return value;
      return (...parameters: readonly unknown[]) => {
        calls.push({ method: name, arguments: parameters });
        return Reflect.apply(value, target, parameters) as unknown;
      };
    },
  });
  return { handle, calls, emit };
}

/** A composition root around one handle. */
export function fakeApp(handle: StackHandle, replaced: Partial<App> = {}): App {
  return {
    findManifest: async () => "/project/lash.yml",
    openStack: async () => handle,
    readStack: async () => ({ stack: handle.stack }),
    runDoctor: async () => ({
      project: "shop",
      manifest: "/project/lash.yml",
      verdict: "ready",
      checks: [{ name: "manifest", outcome: "ok", said: 'project "shop", 2 resources', problems: [] }],
    }),
    graphText: async (_stack, format) => `graph as ${format}`,
    configOf: async () => ({ project: { name: "shop" }, resources: {} }),
    // Pure, so the real one.
    explain: async (words) => await lazyApp.explain(words),
    detachSupervisor: async () => ({ pid: 4711, log: "/project/.lash/supervisor.log" }),
    serveServer: async () => {},
    serveRunner: async () => {},
    ...replaced,
  };
}
