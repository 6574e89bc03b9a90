import { expect, test } from "vitest";
import type { Failure, PortHolder, RecoveryReport } from "../../../src/app/types.ts";
import { failureText, holderText } from "../../../src/cli/render/holder.ts";
import { paintFor } from "../../../src/cli/render/paint.ts";
import { reportLines } from "../../../src/cli/render/recovery.ts";
import { noRepair, portInUse, recovered, repairFailed, retryFailed } from "./support/reports.ts";

function render(
  report: RecoveryReport,
  columns: number | undefined,
  addresses: readonly string[] = [],
): string {
  return reportLines(report, { paint: paintFor(false), columns, addresses }).join("\n");
}

const addresses = ["backend http://127.0.0.1:8085", "grafana http://127.0.0.1:3004"];

test("recovered, at 110 columns as the design has it", () => {
  expect(render(recovered, 110, addresses)).toBe(
    `x detected   port-in-use     host port 8080/tcp, wanted by "backend", is published by container "ci-jenkins-1"
                             (compose project "ci", started from its compose.yaml)
- repair     use-port-bundle  bundle "alternate": backend 8085, grafana 3004, config-ui 4004 (all three probed
                             free)
- retry 1/1  worked          start of stack "shop", in 3.1 s
v recovered                  backend http://127.0.0.1:8085   grafana http://127.0.0.1:3004`,
  );
});

test("recovered, at 80 columns: an address is never parted from its name", () => {
  expect(render(recovered, 80, [...addresses, "config-ui http://127.0.0.1:4004"])).toBe(
    `x detected   port-in-use     host port 8080/tcp, wanted by "backend", is
                             published by container "ci-jenkins-1" (compose
                             project "ci", started from its compose.yaml)
- repair     use-port-bundle  bundle "alternate": backend 8085, grafana 3004,
                             config-ui 4004 (all three probed free)
- retry 1/1  worked          start of stack "shop", in 3.1 s
v recovered                  backend http://127.0.0.1:8085
                             grafana http://127.0.0.1:3004
                             config-ui http://127.0.0.1:4004`,
  );
});

test("recovered, at 200 columns and piped: a line each", () => {
  const expected = `x detected   port-in-use     host port 8080/tcp, wanted by "backend", is published by container "ci-jenkins-1" (compose project "ci", started from its compose.yaml)
- repair     use-port-bundle  bundle "alternate": backend 8085, grafana 3004, config-ui 4004 (all three probed free)
- retry 1/1  worked          start of stack "shop", in 3.1 s
v recovered                  start of stack "shop"`;
  expect(render(recovered, 200)).toBe(expected);
  expect(render(recovered, undefined)).toBe(expected);
});

test("no repair: why not, and what the person can do, with the command whole", () => {
  expect(render(noRepair, 80)).toBe(
    `x detected   port-in-use     host port 8080/tcp, wanted by "backend", is
                             published by container "ci-jenkins-1" (compose
                             project "ci", started from its compose.yaml)
x no repair                  the manifest declares no other bundle of ports
- you can                    stop the container that has the port
                               docker stop ci-jenkins-1
-                            give "backend" another host port, or declare a
                             second bundle of ports in the manifest so that Lash
                             may move to it
- more                       lash explain port-in-use`,
  );
});

test("a repair that did not work: the second failure and what to do about that one", () => {
  expect(render(repairFailed, 80)).toBe(
    `x detected   image-rate-limited  "db": its image could not be pulled:
                             toomanyrequests: You have reached your
                             unauthenticated pull rate limit.
- repair     pull-again      pull it again in 4.0 s, as the registry asked (a
                             pull that failed leaves nothing half done)
x repair     failed          pull-again did not work
x gave up    engine-unreachable  "db": Cannot reach the engine at
                             unix:///var/run/docker.sock: connection refused
- you can                    see whether the engine runs
                               systemctl status docker
- more                       lash explain engine-unreachable`,
  );
});

test("a retry that failed: the second failure with its log; the first one is not told again", () => {
  expect(render(retryFailed, undefined)).toBe(
    `x detected   port-in-use     host port 8080/tcp, wanted by "backend", is published by container "ci-jenkins-1" (compose project "ci", started from its compose.yaml)
- repair     use-port-bundle  bundle "alternate": backend 8085, grafana 3004, config-ui 4004 (all three probed free)
x retry 1/1  failed          start of stack "shop", after 0.8 s
x gave up    crashed         "backend": it ended with exit code 1
  | reading /etc/backend.toml
  | ␛[31mfatal␛[0m: port 8080 is not what the config says
- you can                    look at what it said before it ended
                               lash up --keep
                               lash logs backend
- more                       lash explain crashed`,
  );
});

test("a chain of failures: each one that its sentence does not tell already, the nearest first", () => {
  const between: Failure = {
    code: "name-in-use",
    subject: "backend",
    message: '"backend": another container is called shop.backend',
    evidence: "",
    cause: portInUse,
  };
  const last: Failure = { code: "crashed", subject: "backend", message: "it ended", evidence: "" };
  const text = render({ ...retryFailed, failure: { ...last, cause: between } }, undefined);
  expect(text).toContain(`x gave up    crashed         it ended
- after      name-in-use     "backend": another container is called shop.backend
- more       `);
});

test("the same failure once more is said, not repeated", () => {
  const text = render({ ...retryFailed, failure: { ...portInUse, cause: portInUse } }, undefined);
  expect(text).toContain("x gave up    port-in-use     the same again\n- you can ");
  expect(text.match(/host port 8080/g)).toHaveLength(1);
});

test.each([40, 71, 72, 80, 120])(
  "nothing but commands and long words is wider than %d columns",
  (columns) => {
    for (const report of [recovered, noRepair, repairFailed, retryFailed]) {
      const wide = render(report, columns, addresses)
        .split("\n")
        .filter((line) => line.length > columns && !/^ *(?:\||docker|lash|systemctl)/.test(line));
      for (const line of wide)
        expect(line.trimStart()).toMatch(/^(?:[x-] \S+ +)?\S+$|^backend http|^grafana http/);
    }
  },
);

test("below 72 columns the words stand under their step", () => {
  expect(render(recovered, 50).split("\n").slice(0, 6).join("\n")).toBe(
    `x detected   port-in-use
  host port 8080/tcp, wanted by "backend", is
  published by container "ci-jenkins-1" (compose
  project "ci", started from its compose.yaml)
- repair     use-port-bundle
  bundle "alternate": backend 8085, grafana 3004,`,
  );
});

test("colour changes nothing but the colour", () => {
  const lines = reportLines(retryFailed, { paint: paintFor(true), columns: 80, addresses: [] });
  // eslint-disable-next-line no-control-regex
  expect(lines.join("\n").replaceAll(/\u001b\[[0-9;]*m/g, "")).toBe(render(retryFailed, 80));
  expect(lines[0]).toContain("\u001b[31mx\u001b[39m detected   \u001b[1mport-in-use\u001b[22m     host");
});

test("no text from outside reaches the terminal as control characters or as more lines", () => {
  const evil = "a\u001b[2J\r\nb\u0007";
  const report: RecoveryReport = {
    ...noRepair,
    operation: evil,
    because: evil,
    detected: {
      ...portInUse,
      message: evil,
      evidence: evil,
      logTail: [evil],
      holder: { type: "container", by: "compose", container: evil, project: evil, file: evil, ours: false },
      advice: [{ text: evil, command: `stop ${evil}` }],
    },
  };
  // eslint-disable-next-line no-control-regex
  expect(render(report, undefined).replaceAll("\n", "")).not.toMatch(/[\u0000-\u001f\u007f]/);
});

test("a failure without a known cause is shown with the engine's words whole", () => {
  const report: RecoveryReport = {
    ...noRepair,
    because: "there is no safe repair for it",
    detected: {
      code: "start-failed",
      subject: "api",
      message: '"api": it could not be started: strange things',
      evidence: "OCI runtime create failed: strange things: unknown\nsecond line",
    },
  };
  expect(render(report, 80)).toBe(
    `x detected   start-failed    "api": it could not be started: strange things
  | OCI runtime create failed: strange things: unknown
  | second line
x no repair                  there is no safe repair for it
- more                       lash explain start-failed`,
  );
});

test.each<readonly [PortHolder, string]>([
  [
    { type: "container", by: undefined, container: "web", project: undefined, file: undefined, ours: false },
    'is published by container "web"',
  ],
  [
    {
      type: "container",
      by: "compose",
      container: "ci-1",
      project: "ci",
      file: "/srv/ci/docker-compose.yml",
      ours: false,
    },
    'is published by container "ci-1" (compose project "ci", started from /srv/ci/docker-compose.yml)',
  ],
  [
    {
      type: "container",
      by: "lash",
      container: "blog.web",
      project: "blog",
      file: "/srv/blog/lash.yml",
      ours: false,
    },
    'is published by container "blog.web" (project "blog", started from /srv/blog/lash.yml)',
  ],
  [
    { type: "container", by: "compose", container: "ci-1", project: "ci", file: undefined, ours: false },
    'is published by container "ci-1" (compose project "ci")',
  ],
  [
    {
      type: "container",
      by: "lash",
      container: "shop.old",
      project: "shop",
      file: "/p/lash.yml",
      ours: true,
    },
    'is published by container "shop.old" of this stack',
  ],
  [
    { type: "process", pid: 4711, name: "nginx", address: "127.0.0.1" },
    'is in use by process "nginx" (pid 4711, listens on 127.0.0.1)',
  ],
  [
    { type: "process", pid: undefined, name: undefined, address: "0.0.0.0" },
    "is in use by a process that only its owner or root may see (it listens on 0.0.0.0)",
  ],
  [
    { type: "other-engine", pid: 812, name: "rootlessport" },
    'is published by another engine of this host (process "rootlessport", pid 812)',
  ],
  [
    { type: "reserved", range: "50000-50099" },
    "lies in the range 50000-50099, which the system keeps for itself",
  ],
  [
    { type: "unknown", because: "no container publishes it and the engine runs elsewhere" },
    "is in use, by whom is unknown: no container publishes it and the engine runs elsewhere",
  ],
])("holderText() of %j", (holder, text) => {
  expect(holderText(holder)).toBe(text);
});

test.each([
  ["127.0.0.1", 'host port 127.0.0.1:53/udp, wanted by "backend", is'],
  ["::1", 'host port [::1]:53/udp, wanted by "backend", is'],
  ["", 'host port 53/udp, wanted by "backend", is'],
])("failureText() names the address %j where it is not every one", (address, text) => {
  const details = { port: { address, number: 53, protocol: "udp" } } as const;
  expect(failureText({ ...portInUse, details })).toContain(text);
});

test("failureText() without a holder is the failure's own sentence", () => {
  expect(failureText({ ...portInUse, holder: undefined })).toBe(portInUse.message);
});
