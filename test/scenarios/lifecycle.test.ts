import { describe, expect, test } from "vitest";
import { happened, openMemoryStack } from "../support/memory-stack.ts";

// The model lifecycle manager's own scenarios, by their number, through the library on the memory engine.

const two = `
project: { name: app }
resources:
  api_db: { postgres: { password: secret, volume: false } }
  api: { container: { image: "api:1", env: { DATABASE_URL: "\${resources.api_db.url}" } } }
`;
const script = { scripts: { "app.api_db": { readyMs: 30 } } };
const soon = (): { signal: AbortSignal } => ({ signal: AbortSignal.timeout(5000) });

describe("the model's lifecycle scenarios", () => {
  test("1: two independent resources start and stop", async () => {
    await using stack = openMemoryStack(
      'project: { name: app }\nresources:\n  a: { container: { image: "a:1" } }\n  b: { container: { image: "b:1" } }\n',
    );
    await stack.handle.up();
    expect((await stack.handle.list()).map(({ status }) => status)).toEqual(["ready", "ready"]);
    await stack.handle.down();
    expect(await stack.engine.list({}, soon())).toEqual([]);
  });

  test("2, 8, 9: a dependency starts first; its URL resolves and its outputs are injected", async () => {
    let env: unknown;
    await using stack = openMemoryStack(two, {
      scripts: {
        ...script.scripts,
        "app.api": (spec) => {
          env = spec.env;
          return {};
        },
      },
    });
    await stack.handle.up();
    expect(happened(stack.engine, "start")).toEqual(["app.api_db", "app.api"]);
    expect(env).toMatchObject({
      DATABASE_URL: "postgres://postgres:secret@api_db:5432/api_db",
      LSH_API_DB_HOST: "api_db",
      LSH_API_DB_PORT: "5432",
      LSH_API_DB_DATABASE: "api_db",
      LSH_API_DB_URL: "postgres://postgres:secret@api_db:5432/api_db",
      LSH_API_DB_PASSWORD: "secret",
    });
  });

  test("3: a failing dependent is named, and its dependency is stopped", async () => {
    await using stack = openMemoryStack(two, {
      scripts: { ...script.scripts, "app.api": { failStart: "no" } },
    });
    await expect(stack.handle.up()).rejects.toThrow(/"api"/);
    expect(happened(stack.engine, "destroy")).toContain("app.api_db");
    expect(await stack.engine.list({}, soon())).toEqual([]);
  });

  test("4, 5, 6, 7: stop and removal in reverse order, of everything, with every event", async () => {
    await using stack = openMemoryStack(two, script);
    await stack.handle.up();
    await stack.handle.down();
    expect(happened(stack.engine, "die")).toEqual(["app.api", "app.api_db"]);
    expect(happened(stack.engine, "destroy")).toEqual(["app.api", "app.api_db"]);
    for (const name of ["api_db", "api"]) {
      const own = stack.told().filter((told) => told.endsWith(` ${name}`));
      expect(own).toEqual(
        expect.arrayContaining([
          `resource_started ${name}`,
          `resource_ready ${name}`,
          `resource_stopped ${name}`,
        ]),
      );
    }
    expect(stack.told()).toEqual(expect.arrayContaining(["stack_started", "stack_stopped"]));
  });

  test("10: restart tells stopped, started, ready in that order, once each, and leaves dependents running", async () => {
    await using stack = openMemoryStack(two, script);
    await stack.handle.up();
    const from = stack.told().length;
    await stack.handle.restart(["api_db"]);
    const told = stack.told().slice(from);
    expect(told.filter((each) => /stopped|started|ready/.test(each))).toEqual([
      "resource_stopped api_db",
      "resource_started api_db",
      "resource_ready api_db",
    ]);
    expect(happened(stack.engine, "start").filter((name) => name === "app.api")).toHaveLength(1);
    expect(happened(stack.engine, "die")).not.toContain("app.api");
  });

  test("10: the same after a resource was started on its own, which watches its dependencies anew", async () => {
    await using stack = openMemoryStack(two, script);
    await stack.handle.up();
    await stack.handle.stop(["api"]);
    await stack.handle.start(["api"]);
    const from = stack.told().length;
    await stack.handle.restart(["api_db"]);
    expect(
      stack
        .told()
        .slice(from)
        .filter((each) => each === "resource_stopped api_db"),
    ).toHaveLength(1);
  });

  test("11, 16: an unknown resource is refused by restart, logs and status", async () => {
    await using stack = openMemoryStack(two, script);
    await stack.handle.up();
    await expect(stack.handle.restart(["nope"])).rejects.toMatchObject({ code: "resource-unknown" });
    await expect(stack.handle.stop(["nope"])).rejects.toMatchObject({ code: "resource-unknown" });
    expect(() => stack.handle.logs({ ...soon(), resources: ["nope"], follow: false })).toThrow(/nope/);
    expect(() => stack.handle.status("nope")).toThrow(/nope/);
  });

  test("12, 14: of two restarts of one resource one wins, the other is told so, and there is one extra start", async () => {
    await using stack = openMemoryStack(two, script);
    await stack.handle.up();
    const both = await Promise.allSettled([stack.handle.restart(["api"]), stack.handle.restart(["api"])]);
    expect(both.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    expect(both.find((each) => each.status === "rejected")?.reason).toMatchObject({ code: "resource-busy" });
    expect(happened(stack.engine, "start").filter((name) => name === "app.api")).toHaveLength(2);
    await stack.handle.restart(["api"]);
  });

  test("13: different resources restart together", async () => {
    await using stack = openMemoryStack(two, script);
    await stack.handle.up();
    await Promise.all([stack.handle.restart(["api"]), stack.handle.restart(["api_db"])]);
    expect(happened(stack.engine, "start")).toHaveLength(4);
  });

  test("15: a name is free only after removal, and removing what is not there does nothing", async () => {
    await using stack = openMemoryStack(two, script);
    await stack.handle.up();
    const { engine } = stack;
    const spec = { name: "app.api", image: "api:1" };
    await expect(engine.create(spec as never, soon())).rejects.toMatchObject({
      code: expect.stringMatching(/conflict|name-in-use/),
    });
    const [api] = (await engine.list({}, soon())).filter(({ name }) => name === "app.api");
    await engine.stop(api?.id ?? "", { ...soon(), graceMs: 10 });
    await expect(engine.create(spec as never, soon())).rejects.toMatchObject({ name: "LashError" });
    await engine.remove(api?.id ?? "", soon());
    await engine.remove(api?.id ?? "", soon());
    await stack.handle.up();
    expect((await stack.handle.list()).map(({ status }) => status)).toEqual(["ready", "ready"]);
  });

  test("16: the list is in the plan's order, with kind, status and start; logs of a known resource come", async () => {
    await using stack = openMemoryStack(two, {
      scripts: { ...script.scripts, "app.api": { output: ["marker"] } },
    });
    await stack.handle.up();
    expect(await stack.handle.list()).toMatchObject([
      { name: "api_db", kind: "postgres", status: "ready", startedAt: expect.any(String) },
      { name: "api", kind: "container", status: "ready", startedAt: expect.any(String) },
    ]);
    const texts: string[] = [];
    for await (const { entry } of stack.handle.logs({ ...soon(), resources: ["api"], follow: false }))
      texts.push(entry.text);
    expect(texts).toEqual(["marker"]);
    expect(stack.handle.status("api").current).toMatchObject({ tag: "ready" });
  });
});
