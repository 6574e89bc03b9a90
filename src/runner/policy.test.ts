import { expect, test } from "vitest";
import type { ContainerSpec } from "../model/container-spec.ts";
import { decideCreate, isBelow } from "./decide-create.ts";
import { allowsImage, defaultPolicy, type Policy, parsePolicy } from "./policy.ts";

const options = {
  sharedSecret: "shared",
  readSecret: (file: string) => `${file}\n`,
  environment: { SECOND: "second" },
  source: "policy.yml",
};
const base: ContainerSpec = { name: "c", labels: {}, image: "redis:7", env: {} };
const byDefault = defaultPolicy("shared");

function refusals(spec: Partial<ContainerSpec>, policy: Policy = byDefault): readonly string[] {
  return decideCreate({ ...base, ...spec }, policy).refusals;
}

function bind(source: string, readOnly = false): Pick<ContainerSpec, "mounts"> {
  return { mounts: [{ type: "bind", source, target: "/x", readOnly }] };
}

test("the default policy has one key and lets nothing out of a container", () => {
  expect([...byDefault.keys.values()]).toEqual([{ id: "default", owner: "default", secret: "shared" }]);
  expect(refusals({})).toEqual([]);
  expect(refusals({ privileged: true })).toEqual(["privileged is not allowed"]);
  expect(refusals({ networks: [{ name: "host", aliases: [] }] })).toEqual(['network "host" is not allowed']);
  expect(refusals({ networks: [{ name: "container:db", aliases: [] }] })).toEqual([
    'network "container:db" is not allowed',
  ]);
  expect(refusals({ networks: [{ name: "ns:/proc/1/ns/net", aliases: [] }] })).toHaveLength(1);
  expect(refusals(bind("/etc"))).toEqual(['mounting "/etc" for writing is not allowed']);
  expect(refusals(bind("/", true))).toEqual(['mounting "/" is not allowed']);
  expect(refusals({ capAdd: ["SYS_ADMIN"] })).toEqual(['capability "SYS_ADMIN" is not allowed']);
  expect(refusals({ capAdd: ["cap_sys_ptrace", "ALL"] })).toHaveLength(2);
  expect(refusals({ capAdd: ["NET_BIND_SERVICE", "cap_chown"] })).toEqual([]);
  expect(refusals({ devices: ["/dev/sda:/dev/sda"] })).toHaveLength(1);
  expect(refusals({ securityOpt: ["seccomp=unconfined", "apparmor=unconfined"] })).toHaveLength(2);
  expect(refusals({ securityOpt: ["no-new-privileges:true"] })).toEqual([]);
  expect(refusals({ logging: { driver: "syslog", options: {} } })).toHaveLength(1);
  expect(refusals({ privileged: true, ...bind("/etc") })).toHaveLength(2);
});

test("a policy allows what it lists", () => {
  const policy = parsePolicy(
    {
      privileged: true,
      hostNamespaces: true,
      networks: ["edge", "container:proxy"],
      volumes: ["shared"],
      capabilities: ["CAP_NET_ADMIN"],
      devices: ["/dev/kvm"],
      securityOptions: ["seccomp=unconfined"],
      logDrivers: ["syslog"],
      binds: ["/srv/data", { source: "/etc/ssl", readOnly: true }],
    },
    options,
  );
  const networks = ["host", "edge", "container:proxy"].map((name) => ({ name, aliases: [] }));
  expect(refusals({ privileged: true, networks }, policy)).toEqual([]);
  expect(
    refusals(
      {
        capAdd: ["net_admin"],
        devices: ["/dev/kvm:/dev/kvm:rw"],
        securityOpt: ["seccomp=unconfined"],
        logging: { driver: "syslog", options: {} },
      },
      policy,
    ),
  ).toEqual([]);
  expect(refusals(bind("/srv/data/a"), policy)).toEqual([]);
  expect(refusals(bind("/etc/ssl", true), policy)).toEqual([]);
  expect(refusals(bind("/etc/ssl"), policy)).toHaveLength(1);
  expect(refusals(bind("/srv/database"), policy)).toHaveLength(1);
  expect(refusals(bind("/srv/data/../../etc"), policy)).toHaveLength(1);
});

test("networks and volumes that are not listed have to be the owner's", () => {
  const spec: ContainerSpec = {
    ...base,
    networks: ["bridge", "own", "edge"].map((name) => ({ name, aliases: [] })),
    mounts: ["own", "", "shared"].map((source) => ({
      type: "volume",
      source,
      target: "/x",
      readOnly: false,
    })),
  };
  const policy = parsePolicy({ networks: ["edge"], volumes: ["shared"] }, options);
  expect(decideCreate(spec, policy)).toMatchObject({ refusals: [], networks: ["own"], volumes: ["own"] });
});

test("isBelow() is about folders, not about beginnings of texts", () => {
  for (const path of ["/a/b", "/a/b/", "/a/b/c", "/a//b/./c", "/a/b/c/../d"])
    expect(isBelow(path, "/a/b")).toBe(true);
  for (const path of ["/a", "/a/bc", "/a/b/../c", "a/b", "", "/a/b/../../a/b/../..", "/a/b\0"])
    expect(isBelow(path, "/a/b")).toBe(false);
  expect(isBelow("/anything", "/")).toBe(true);
  expect(isBelow("/a/b/c", "/a/b/")).toBe(true);
});

test("images are compared written out", () => {
  const allows = (pattern: string, image: string): boolean =>
    allowsImage(parsePolicy({ images: [pattern] }, options), [image]);
  expect(allows("redis:*", "redis:7")).toBe(true);
  expect(allows("redis:*", "docker.io/library/redis")).toBe(true);
  expect(allows("redis:*", "evil.example/redis:7")).toBe(false);
  expect(allows("redis:*", "redis-evil:7")).toBe(false);
  expect(allows("redis:7", "redis:8")).toBe(false);
  expect(allows("redis", "redis:8")).toBe(true);
  expect(allows("redis", `redis@sha256:${"0".repeat(64)}`)).toBe(true);
  expect(allows("redis", "redis-evil:7")).toBe(false);
  expect(allows("registry:5000/app", "registry:5000/app:1")).toBe(true);
  expect(allows("acme/*", "acme/app:1")).toBe(true);
  expect(allows("acme/*", "ghcr.io/acme/app:1")).toBe(false);
  expect(allows("ghcr.io/acme/*", "ghcr.io/acme/app:1")).toBe(true);
  expect(allows("ghcr.io/acme/*", "ghcr.io/acme-evil/app:1")).toBe(false);
  expect(allows("registry:5000/app:*", "registry:5000/app:1")).toBe(true);
  expect(allows("*", "anything/at:all")).toBe(true);
  expect(allows("redis.*", "redisx")).toBe(false);
  expect(allowsImage(byDefault, ["anything"])).toBe(true);
});

test("who limits images has to allow builds by name", () => {
  expect(byDefault.builds).toBe(true);
  expect(parsePolicy({ images: ["redis:*"] }, options).builds).toBe(false);
  expect(parsePolicy({ images: ["redis:*"], builds: true }, options).builds).toBe(true);
});

test("keys have their secrets from a file, a variable, or the shared one", () => {
  const policy = parsePolicy(
    {
      keys: [
        { id: "default", owner: "a" },
        { id: "file", owner: "b", secretFile: "/run/secret" },
        { id: "variable", owner: "a", secretVariable: "SECOND" },
      ],
    },
    options,
  );
  expect([...policy.keys.values()].map(({ secret }) => secret)).toEqual(["shared", "/run/secret", "second"]);
});

test.each([
  [{ unknown: 1 }, /unknown/i],
  [{ binds: ["relative"] }, /binds/],
  [{ binds: ["/a/../b"] }, /binds/],
  [{ privileged: "yes" }, /privileged/],
  [{ keys: [] }, /keys/],
  [{ keys: [{ id: "a\nb", owner: "o" }] }, /keys\.0\.id/],
  [
    {
      keys: [
        { id: "a", owner: "o" },
        { id: "a", owner: "o" },
      ],
    },
    /"a" is there twice/,
  ],
  [
    {
      keys: [
        { id: "a", owner: "o" },
        { id: "b", owner: "p" },
      ],
    },
    /one secret and two owners/,
  ],
  [{ keys: [{ id: "a", owner: "o", secretVariable: "NOT_SET" }] }, /secret of "a" is empty/],
  [
    { keys: [{ id: "a", owner: "o", secretVariable: "SECOND", secretFile: "/x" }] },
    /secretFile and a secretVariable/,
  ],
  ["text", /expected/],
] as const)("a policy that makes no sense is refused: %j", (value, message) => {
  expect(() => parsePolicy(value, options)).toThrow(message);
});
