import type { Random } from "./random.ts";

const image = "lash-base:1";
const sleeper = ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 3600 & wait $!; done"];
/** Ends on SIGKILL alone. */
const stubborn = ["sh", "-c", "trap '' TERM; while :; do sleep 1; done"];

/** What runs once such a stack is up: state by resource. */
export type Wanted = Readonly<Record<string, "running" | "exited">>;

/** A stack with every shape that matters here: a volume, checks, a task, a chain and branches. */
export function shopStack(
  project: string,
  options: { readonly random: Random; readonly version: string; readonly stubborn?: boolean },
): { readonly manifest: unknown; readonly wanted: Wanted } {
  const { random, version } = options;
  const seconds = (): string => (random() * 0.3).toFixed(2);
  const server = (more: object): object => ({
    container: {
      image,
      command: ["open-port", "8080", seconds()],
      ready: { tcp: 8080 },
      env: { VERSION: version },
      ...more,
    },
  });
  const resources = {
    db: server({ volumes: ["data:/data"] }),
    cache: server({}),
    queue: { container: { image, command: sleeper } },
    migrate: {
      task: {
        image,
        command: ["sh", "-c", `sleep ${seconds()}`],
        depends_on: ["db"],
        env: { VERSION: version },
      },
    },
    api: server({ depends_on: ["migrate", "cache", "queue"], restart: "on-failure" }),
    worker: {
      container: {
        image,
        command: sleeper,
        depends_on: { api: "started", queue: "ready" },
        env: { VERSION: version },
      },
    },
    web: server({
      depends_on: ["api"],
      healthcheck: { test: ["CMD", "wget", "-q", "-O", "-", "http://localhost:8080/"], interval: "1s" },
    }),
    ...(options.stubborn === true
      ? { stubborn: { container: { image, command: stubborn, stop_grace: "2s" } } }
      : {}),
  };
  const wanted = Object.fromEntries(
    Object.keys(resources).map((name) => [name, name === "migrate" ? "exited" : "running"] as const),
  );
  return { manifest: { project: { name: project }, resources }, wanted };
}
