import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { afterAll, beforeAll, expect, test } from "vitest";
import { useBed } from "../bed/bed.ts";
import { askEngine, callEngine } from "../bed/engine-api.ts";
import { waitFor } from "../bed/processes.ts";
import { type SocketProxy, startSocketProxy } from "../bed/socket-proxy.ts";
import { type Attack, attack, type Finding, startAttacker } from "../support/attacker.ts";
import { type Browser, startBrowser } from "../support/browser.ts";
import { freePort, openProject } from "../support/cli.ts";
import { at, clientOf, messagesOf, until } from "../support/server-client.ts";
import { type Passed, startWebRelay, type WebRelay } from "../support/web-relay.ts";

/**
 * Of the 14 ways of attack-page.js to post that no browser asks permission for first, one at least has to be seen to
 * arrive at each path: how many more do is the browser's business, which drops some when many wait at once. That all of
 * them can work is what the first test shows.
 */
const leastPosts = 1;

let browser: Browser;
let attacker: Awaited<ReturnType<typeof startAttacker>>;

beforeAll(async () => {
  browser = await startBrowser();
  attacker = await startAttacker();
});
afterAll(async () => {
  await browser?.[Symbol.asyncDispose]();
  await attacker?.[Symbol.asyncDispose]();
});

/** What the attacks are aimed at, besides where they go. */
function targets(container: string): Pick<Attack, "container" | "reads" | "streams" | "changes"> {
  const path = `/api/containers/${container}`;
  return {
    container,
    reads: ["/health", "/api/containers", path],
    streams: ["/api/events", `${path}/logs?follow=true`],
    changes: [
      {
        method: "POST",
        path: "/api/containers",
        body: { image: "lash-base:1", name: `${container}-stolen` },
      },
      { method: "POST", path: `${path}/exec`, body: { command: ["touch", "/stolen"] } },
      { method: "POST", path: `${path}/stop`, body: {} },
      { method: "POST", path: `${path}/terminal/sessions`, body: {} },
      { method: "POST", path: "/api/dependency/retry", body: {} },
      { method: "DELETE", path, body: {} },
    ],
  };
}

/**
 * A page at `from` attacks, and may see nothing but `mayRead`. What came to the server, once all of that is answered.
 */
async function attackFrom(
  from: string,
  {
    relay,
    port,
    plan,
    mayRead,
  }: {
    readonly relay: WebRelay;
    readonly port: number;
    readonly plan: Attack;
    readonly mayRead?: string;
  },
): Promise<readonly Passed[]> {
  const page = await browser.open(from);
  // Where the page came through the relay itself, this is the moment at which its name is bound anew.
  relay.lead(port);
  const findings = await attack(page, plan);
  const read = seenIn(findings).filter(({ saw }) => mayRead === undefined || !saw.includes(mayRead));
  expect([from, plan.base, read]).toEqual([from, plan.base, []]);
  const wanted = plan.changes.flatMap(({ method, path }) => (method === "POST" ? [path] : []));
  // Beacons are on their way for longer than their page knows.
  const passed = await waitFor(
    () => {
      const now = relay.passed();
      const postsTo = (path: string) =>
        now.filter((one) => one.method === "POST" && one.path === path).length;
      const isAll = wanted.every((path) => postsTo(path) >= leastPosts);
      return isAll && now.every(({ status }) => status !== 0) ? now : undefined;
    },
    { timeoutMs: 10_000, describe: () => `not all came and was answered: ${render(relay.passed())}` },
  );
  await page.close();
  return passed;
}

function render(passed: readonly Passed[]): string {
  return passed
    .map(({ method, path, status }) => `${method} ${path} ${status}`)
    .sort()
    .join("\n");
}

const seenIn = (findings: readonly Finding[]): readonly Finding[] => findings.filter(({ saw }) => saw !== "");
const changesOf = (proxy: SocketProxy): readonly string[] =>
  proxy.calls.flatMap(({ method, path }) => (/^(?:GET|HEAD)$/.test(method) ? [] : [`${method} ${path}`]));

test("the attacks work where nothing stands against them", async () => {
  const base = `http://evil.example:${attacker.port}`;
  const page = await browser.open(`${base}/`);
  const session = "/api/containers/x/terminal?sessionId=1&token=2";
  const findings = await attack(page, { ...targets("x"), base, session, authorization: "Bearer none" });
  await page.close();
  // By what the browser itself keeps from every page.
  const blind = findings.filter(({ saw }) => saw === "").map(({ way }) => way.replace(/ .*,/, ""));
  expect([...new Set(blind)].sort()).toEqual(["POST beacon", "POST empty beacon", "POST sandbox"]);
  expect(findings.length).toBeGreaterThan(130);
});

test.each(["without", "with"])(
  "a page from elsewhere reads nothing and drives nothing, of a server %s a token",
  async (way) => {
    const token = randomBytes(16).toString("hex");
    const name = `c${randomBytes(4).toString("hex")}`;
    const path = `/api/containers/${name}`;
    await using proxy = await startSocketProxy({ target: useBed().socket });
    await using project = await openProject({ socket: proxy.socket });
    await using relay = await startWebRelay();
    const port = await freePort();
    const server = project.start(
      ["server", "--port", String(port), "--name", `s${randomBytes(4).toString("hex")}`],
      {
        env: {
          LASH_SERVER_ALLOWED_HOSTS: "lash.example",
          ...(way === "with" ? { LASH_SERVER_TOKEN: token } : {}),
        },
        timeoutMs: 60_000,
      },
    );
    await server.text(/the server listens/);

    // A program on this machine: no Origin, and its requests go the same way as the page's will.
    relay.lead(port);
    const headers: Readonly<Record<string, string>> =
      way === "with" ? { authorization: `Bearer ${token}` } : {};
    const client = clientOf(relay.port);
    const ask = async (method: string, at: string, body?: unknown) =>
      await client.ask(method, at, { headers, ...(body === undefined ? {} : { body }) });
    await until(async () => (await ask("GET", "/api/containers")).status === 200);
    const command = ["sh", "-c", "echo secret-line; exec sleep 1000"];
    try {
      expect((await ask("POST", "/api/containers", { image: "lash-base:1", name, command })).status).toBe(
        201,
      );
      const session = at((await ask("POST", `${path}/terminal/sessions`)).body, "path");
      const before = await containersOf(name);
      proxy.reset();

      const plan = { ...targets(name), session, authorization: `Bearer ${token}` };
      const evil = `http://evil.example:${attacker.port}/`;
      const neighbour = `http://127.0.0.1:${attacker.port}/`;
      const local = `http://127.0.0.1:${relay.port}`;
      // Another port of the same name is the same site, and another origin.
      const doors =
        way === "with"
          ? [[evil, local]]
          : [
              [evil, local],
              [neighbour, local],
            ];
      for (const [from = "", base = ""] of doors) {
        const passed = await attackFrom(from, { relay, port, plan: { ...plan, base } });
        expect([from, base, passed.filter(({ status }) => status !== 403)]).toEqual([from, base, []]);
        expectArrived(passed, plan);
      }

      // A name of a network: browsers send no Sec-Fetch-Site there, and with GET often no Origin. What is answered then,
      // they keep from the page, because its headers say so.
      const named = { ...plan, base: `http://lash.example:${relay.port}` };
      const far = await attackFrom(`http://lash.example:${attacker.port}/`, { relay, port, plan: named });
      const answered = far.filter(({ status }) => status !== 403);
      expect(answered.filter(({ method, origin }) => method !== "GET" || origin !== "")).toEqual([]);
      const told = answered.flatMap(({ path, status }) => (status === 200 ? [path] : []));
      const open = way === "with" ? ["/health"] : [...plan.reads, ...plan.streams];
      expect([...new Set(told)].sort()).toEqual([...open].sort());
      expectArrived(far, plan);

      // Rebinding: the browser takes the server for the page's own, and keeps nothing from it.
      const base = `http://evil.example:${relay.port}`;
      relay.lead(attacker.port);
      const bound = await attackFrom(`${base}/`, {
        relay,
        port,
        plan: { ...plan, base, authorization: "Bearer guessed-token-0123" },
        mayRead: '{"error":{"code":"host_not_allowed",',
      });
      expect(bound.filter(({ status }) => status !== 403)).toEqual([]);
      expectArrived(bound, plan);

      // Whatever the name is made to look like, and whichever tool asks.
      relay.lead(port);
      for (const host of [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "evil.example.",
      ]) {
        for (const [method, at] of [
          ["GET", "/health"],
          ["GET", path],
          ["POST", `${path}/stop`],
          ["DELETE", path],
        ] as const) {
          const { status, text } = await client.ask(method, at, {
            headers: { host: `${host}:${relay.port}` },
          });
          expect([host, at, status, text]).toEqual([
            host,
            at,
            403,
            expect.stringContaining("host_not_allowed"),
          ]);
        }
      }

      expect(changesOf(proxy)).toEqual([]);
      expect(await containersOf(name)).toEqual(before);

      // All of it works for the program: what was refused was refused because of who asked.
      for (const each of plan.reads) expect([each, (await ask("GET", each)).status]).toEqual([each, 200]);
      await using logs = await client.stream(`${path}/logs?follow=true`, headers);
      expect((await logs.next()).data).toMatchObject({ text: "secret-line" });
      const terminal = client.terminal(session);
      const messages = messagesOf(terminal);
      for (const status of ["starting", "running"])
        expect((await messages.next()).value).toEqual({ type: "status", status });
      const closed = once(terminal, "close");
      terminal.send(JSON.stringify({ type: "close" }));
      await closed;
      const exec = await ask("POST", `${path}/exec`, { command: ["sh", "-c", "ls /stolen || echo none"] });
      expect(exec.body).toMatchObject({ stdout: "none\n" });
      expect((await ask("POST", `${path}/stop`, { graceMs: 100 })).status).toBe(200);
      expect((await ask("DELETE", path)).status).toBe(204);

      server.signal("SIGTERM");
      expect((await server.ended).code).toBe(0);
      // And nothing else was ever asked of a route that changes something: it was refused before.
      const audit = server.lines().filter(({ type }) => type === "audit");
      const by = way === "with" ? "token" : "loopback";
      const actions = [
        "container.create",
        "terminal.open",
        "container.exec",
        "container.stop",
        "container.remove",
      ];
      expect(audit.map((line) => [line["action"], line["by"], line["outcome"]])).toEqual(
        actions.map((action) => [action, by, "done"]),
      );
    } finally {
      for (const each of [name, `${name}-stolen`])
        await callEngine(project.socket, `/containers/${each}?force=1`, { method: "DELETE" });
    }
  },
);

/** The attacks did come to the server: it was the server that refused them. */
function expectArrived(passed: readonly Passed[], plan: Omit<Attack, "base">): void {
  const arrived = new Set(passed.map(({ method, path }) => `${method} ${path}`));
  const posts = plan.changes.filter(({ method }) => method === "POST").map(({ path }) => path);
  const wanted = [
    ...[...plan.reads, ...plan.streams, plan.session].map((path) => `GET ${path}`),
    ...posts.map((path) => `POST ${path}`),
  ];
  expect(wanted.filter((each) => !arrived.has(each))).toEqual([]);
}

async function containersOf(name: string): Promise<readonly unknown[]> {
  const filters = encodeURIComponent(JSON.stringify({ name: [name] }));
  const { socket } = useBed();
  const all = await askEngine<readonly { readonly Id: string }[]>(
    socket,
    `/containers/json?all=1&filters=${filters}`,
  );
  return await Promise.all(
    all.map(async ({ Id }) => {
      const { State } = await askEngine<{ readonly State: unknown }>(socket, `/containers/${Id}/json`);
      return [Id, State];
    }),
  );
}
