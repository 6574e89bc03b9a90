import assert from "node:assert/strict";
import { conformanceCase, endNow, rejectsWith, serve } from "./bench.ts";
import type { ConformanceCase } from "./harness.ts";

/** Creating, looking, starting, naming. */
export const lifecycleCases: readonly ConformanceCase[] = [
  conformanceCase("info() says what the engine is and always gives the same identity", [], async (bench) => {
    const [info, again] = [await bench.engine.info(bench), await bench.engine.info(bench)];
    await using second = await bench.harness.openSecond();
    assert.notEqual(info.product, "");
    assert.notEqual(info.id, "");
    assert.match(info.platform, /^[a-z0-9]+\/[a-z0-9]+/);
    assert.equal(again.id, info.id);
    assert.equal((await second.info(bench)).id, info.id);
  }),

  conformanceCase("create() makes it and does not start it", [], async (bench) => {
    const name = bench.name();
    const spec = bench.spec(name, serve);
    const { id } = await bench.engine.create(spec, bench);
    const facts = await bench.facts(name);
    assert.equal(facts.id, id);
    assert.equal(facts.name, name);
    // An engine may write the reference out, with a host name in front.
    assert.ok(`/${facts.image}`.endsWith(`/${spec.image}`), `image ${facts.image}`);
    assert.equal(facts.state, "created");
    assert.equal(facts.startedAt, undefined);
    assert.equal(facts.finishedAt, undefined);
    assert.equal(facts.pid, undefined);
    assert.equal(facts.restartCount, 0);
    assert.equal(facts.error, "");
    assert.deepEqual(facts.ports, []);
    assert.ok(
      Math.abs(Date.parse(facts.createdAt ?? "") - Date.now()) < 60_000,
      `created at ${facts.createdAt}`,
    );
  }),

  conformanceCase("inspect() takes the id or the name; absent is undefined", [], async (bench) => {
    const name = await bench.create(serve);
    const byName = await bench.facts(name);
    assert.deepEqual(await bench.engine.inspect(byName.id, bench), byName);
    assert.equal(await bench.engine.inspect(bench.name("absent"), bench), undefined);
  }),

  conformanceCase("labels come back exactly as given", [], async (bench) => {
    const labels = {
      "a.b/c-d": "plain",
      empty: "",
      equals: "a=b=c",
      quotes: `"it's"`,
      unicode: "häuser 家 🏠",
      spaces: "  two  ",
      lines: "one\ntwo\ttab",
      long: "x".repeat(4096),
    };
    const name = await bench.create(serve, { labels });
    const found = (await bench.facts(name)).labels;
    for (const [key, value] of Object.entries({ ...labels, ...bench.labels }))
      assert.equal(found[key], value, key);
  }),

  conformanceCase("list() gives what carries all labels, in every state", [], async (bench) => {
    const created = await bench.create(serve, { labels: { role: "x", more: "1" } }, "created");
    const running = await bench.start(serve, { labels: { role: "x" } }, "running");
    const ended = await bench.start(endNow, { labels: { role: "y" } }, "ended");
    await bench.engine.wait(ended, bench);
    const names = async (filter: Record<string, string>): Promise<readonly string[]> => {
      const found = await bench.engine.list({ ...bench.labels, ...filter }, bench);
      return found.map((each) => each.name).sort();
    };
    assert.deepEqual(await names({}), [created, ended, running].sort());
    assert.deepEqual(await names({ role: "x" }), [created, running].sort());
    assert.deepEqual(await names({ role: "x", more: "1" }), [created]);
    assert.deepEqual(await names({ role: "" }), [created, ended, running].sort());
    assert.deepEqual(await names({ role: "z" }), []);
    assert.deepEqual(await names({ nobody: "" }), []);
  }),

  conformanceCase("list() gives the same facts as inspect()", [], async (bench) => {
    const name = await bench.serving(serve);
    const [listed] = await bench.engine.list(bench.labels, bench);
    assert.deepEqual(listed, await bench.facts(name));
  }),

  conformanceCase("create() refuses a name in use", [], async (bench) => {
    const name = await bench.create(serve);
    await rejectsWith(bench.engine.create(bench.spec(name, serve), bench), "engine-conflict");
    assert.equal((await bench.engine.list(bench.labels, bench)).length, 1);
  }),

  conformanceCase("create() gives one name once, also when asked at the same time", [], async (bench) => {
    const name = bench.name();
    const tries = Array.from({ length: 6 }, () => bench.engine.create(bench.spec(name, serve), bench));
    const results = await Promise.allSettled(tries);
    const refused = tries.filter((_, index) => results[index]?.status === "rejected");
    assert.equal(refused.length, 5);
    for (const each of refused) await rejectsWith(each, "engine-conflict");
  }),

  conformanceCase("start() runs it; starting again is success", [], async (bench) => {
    const name = await bench.serving(serve);
    const facts = await bench.facts(name);
    assert.equal(facts.state, "running");
    assert.ok(
      Math.abs(Date.parse(facts.startedAt ?? "") - Date.now()) < 60_000,
      `started at ${facts.startedAt}`,
    );
    assert.ok((facts.pid ?? 0) > 0, `process id ${facts.pid}`);
    await bench.engine.start(name, bench);
    assert.deepEqual(await bench.facts(name), facts);
  }),

  conformanceCase("start() at the same time starts it once", [], async (bench) => {
    const name = await bench.create(serve);
    await Promise.all(Array.from({ length: 5 }, () => bench.engine.start(name, bench)));
    await bench.eventually(async () => (await bench.output(name)).length > 0, "no output");
    assert.deepEqual(await bench.output(name), ["serving"]);
  }),

  conformanceCase("start() of what is absent is refused", [], async (bench) => {
    await rejectsWith(bench.engine.start(bench.name("absent"), bench), "engine-not-found");
  }),

  conformanceCase("a refused start says why, and leaves something that can be removed", [], async (bench) => {
    const name = await bench.create({ kind: "no program" });
    const message = await rejectsWith(bench.engine.start(name, bench), "engine-refused", "engine-not-found");
    const facts = await bench.facts(name);
    assert.match(message, /no such file|not found/i);
    assert.ok(facts.state === "created" || facts.state === "exited", `state ${facts.state}`);
    assert.equal(facts.pid, undefined);
    await bench.engine.stop(name, { signal: bench.signal, graceMs: 1000 });
    await bench.engine.remove(name, bench);
    assert.equal(await bench.state(name), "absent");
  }),

  conformanceCase("the facts tell why the last start was refused", ["kept-errors"], async (bench) => {
    const name = await bench.create({ kind: "no program" });
    await rejectsWith(bench.engine.start(name, bench), "engine-refused", "engine-not-found");
    assert.match((await bench.facts(name)).error, /no such file|not found/i);
  }),

  conformanceCase("a stopped one starts again as the same one", [], async (bench) => {
    const name = await bench.serving(serve);
    const before = await bench.facts(name);
    await bench.engine.stop(name, { signal: bench.signal, graceMs: 5000 });
    await bench.engine.start(name, bench);
    const after = await bench.facts(name);
    assert.equal(after.id, before.id);
    assert.equal(after.state, "running");
    assert.deepEqual(after.labels, before.labels);
    assert.ok(Date.parse(after.startedAt ?? "") >= Date.parse(before.startedAt ?? ""));
    assert.equal(after.createdAt, before.createdAt);
  }),

  conformanceCase("rename() changes the name and nothing else", [], async (bench) => {
    const name = await bench.serving(serve);
    const before = await bench.facts(name);
    const next = bench.name("renamed");
    await bench.engine.rename(name, { signal: bench.signal, name: next });
    assert.equal(await bench.state(name), "absent");
    assert.deepEqual(await bench.facts(next), { ...before, name: next });
    await bench.engine.create(bench.spec(name, serve), bench);
    assert.equal(await bench.state(name), "created");
  }),

  conformanceCase("rename() refuses a name in use, and what is absent", [], async (bench) => {
    const [a, b] = [await bench.create(serve, {}, "a"), await bench.create(serve, {}, "b")];
    await rejectsWith(bench.engine.rename(a, { signal: bench.signal, name: b }), "engine-conflict");
    assert.equal(await bench.state(a), "created");
    const absent = bench.engine.rename(bench.name("absent"), { signal: bench.signal, name: bench.name("x") });
    await rejectsWith(absent, "engine-not-found");
  }),

  conformanceCase("two engine objects see and move the same things", [], async (bench) => {
    await using second = await bench.harness.openSecond();
    const name = await bench.create(serve);
    assert.deepEqual(await second.inspect(name, bench), await bench.facts(name));
    await second.start(name, bench);
    assert.equal(await bench.state(name), "running");
    await bench.engine.stop(name, { signal: bench.signal, graceMs: 5000 });
    assert.equal((await second.inspect(name, bench))?.state, "exited");
    await second.remove(name, bench);
    assert.equal(await bench.state(name), "absent");
  }),

  conformanceCase("disposing one engine object leaves what runs, and the other, alone", [], async (bench) => {
    const second = await bench.harness.openSecond();
    const name = await bench.create(serve);
    await second.start(name, bench);
    await second[Symbol.asyncDispose]();
    assert.equal(await bench.state(name), "running");
    await bench.engine.stop(name, { signal: bench.signal, graceMs: 5000 });
    assert.equal(await bench.state(name), "exited");
  }),

  conformanceCase("twenty at once are created, started, stopped and removed", [], async (bench) => {
    const names = Array.from({ length: 20 }, (_, index) => bench.name(`n${index}`));
    const each = async (act: (name: string) => Promise<unknown>): Promise<void> => {
      await Promise.all(names.map(act));
    };
    await each((name) => bench.engine.create(bench.spec(name, serve), bench));
    await each((name) => bench.engine.start(name, bench));
    const running = await bench.engine.list(bench.labels, bench);
    assert.equal(running.filter((one) => one.state === "running").length, 20);
    assert.equal(new Set(running.map((one) => one.pid)).size, 20);
    await each((name) => bench.engine.stop(name, { signal: bench.signal, graceMs: 2000 }));
    const stopped = await bench.engine.list(bench.labels, bench);
    assert.equal(stopped.filter((one) => one.state === "exited").length, 20);
    await each((name) => bench.engine.remove(name, bench));
    assert.deepEqual(await bench.engine.list(bench.labels, bench), []);
  }),
];
