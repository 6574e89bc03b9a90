import type { Failure, RecoveryReport, Repair } from "../../../../src/app/types.ts";

/** What stack, engine and recovery say in cases that occur, as the command line gets to show it. */
export const portInUse: Failure = {
  code: "port-in-use",
  subject: "backend",
  message: '"backend": it could not be started: Bind for 0.0.0.0:8080 failed: port is already allocated',
  evidence:
    "driver failed programming external connectivity on endpoint shop.backend (0f3b): Bind for 0.0.0.0:8080 failed: port is already allocated",
  details: { port: { address: "0.0.0.0", number: 8080, protocol: "tcp" } },
  holder: {
    type: "container",
    by: "compose",
    container: "ci-jenkins-1",
    project: "ci",
    file: "compose.yaml",
    ours: false,
  },
  advice: [
    { text: "stop the container that has the port", command: "docker stop ci-jenkins-1" },
    {
      text: 'give "backend" another host port, or declare a second bundle of ports in the manifest so that Lash may move to it',
    },
  ],
};

export const alternate: Repair = {
  name: "use-port-bundle",
  what: 'bundle "alternate": backend 8085, grafana 3004, config-ui 4004 (all three probed free)',
  safe: "the manifest declares it, and every port of it was probed free on IPv4 and IPv6",
};

const crashed: Failure = {
  code: "crashed",
  subject: "backend",
  message: '"backend": it ended with exit code 1',
  evidence: "",
  exitCode: 1,
  logTail: ["reading /etc/backend.toml", "\u001b[31mfatal\u001b[0m: port 8080 is not what the config says"],
  advice: [{ text: "look at what it said before it ended", command: "lash up --keep\nlash logs backend" }],
};

const start = { operation: 'start of stack "shop"', detected: portInUse } as const;
const done = { ...alternate, outcome: "done" } as const;

export const recovered: RecoveryReport = {
  ...start,
  repair: done,
  because: undefined,
  retry: { outcome: "worked", tookMs: 3_120 },
  outcome: "recovered",
  failure: undefined,
};

export const noRepair: RecoveryReport = {
  ...start,
  repair: undefined,
  because: "the manifest declares no other bundle of ports",
  retry: undefined,
  outcome: "gave-up",
  failure: undefined,
};

export const repairFailed: RecoveryReport = {
  operation: 'pull of "docker.io/library/postgres:16-alpine"',
  detected: {
    code: "image-rate-limited",
    subject: "db",
    message:
      '"db": its image could not be pulled: toomanyrequests: You have reached your unauthenticated pull rate limit.',
    evidence: "toomanyrequests: You have reached your unauthenticated pull rate limit.",
    details: { image: "docker.io/library/postgres:16-alpine", retryAfterMs: 4_000 },
  },
  repair: {
    name: "pull-again",
    what: "pull it again in 4.0 s, as the registry asked",
    safe: "a pull that failed leaves nothing half done",
    outcome: "failed",
  },
  because: undefined,
  retry: undefined,
  outcome: "gave-up",
  failure: {
    code: "engine-unreachable",
    subject: "db",
    message: '"db": Cannot reach the engine at unix:///var/run/docker.sock: connection refused',
    evidence: "connection refused",
    advice: [{ text: "see whether the engine runs", command: "systemctl status docker" }],
  },
};

export const retryFailed: RecoveryReport = {
  ...start,
  repair: done,
  because: undefined,
  retry: { outcome: "failed", tookMs: 812 },
  outcome: "gave-up",
  failure: { ...crashed, cause: portInUse },
};
