import assert from "node:assert/strict";
import { ability, conformanceCase, rejectsWith, serve } from "./bench.ts";
import type { ConformanceCase } from "./harness.ts";

/** Images, networks, volumes. */
export const abilityCases: readonly ConformanceCase[] = [
  conformanceCase("create() from an image that is missing is refused", ["image-check"], async (bench) => {
    const spec = bench.spec(bench.name(), serve, { image: `lash-conformance/${bench.name("missing")}:1` });
    await rejectsWith(bench.engine.create(spec, bench), "engine-not-found");
    assert.equal(await bench.state(bench.name()), "absent");
  }),

  conformanceCase("images.inspect() tells what is there; absent is undefined", ["images"], async (bench) => {
    const images = ability(bench.engine.images, "images");
    const image = await images.inspect(bench.harness.image, bench);
    assert.ok(image !== undefined);
    assert.notEqual(image.id, "");
    assert.match(image.platform, /^[a-z]+\/[a-z0-9]+/);
    assert.ok(image.sizeBytes > 0);
    assert.deepEqual((await images.inspect(image.id, bench))?.id, image.id);
    const name = await bench.create(serve);
    assert.equal((await bench.facts(name)).imageId, image.id);
    assert.equal(await images.inspect(`lash-conformance/${bench.name("missing")}:1`, bench), undefined);
  }),

  conformanceCase("images.remove() of what is absent is success", ["images"], async (bench) => {
    await ability(bench.engine.images, "images").remove(`lash-conformance/${bench.name("missing")}:1`, bench);
  }),

  conformanceCase("images.remove() of what is used is refused", ["images", "snapshots"], async (bench) => {
    const images = ability(bench.engine.images, "images");
    // Its own image: removing one of several names of an image is no removal of it.
    const image = `lash-conformance/${bench.name("used")}:1`;
    const source = await bench.serving(serve, {}, "source");
    await ability(bench.engine.snapshots, "snapshots").commit(source, {
      signal: bench.signal,
      tag: image,
      labels: {},
    });
    bench.onEnd(() => images.remove(image, { signal: AbortSignal.timeout(10_000) }));
    const user = await bench.serving(serve, { image }, "user");
    await rejectsWith(images.remove(image, bench), "engine-conflict");
    assert.notEqual(await images.inspect(image, bench), undefined);
    await bench.engine.remove(user, bench);
    await images.remove(image, bench);
    assert.equal(await images.inspect(image, bench), undefined);
  }),

  conformanceCase(
    "images.pull() brings an image and tells its progress",
    ["images", "pull"],
    async (bench) => {
      const images = ability(bench.engine.images, "images");
      const { present } = ability(bench.harness.registry, "registry");
      bench.onEnd(() => images.remove(present, { signal: AbortSignal.timeout(10_000) }));
      const told: string[] = [];
      await images.pull(present, { signal: bench.signal, onProgress: ({ text }) => told.push(text) });
      assert.notEqual(await images.inspect(present, bench), undefined);
      assert.ok(told.length > 0, "no progress was told");
    },
  ),

  conformanceCase("images.pull() of what does not exist is refused", ["images", "pull"], async (bench) => {
    const images = ability(bench.engine.images, "images");
    const { absent } = ability(bench.harness.registry, "registry");
    await rejectsWith(images.pull(absent, bench), "engine-not-found");
    assert.equal(await images.inspect(absent, bench), undefined);
  }),

  conformanceCase("networks are created, found by label and removed", ["networks"], async (bench) => {
    const networks = ability(bench.engine.networks, "networks");
    const name = bench.name("net");
    bench.onEnd(() => networks.remove(name, { signal: AbortSignal.timeout(10_000) }));
    const { id } = await networks.create({ name, labels: bench.labels }, bench);
    const facts = await networks.inspect(name, bench);
    assert.equal(facts?.id, id);
    assert.equal(facts.name, name);
    assert.equal(facts.labels["lash.conformance"], bench.labels["lash.conformance"]);
    assert.deepEqual(facts.containers, []);
    const found = await networks.list(bench.labels, bench);
    assert.deepEqual(
      found.map((each) => each.name),
      [name],
    );
    assert.deepEqual(await networks.list({ ...bench.labels, other: "1" }, bench), []);
    await networks.remove(name, bench);
    assert.equal(await networks.inspect(name, bench), undefined);
    await networks.remove(name, bench);
  }),

  conformanceCase("a network's name is given once", ["networks"], async (bench) => {
    const networks = ability(bench.engine.networks, "networks");
    const name = bench.name("net");
    bench.onEnd(() => networks.remove(name, { signal: AbortSignal.timeout(10_000) }));
    const create = (): Promise<unknown> => networks.create({ name, labels: bench.labels }, bench);
    await create();
    await rejectsWith(create(), "engine-conflict");
    assert.equal((await networks.list(bench.labels, bench)).length, 1);
  }),

  conformanceCase(
    "a network knows who is in it, and cannot go while it is used",
    ["networks"],
    async (bench) => {
      const networks = ability(bench.engine.networks, "networks");
      const network = bench.name("net");
      bench.onEnd(() => networks.remove(network, { signal: AbortSignal.timeout(10_000) }));
      await networks.create({ name: network, labels: bench.labels }, bench);
      const name = await bench.serving(serve, { networks: [{ name: network, aliases: ["it"] }] });
      const facts = await bench.facts(name);
      assert.match(facts.addresses[network] ?? "", /^[0-9a-f.:]+$/);
      assert.deepEqual((await networks.inspect(network, bench))?.containers, [facts.id]);
      await rejectsWith(networks.remove(network, bench), "engine-conflict");
      await bench.engine.remove(name, bench);
      await networks.remove(network, bench);
    },
  ),

  conformanceCase("volumes are created once, found by label and removed", ["volumes"], async (bench) => {
    const volumes = ability(bench.engine.volumes, "volumes");
    const name = bench.name("vol");
    bench.onEnd(() => volumes.remove(name, { signal: AbortSignal.timeout(10_000) }));
    await volumes.create({ name, labels: bench.labels }, bench);
    await volumes.create({ name, labels: bench.labels }, bench);
    const found = await volumes.list(bench.labels, bench);
    assert.deepEqual(
      found.map((each) => each.name),
      [name],
    );
    assert.equal(
      (await volumes.inspect(name, bench))?.labels["lash.conformance"],
      bench.labels["lash.conformance"],
    );
    await volumes.remove(name, bench);
    assert.equal(await volumes.inspect(name, bench), undefined);
    await volumes.remove(name, bench);
  }),

  conformanceCase(
    "a volume keeps what is in it from one container to the next",
    ["volumes", "mounts"],
    async (bench) => {
      const volumes = ability(bench.engine.volumes, "volumes");
      const source = bench.name("vol");
      bench.onEnd(() => volumes.remove(source, { signal: AbortSignal.timeout(10_000) }));
      await volumes.create({ name: source, labels: bench.labels }, bench);
      const mounts = [{ type: "volume", source, target: "/data", readOnly: false }] as const;
      const file = { folder: "/data", name: "kept" };
      await bench.outputOf({ kind: "write file", ...file, text: "still here" }, { mounts }, "writer");
      await rejectsWith(volumes.remove(source, bench), "engine-conflict");
      await bench.engine.remove(bench.name("writer"), bench);
      assert.deepEqual(await bench.outputOf({ kind: "read file", ...file }, { mounts }, "reader"), [
        "read: still here",
      ]);
      await bench.engine.remove(bench.name("reader"), bench);
      await volumes.remove(source, bench);
      assert.equal(await volumes.inspect(source, bench), undefined);
    },
  ),
];
