import type { Engine } from "../../engine/engine.ts";
import { type Dialect, dockerState } from "../engine-api/dialect.ts";
import type { Endpoint } from "../engine-api/endpoint.ts";
import { type OpenOptions, openEngine } from "../engine-api/open.ts";

/** Docker Engine at an endpoint, 20.10 or newer. */
export function openDocker(endpoint: Endpoint, options: OpenOptions = {}): Engine {
  return openEngine(endpoint, dockerDialect, options);
}

const dockerDialect: Dialect = {
  driver: "docker",
  product: "Docker Engine",
  identity: ({ ID = "" }) => ID,
  state: dockerState,
  event: (event) => event,
  // Without exec_create and its like: each health check would send three.
  actions: [
    "create",
    "start",
    "restart",
    "die",
    "oom",
    "kill",
    "stop",
    "pause",
    "unpause",
    "rename",
    "update",
    "health_status",
    "destroy",
  ],
  isNoise: (action) => action.startsWith("exec_"),
  keepsStartError: true,
  removesByIdOnly: false,
  followsToTheEnd: true,
  imageName: (name) => name,
  takesCommitLabels: true,
  localNames: (reference) => [reference],
};
