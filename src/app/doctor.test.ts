import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createMemoryEngine } from "../drivers/memory/memory-engine.ts";
import type { ContainerFacts, EngineInfo, ImageFacts, NetworkFacts } from "../engine/facts.ts";
import { parseManifest } from "../manifest/parse.ts";
import { resolveStack } from "../manifest/resolve-stack.ts";
import { noVariables } from "../manifest/variables.ts";
import { LashError } from "../model/errors.ts";
import type { PortHolder } from "../recovery/port-holder.ts";
import { portsToFollow } from "../stack/port-choice.ts";
import { engineFailure, inToolsOf, judgeEngine, judgeNoEngine } from "./doctor-engine.ts";
import { judgeBinds, judgeDisk, judgeImages, judgeNames, judgePools } from "./doctor-judge.ts";
import { elsewhereOf, observedOf } from "./doctor-own.ts";
import { mobyDefaultPools, poolUse } from "./doctor-pools.ts";
import { judgeOtherBundles, judgePorts, type MoveFacts, type SeenPort } from "./doctor-ports.ts";
import { type Check, ok, problem, verdictOf } from "./doctor-report.ts";
import { type WantedImage, wantsOf } from "./doctor-wants.ts";

const info: EngineInfo = {
  product: "Docker Engine",
  version: "28.5.2",
  apiVersion: "1.47",
  id: "x",
  endpoint: "unix:///run/docker.sock",
  platform: "linux/amd64",
};

describe("poolUse()", () => {
  test("the defaults of moby are 31 subnets", () => {
    expect(poolUse(mobyDefaultPools, [])).toEqual({ total: 31, free: 31 });
    expect(poolUse(mobyDefaultPools, ["172.17.0.0/16", "172.21.0.0/16", "192.168.16.0/20"])).toEqual({
      total: 31,
      free: 28,
    });
  });

  test("a subnet larger than a slot takes several, one elsewhere or of IPv6 none", () => {
    expect(
      poolUse([{ base: "10.0.0.0/8", size: 24 }], ["10.1.0.0/16", "192.168.0.0/16", "fd00::/64"]),
    ).toEqual({
      total: 65_536,
      free: 65_280,
    });
  });

  test("what is no range counts for nothing", () => {
    expect(poolUse([{ base: "nonsense", size: 24 }], ["also nonsense", "10.0.0.0/99"])).toEqual({
      total: 0,
      free: 0,
    });
  });

  test("counting agrees with trying every slot", () => {
    const subnet = fc
      .tuple(fc.nat(255), fc.integer({ min: 18, max: 30 }))
      .map(([byte, bits]) => ({ byte, bits }));
    fc.assert(
      fc.property(fc.array(subnet, { maxLength: 12 }), (subnets) => {
        const used = subnets.map(({ byte, bits }) => `10.0.${byte}.0/${bits}`);
        const slots = Array.from({ length: 256 }, (_, at) => at);
        const isFree = (slot: number): boolean =>
          subnets.every(({ byte, bits }) => {
            const size = 2 ** (32 - bits);
            const first = byte * 256 - ((byte * 256) % size);
            return first + size - 1 < slot * 256 || first > slot * 256 + 255;
          });
        expect(poolUse([{ base: "10.0.0.0/16", size: 24 }], used).free).toBe(slots.filter(isFree).length);
      }),
    );
  });
});

describe("judgePools()", () => {
  const network = (name: string, subnet: string, labels = {}): NetworkFacts => ({
    id: name,
    name,
    labels,
    containers: [],
    subnets: [subnet],
  });
  const pool = { base: "10.0.0.0/23", size: 24 };
  const small = { ...info, host: { name: "", dataFolder: "", rootless: false, addressPools: [pool] } };
  const full = [network("a", "10.0.0.0/24"), network("lash-shop", "10.0.1.0/24")];

  test("none left is a problem, unless the stack has its network", () => {
    const own = { network: "lash-shop", project: "shop" };
    expect(judgePools(small, full, own).problems).toMatchObject([{ code: "network-pool-exhausted" }]);
    const ours = [
      network("a", "10.0.0.0/24"),
      network("lash-shop", "10.0.1.0/24", { "lash.project": "shop" }),
    ];
    expect(judgePools(small, ours, own).outcome).toBe("note");
    expect(judgePools(small, full, { network: undefined, project: "shop" }).outcome).toBe("ok");
  });

  test("an engine that does not tell its pools is not judged", () => {
    const own = { network: "lash-shop", project: "shop" };
    expect(judgePools({ ...info, product: "Podman Engine" }, full, own).outcome).toBe("skipped");
  });
});

describe("judgePorts()", () => {
  const holder: PortHolder = { type: "process", pid: 7, name: "node", address: "::" };
  const seen = (more: Partial<SeenPort> = {}): SeenPort => ({
    resource: "web",
    native: false,
    port: { address: "127.0.0.1", number: 8080, protocol: "tcp" },
    state: "free",
    holder: undefined,
    probe: { free: true, ipv4: "free", ipv6: "free" },
    ours: false,
    elsewhere: false,
    takenByUs: undefined,
    ...more,
  });
  const bundles = [
    { name: "first", ports: { web: 8080 } },
    { name: "second", ports: { web: 8090 } },
  ];
  const moves: MoveFacts = {
    policy: "bundle",
    isFixed: false,
    bundles,
    current: { bundle: "first", moved: new Map() },
    target: [{ name: "web", number: 8090, state: "free", detail: "" }],
    freePorts: undefined,
    others: [],
  };
  const here = { rootless: false, elsewhere: undefined, moves: { ...moves, bundles: [] } };
  const probe = { free: false, ipv4: "in-use", ipv6: "in-use" } as const;
  const held = seen({ state: "held", holder, probe });

  test("free, and held by the stack itself, are fine", () => {
    expect(judgePorts([seen(), seen({ ours: true, state: "held" })], here)).toEqual(
      ok("ports", "1 port free, 1 port held by this stack itself"),
    );
  });

  test("a holder is a problem", () => {
    const check = judgePorts([held], here);
    expect(check.problems).toMatchObject([{ code: "port-in-use", subject: "web", holder }]);
  });

  test("where an up would move to the next bundle, it is a note that says so", () => {
    const check = judgePorts([held], { ...here, moves });
    expect(check).toMatchObject({ outcome: "note", problems: [] });
    expect(check.said).toBe(
      'host port 127.0.0.1:8080/tcp, wanted by "web", is taken by process "node" (pid 7) on ::, ' +
        'and `lash up` will move to bundle "second": web 8090 (probed free)',
    );
    const fixed = seen({ ...held, resource: "db", port: { ...held.port, number: 5432 } });
    const mixed = judgePorts([held, fixed], { ...here, moves });
    expect(mixed.problems).toMatchObject([{ subject: "db" }]);
    expect(mixed.said).toMatch(/^1 of 2 cannot be had; .*will move to bundle "second"/);
  });

  test.each<[string, Partial<MoveFacts>, Partial<SeenPort>]>([
    ["the next bundle is taken", { target: [{ name: "web", number: 8090, state: "held", detail: "" }] }, {}],
    ["the last bundle is in use", { current: { bundle: "second", moved: new Map() } }, {}],
    ["the manifest wants no repair", { policy: "never" }, {}],
    ["the caller chose the bundle", { isFixed: true }, {}],
    ["a native process wants it", {}, { native: true }],
    ["the system reserves it", {}, { holder: { type: "reserved", range: "8000-9000" } }],
    ["another resource of the stack has it", {}, { takenByUs: "db" }],
    ["no free port is found", { policy: "any-free", freePorts: { because: "none" } }, {}],
  ])("it stays a problem where %s", (_, fact, port) => {
    const check = judgePorts([seen({ ...held, ...port })], { ...here, moves: { ...moves, ...fact } });
    expect(check.outcome).toBe("problem");
  });

  test("where an up may take any free port, a taken one is a note", () => {
    const freePorts = new Map([[8080, 49_200]]);
    const check = judgePorts([held], { ...here, moves: { ...moves, policy: "any-free", freePorts } });
    expect(check.outcome).toBe("note");
    expect(check.said).toContain("and `lash up` will take another port for it");
  });

  test("what the same project has elsewhere is no second problem", () => {
    const namesake: PortHolder = {
      type: "container",
      container: "shop.web",
      by: "lash",
      project: "shop",
      file: "/other/lash.yml",
      ours: false,
    };
    const check = judgePorts([seen({ state: "held", holder: namesake, elsewhere: true })], here);
    expect(check).toMatchObject({ outcome: "note", said: expect.stringContaining("elsewhere") });
  });

  test("on the family that is not published, a holder is worth a note", () => {
    const probe = { free: false, ipv4: "free", ipv6: "in-use" } as const;
    expect(judgePorts([seen({ state: "held", holder, probe })], here).outcome).toBe("note");
    const every = { address: "", number: 8080, protocol: "tcp" } as const;
    expect(judgePorts([seen({ state: "held", holder, probe, port: every })], here).outcome).toBe("problem");
    const six = { address: "::", number: 8080, protocol: "tcp" } as const;
    expect(judgePorts([seen({ state: "held", holder, probe, port: six })], here).outcome).toBe("problem");
  });

  test.each([
    ["a rootful engine", false, false, "ok"],
    ["a rootless engine", true, false, "problem"],
    ["a native process", false, true, "problem"],
  ])("a port that is not for this user, of %s", (_, rootless, native, outcome) => {
    const probe = { free: false, ipv4: "denied", ipv6: "denied" } as const;
    const check = judgePorts([seen({ probe, native })], { ...here, rootless });
    expect(check.outcome).toBe(outcome);
    expect(check.problems.map(({ code }) => code)).toEqual(outcome === "ok" ? [] : ["port-privileged"]);
  });

  test("an address that is not there is a problem of its own", () => {
    const probe = { free: false, ipv4: "no-such-address", ipv6: "not-asked" } as const;
    expect(judgePorts([seen({ state: "unknown", probe })], here).problems).toMatchObject([
      { code: "host-address-missing" },
    ]);
  });

  test("ports of an engine elsewhere are said not to be known", () => {
    const check = judgePorts([seen({ state: "unknown", probe: undefined })], {
      ...here,
      elsewhere: "it is far",
    });
    expect(check).toMatchObject({ outcome: "note", said: expect.stringContaining("it is far") });
  });

  test("other bundles are told port by port", () => {
    const port = (number: number, protocol: "tcp" | "udp" = "tcp") =>
      ({ address: "", number, protocol }) as const;
    const ports = [
      { bundle: "b", name: "web", port: port(1), state: "held", holder, probe: undefined },
      { bundle: "c", name: "web", port: port(2, "udp"), state: "free", holder: undefined, probe: undefined },
      { bundle: "d", name: "web", port: port(3), state: "unknown", holder: undefined, probe: undefined },
    ] as const;
    expect(judgeOtherBundles(ports)).toMatchObject({
      outcome: "note",
      said: '"b": web 1 taken by process "node" (pid 7) on ::; "c": web 2/udp free; "d": web 3 not known to be free',
    });
  });
});

describe("judgeImages()", () => {
  const image = (more: Partial<WantedImage> = {}): WantedImage => ({
    resource: "web",
    reference: "web:1",
    platform: undefined,
    source: "pull",
    policy: "missing",
    ...more,
  });
  const local = (platform: string): ReadonlyMap<string, ImageFacts> =>
    new Map([
      [
        "web:1",
        {
          id: "x",
          tags: [],
          digests: [],
          labels: {},
          platform,
          sizeBytes: 0,
          exposedPorts: [],
          hasHealthcheck: false,
        },
      ],
    ]);

  test.each([
    ["linux/amd64", "ok"],
    ["linux/386", "ok"],
    ["", "ok"],
    ["linux/arm64/v8", "problem"],
    ["windows/amd64", "problem"],
  ])("an image for %s on linux/amd64 is %s", (platform, outcome) => {
    expect(judgeImages([image()], local(platform), info).outcome).toBe(outcome);
  });

  test("a declared platform, or one that is pulled anew, is not judged", () => {
    expect(judgeImages([image({ platform: "linux/arm64" })], local("linux/arm64"), info).outcome).toBe("ok");
    expect(judgeImages([image({ policy: "always" })], local("linux/arm64"), info).outcome).toBe("ok");
  });

  test("an absent image is a problem only when it is never pulled", () => {
    expect(judgeImages([image()], new Map(), info)).toMatchObject({ outcome: "ok" });
    expect(judgeImages([image({ policy: "never" })], new Map(), info).problems).toMatchObject([
      { code: "image-not-found" },
    ]);
    expect(judgeImages([image({ policy: "never", source: "build" })], new Map(), info).outcome).toBe("ok");
  });
});

describe("what exists of the project", () => {
  const bareFacts: ContainerFacts = {
    id: "x",
    name: "shop.web",
    labels: {},
    image: "web:1",
    imageId: "",
    state: "running",
    health: "none",
    healthOutput: "",
    restartCount: 0,
    createdAt: undefined,
    startedAt: undefined,
    finishedAt: undefined,
    pid: undefined,
    ports: [],
    addresses: {},
    exitCode: undefined,
    oomKilled: false,
    error: "",
  };
  const owner = { project: "shop", manifestPath: "/shop/lash.yml", machine: "m" };
  const own = {
    "lash.project": "shop",
    "lash.resource": "web",
    "lash.manifest": "/shop/lash.yml",
    "lash.machine": "m",
  };
  const made = (at: string, state: "running" | "exited", labels: Record<string, string>) => ({
    ...bareFacts,
    state,
    createdAt: `2026-01-01T00:00:${at}Z`,
    labels: { ...own, ...labels },
  });
  const observed = (...all: readonly ReturnType<typeof made>[]) =>
    observedOf(createMemoryEngine(), all, "shop");
  const bundles = ["first", "second"].map((name) => ({ name, ports: {} }));
  const stack = { bundles, recovery: { ports: "bundle" } } as const;

  test("the newest container tells the ports, running or not; what the manifest no longer has does not count", () => {
    const older = made("01", "running", { "lash.bundle": "first" });
    const newer = made("02", "exited", { "lash.bundle": "second", "lash.moved-ports": "8080:49200" });
    expect(portsToFollow(stack, observed(older, newer))).toEqual({ bundle: "second", moved: new Map() });
    const anyFree = { bundles: [], recovery: { ports: "any-free" } } as const;
    const moved = new Map([[8080, 49_200]]);
    expect(portsToFollow(anyFree, observed(older, newer))).toEqual({ bundle: undefined, moved });
    const gone = made("03", "running", { "lash.bundle": "third" });
    expect(portsToFollow(stack, observed(newer, gone))?.bundle).toBe("first");
    expect(portsToFollow(stack, observed())).toBeUndefined();
    expect(portsToFollow({ ...stack, bundles: [] }, observed(newer))).toBeUndefined();
  });

  test("of another project, or of nobody, is nothing of it", () => {
    expect(observed(made("01", "running", { "lash.project": "other" }))).toEqual([]);
    const bare = { ...made("01", "running", {}), labels: { "lash.project": "shop" } };
    expect(observedOf(createMemoryEngine(), [bare], "shop")).toEqual([]);
  });

  test.each([
    ["manifest", { "lash.manifest": "/copy/lash.yml" }, 'from "/copy/lash.yml",'],
    ["machine", { "lash.machine": "n" }, 'from "/shop/lash.yml" on another machine,'],
  ])("started from another %s it is a problem of the names", (_, labels, said) => {
    const all = observed(made("01", "running", {}), made("02", "exited", labels));
    const elsewhere = elsewhereOf(owner, all);
    const manifest = parseManifest("project: { name: shop }\nresources: {}\n", owner.manifestPath);
    const wants = wantsOf(resolveStack(manifest, { variables: noVariables }));
    const check = judgeNames(wants, { containers: [], networks: [] }, { owner, elsewhere });
    expect(check.problems).toMatchObject([{ code: "name-in-use", message: expect.stringContaining(said) }]);
    const mine = { owner, elsewhere: elsewhereOf(owner, all.slice(0, 1)) };
    expect(judgeNames(wants, { containers: [], networks: [] }, mine).outcome).toBe("skipped");
  });
});

test("judgeBinds() calls a missing source a problem only on the engine's own machine", () => {
  const missing = [{ resource: "web", source: "/it's gone", found: "missing" }] as const;
  const check = judgeBinds(missing, { same: true, because: "" });
  expect(check.problems).toMatchObject([{ code: "mount-source-missing", details: { path: "/it's gone" } }]);
  expect(check.problems[0]?.advice?.[0]?.command).toBe(String.raw`mkdir -p '/it'\''s gone'`);
  expect(judgeBinds(missing, { same: false, because: "far" }).outcome).toBe("note");
});

test.each([
  [50, 10, "problem"],
  [500, 10, "note"],
  [5000, 10, "ok"],
  [5000, 0, "problem"],
])("judgeDisk() of an engine with %i MiB and %i files left is %s", (mebibytes, freeFiles, outcome) => {
  const space = { freeBytes: mebibytes * 2 ** 20, totalBytes: 2 ** 40, freeFiles };
  expect(judgeDisk("engine disk", "/data", space).outcome).toBe(outcome);
});

describe("an engine that cannot be used", () => {
  const error = (code: LashError["code"], tried: readonly object[] = []) =>
    new LashError(code, "Cannot reach it: why", { data: { tried }, hint: "Start it" });
  const at = (code: string) => [{ endpoint: "tcp://box", source: "DOCKER_HOST", code, reason: "no" }];

  test.each([
    ["engine-unreachable", at("ECONNREFUSED"), "engine-unreachable", "engine"],
    ["engine-unreachable", at("ENOTFOUND"), "engine-wrong-host", "engine choice"],
    ["engine-permission", at("EACCES"), "engine-permission", "socket"],
    ["usage", [], "engine-wrong-host", "engine choice"],
    ["engine-unsupported", [], "engine-wrong-host", "engine choice"],
    ["engine-api-version", [], "engine-api-version", "api version"],
    ["timed-out", [], "engine-unreachable", "engine"],
  ] as const)("%s %o is %s, at the check %s", (thrown, tried, code, check) => {
    const checks = judgeNoEngine(error(thrown, tried));
    expect(checks.filter(({ outcome }) => outcome === "problem").map(({ name }) => name)).toEqual([check]);
    expect(checks.flatMap(({ problems }) => problems)).toMatchObject([
      { code, advice: [{ text: "Start it" }] },
    ]);
    expect(verdictOf(checks)).toBe("no-engine");
  });

  test("its failure tells every place that was tried", () => {
    expect(engineFailure(error("engine-unreachable", at("ECONNREFUSED"))).evidence).toBe(
      "tcp://box (DOCKER_HOST): no",
    );
  });
});

test("judgeEngine() tells what names the engine, and what that wins over", () => {
  const choice = { endpoint: "unix:///x.sock", source: "DOCKER_HOST" };
  const said = (environment: NodeJS.ProcessEnv, source = choice.source): string | undefined =>
    judgeEngine(info, { ...choice, source }, environment).find(({ name }) => name === "engine choice")?.said;
  expect(said({ DOCKER_HOST: "unix:///x.sock" })).toBe("DOCKER_HOST names unix:///x.sock");
  expect(said({ DOCKER_HOST: "unix:///x.sock", DOCKER_CONTEXT: "far" })).toContain(
    "wins over DOCKER_CONTEXT",
  );
  expect(said({ DOCKER_CONTEXT: "far" }, 'docker context "far"')).toBe(
    'docker context "far" names unix:///x.sock',
  );
  expect(said({}, "default")).toContain("the usual socket");
  const old = judgeEngine({ ...info, apiVersion: "1.40" }, choice, {});
  expect(old.find(({ name }) => name === "api version")?.outcome).toBe("note");
});

test("verdictOf(): an engine out of reach beside anything else is trouble", () => {
  const failure = (code: "engine-unreachable" | "disk-full") => ({
    code,
    subject: "",
    message: "",
    evidence: "",
  });
  const engine = problem("engine", "", [failure("engine-unreachable")]);
  const disk: Check = problem("own disk", "", [failure("disk-full")]);
  expect(verdictOf([ok("names", "")])).toBe("ready");
  expect(verdictOf([engine])).toBe("no-engine");
  expect(verdictOf([engine, disk])).toBe("trouble");
});

test("inToolsOf() gives Podman's words to paste to who has Podman", () => {
  const failure = { code: "name-in-use", subject: "", message: "", evidence: "" } as const;
  const check = problem("names", "", [{ ...failure, advice: [{ text: "a", command: "docker stop x" }] }]);
  const command = (product: string) => inToolsOf(product, [check])[0]?.problems[0]?.advice?.[0]?.command;
  expect(command("Podman Engine")).toBe("podman stop x");
  expect(command("Docker Engine")).toBe("docker stop x");
});

test("wantsOf() takes what is known, and leaves out what depends on what is not", () => {
  const manifest = parseManifest(
    `project: { name: shop }
ports: { first: { web: 8080 }, second: { web: 8081 } }
resources:
  db: { postgres: {} }
  web:
    container:
      image: "web:1"
      ports: ["\${ports.web}:80", "53:53/udp", "9000"]
      volumes: ["./data:/data", "/x/\${env.NOT_THERE}:/x", "/y/\${secret.KEY}:/y", "named:/named"]
      networks: [outside]
      env: { DB: "\${resources.db.url}" }
  lost: { container: { image: "\${env.NOT_THERE}" } }
  app: { process: { command: [x], port: 3000, ready: { tcp: 3000 } } }
`,
    "/srv/shop/lash.yml",
  );
  const variables = { ...noVariables, secrets: new Map([["KEY", "hush"]]) };
  const wants = wantsOf(resolveStack(manifest, { variables }));
  expect(JSON.stringify(wants)).not.toContain("hush");
  expect(wants.ports).toEqual([
    { resource: "web", native: false, port: { address: "127.0.0.1", number: 8080, protocol: "tcp" } },
    { resource: "web", native: false, port: { address: "127.0.0.1", number: 53, protocol: "udp" } },
    { resource: "web", native: false, port: { address: "127.0.0.1", number: 9000, protocol: "tcp" } },
    { resource: "app", native: true, port: { address: "127.0.0.1", number: 3000, protocol: "tcp" } },
  ]);
  expect(wants.otherBundles).toEqual([
    { bundle: "second", name: "web", port: { address: "", number: 8081, protocol: "tcp" } },
  ]);
  expect(wants.binds).toEqual([{ resource: "web", source: "/srv/shop/data" }]);
  expect(wants.images.map(({ resource }) => resource)).toEqual(["db", "web"]);
  expect(wants.containers.map(({ name }) => name)).toEqual(["shop.db", "shop.web", "shop.lost"]);
  expect(wants).toMatchObject({ network: "lash-shop", networks: [{ resource: "web", name: "outside" }] });
});
