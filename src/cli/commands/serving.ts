import { count, defineCommand, text } from "../command.ts";

export const serverCommand = defineCommand({
  name: "server",
  summary: "run the control plane: API, health, metrics",
  details:
    "Starts without an engine, stays up without one, and says so at /health. Uses the runner that DOCKER_RUNNER_BASE_URL and DOCKER_RUNNER_SHARED_SECRET name, otherwise the engine of this machine. Runs until SIGINT or SIGTERM. Every setting: docs/server.md.",
  arguments: [],
  options: {
    host: text("--host <address>", "address to listen on (default: LASH_SERVER_HOST, or 127.0.0.1)"),
    port: count("--port <number>", "port to listen on (default: LASH_SERVER_PORT, or 3010)"),
    data: text("--data <path>", "folder for its state (default: .lash/server)", "file"),
    stacks: text(
      "--stacks <path>",
      "folder of the manifests it may bring up and down (default: none)",
      "file",
    ),
    serverName: text("--name <name>", "tells the containers of several servers on one engine apart"),
  },
  examples: [
    { run: "lash server", does: "listen on 127.0.0.1:3010" },
    { run: "lash server --stacks ./stacks", does: "also bring the manifests in that folder up and down" },
  ],
  json: "none",
  logs: true,
});

export const runnerCommand = defineCommand({
  name: "runner",
  summary: "give servers signed access to the engine of this host",
  details:
    "Listens on DOCKER_RUNNER_HOST and DOCKER_RUNNER_PORT (127.0.0.1:7071) and is the only one that touches DOCKER_SOCKET. DOCKER_RUNNER_SHARED_SECRET is required; DOCKER_RUNNER_POLICY names a file that says who may do what, read again at SIGHUP. Runs until SIGINT or SIGTERM. Every setting: docs/server.md.",
  arguments: [],
  options: {},
  examples: [{ run: "DOCKER_RUNNER_SHARED_SECRET=... lash runner", does: "listen on 127.0.0.1:7071" }],
  json: "none",
  logs: true,
});
