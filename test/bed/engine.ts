/** Private engines for tests: startDocker() and startPodman(). They run only inside enter.sh. */
export { type DockerOptions, startDocker } from "./docker-engine.ts";
export { type ApiAnswer, type ApiRequest, askEngine, callEngine } from "./engine-api.ts";
export type { Engine } from "./engine-handle.ts";
export { type PodmanOptions, startPodman } from "./podman-engine.ts";
