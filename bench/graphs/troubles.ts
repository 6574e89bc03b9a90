import { stringify } from "yaml";
import { baseImage } from "../lib/bench-bed.ts";

/** Host ports that nobody has in the run's own network. */
export const troublePorts = {
  default: { db: 18_101, api: 18_102, web: 18_103 },
  alternate: { db: 18_111, api: 18_112, web: 18_113 },
} as const;

/** Seconds until the database of the three listens. */
const databaseDelay = "0.5";

const serve = ["open-port", "80"] as const;

/** A stack of one container, with what makes it fail. */
export function renderOne(
  project: string,
  container: { readonly image?: string; readonly command?: readonly string[]; readonly port?: number },
): string {
  const { image = baseImage, command = serve, port } = container;
  const ports = port === undefined ? {} : { ports: [`127.0.0.1:${port}:80`] };
  return stringify({
    project: { name: project },
    resources: { api: { container: { image, command, ready: { tcp: 80 }, ...ports } } },
  });
}

/** A chain of three containers, each with a host port, with as many port bundles as are named. */
export function renderThree(project: string, bundles: readonly (keyof typeof troublePorts)[]): string {
  const container = (name: string, more: object): object => ({
    container: {
      image: baseImage,
      command: serve,
      ready: { tcp: 80 },
      ports: [`\${ports.${name}}:80`],
      ...more,
    },
  });
  return stringify({
    project: { name: project },
    ports: Object.fromEntries(bundles.map((name) => [name, troublePorts[name]])),
    resources: {
      db: container("db", { command: [...serve, databaseDelay] }),
      api: container("api", { depends_on: ["db"] }),
      web: container("web", { depends_on: ["api"], env: { API_URL: "http://127.0.0.1:${ports.api}" } }),
    },
  });
}
