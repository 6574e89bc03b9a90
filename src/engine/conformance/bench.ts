import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { ContainerSpec } from "../../model/container-spec.ts";
import { type ErrorCode, isLashError, messageOf } from "../../model/errors.ts";
import type { Engine } from "../engine.ts";
import type { ContainerFacts, ContainerState } from "../facts.ts";
import type { Behaviour, ConformanceCase, ConformanceHarness, Need } from "./harness.ts";

/** How long the suite waits for something that must come, and for what a driver only polls for. */
const patienceMs = 15_000;

export const serve: Behaviour = { kind: "serve", on: "SIGTERM", code: 143 };
export const endNow: Behaviour = { kind: "exit", code: 0, afterMs: 0 };

/** A case's tools: names and labels of its own, and a sweep at the end. */
export class Bench {
  readonly harness: ConformanceHarness;
  readonly engine: Engine;
  readonly signal: AbortSignal;
  /** Carried by everything this case makes, and by nothing else. */
  readonly labels: Readonly<Record<string, string>>;
  readonly #tag: string;
  readonly #cleanUps: (() => Promise<unknown>)[] = [];

  constructor(harness: ConformanceHarness) {
    this.harness = harness;
    this.engine = harness.engine;
    this.signal = harness.signal;
    this.#tag = randomBytes(4).toString("hex");
    this.labels = { ...harness.labels, "lash.conformance": this.#tag };
  }

  /** A name that nothing else has. */
  name(base = "c"): string {
    return `${base}-${this.#tag}`;
  }

  spec(name: string, behaviour: Behaviour, more: Partial<ContainerSpec> = {}): ContainerSpec {
    const spec = this.harness.spec(name, behaviour);
    return { ...spec, ...more, labels: { ...spec.labels, ...more.labels, ...this.labels } };
  }

  /** Creates what behaves so; returns its name. */
  async create(behaviour: Behaviour, more: Partial<ContainerSpec> = {}, base = "c"): Promise<string> {
    const name = this.name(base);
    await this.engine.create(this.spec(name, behaviour, more), this);
    return name;
  }

  /** Creates and starts what behaves so; returns its name. */
  async start(behaviour: Behaviour, more: Partial<ContainerSpec> = {}, base = "c"): Promise<string> {
    const name = await this.create(behaviour, more, base);
    await this.engine.start(name, this);
    return name;
  }

  /** As start, and waits for its first line: from then on it handles signals. */
  async serving(behaviour: Behaviour, more: Partial<ContainerSpec> = {}, base = "c"): Promise<string> {
    const name = await this.start(behaviour, more, base);
    await this.eventually(
      async () => (await this.output(name)).includes("serving"),
      `"${name}" never served`,
    );
    return name;
  }

  async facts(name: string): Promise<ContainerFacts> {
    const facts = await this.engine.inspect(name, this);
    assert.ok(facts !== undefined, `"${name}" is absent`);
    return facts;
  }

  async state(name: string): Promise<ContainerState | "absent"> {
    return (await this.engine.inspect(name, this))?.state ?? "absent";
  }

  /** Text of the lines written so far. */
  async output(name: string): Promise<readonly string[]> {
    const lines: string[] = [];
    for await (const entry of this.engine.logs(name, { signal: this.signal, follow: false })) {
      lines.push(entry.text);
    }
    return lines;
  }

  /** Runs it to its end and returns what it wrote. */
  async outputOf(
    behaviour: Behaviour,
    more: Partial<ContainerSpec> = {},
    base = "c",
  ): Promise<readonly string[]> {
    const name = await this.start(behaviour, more, base);
    await this.engine.wait(name, this);
    const wanted = async (): Promise<readonly string[] | undefined> => {
      const lines = await this.output(name);
      return lines.length > 0 ? lines : undefined;
    };
    return this.eventually(wanted, `"${name}" wrote nothing`);
  }

  /** What `look` gives as soon as it is neither undefined nor false. */
  async eventually<T>(look: () => Promise<T | undefined | false>, otherwise: string): Promise<T> {
    const deadline = performance.now() + patienceMs;
    for (;;) {
      const found = await look();
      if (found !== undefined && found !== false) return found;
      assert.ok(performance.now() < deadline, otherwise);
      await sleep(20, undefined, { signal: this.signal });
    }
  }

  /** What else the case has to undo, done after its containers are gone, last first. */
  onEnd(undo: () => Promise<unknown>): void {
    this.#cleanUps.push(undo);
  }

  async sweep(): Promise<void> {
    // Not the case's own signal: it may have been what ended the case.
    const signal = AbortSignal.timeout(30_000);
    const own = { "lash.conformance": this.#tag };
    // A creation that the case cut off may come to its end only now.
    for (let left = await this.engine.list(own, { signal }); left.length > 0; ) {
      for (const { id } of left) await this.engine.remove(id, { signal });
      left = await this.engine.list(own, { signal });
    }
    for (const undo of this.#cleanUps.toReversed()) await undo();
    assert.deepEqual(await this.engine.list(own, { signal }), [], "containers of the case are still there");
  }
}

/** A case from its parts. */
export function conformanceCase(
  name: string,
  needs: readonly Need[],
  body: (bench: Bench) => Promise<void>,
): ConformanceCase {
  return {
    name,
    needs,
    async run(harness) {
      const bench = new Bench(harness);
      try {
        await body(bench);
      } finally {
        await bench.sweep();
      }
    },
  };
}

/** Checks that it rejects with a LashError of one of these codes; returns its message. */
export async function rejectsWith(work: Promise<unknown>, ...codes: readonly ErrorCode[]): Promise<string> {
  try {
    await work;
  } catch (error) {
    assert.ok(isLashError(error), `no LashError: ${messageOf(error)}`);
    assert.ok(
      codes.includes(error.code),
      `expected ${codes.join(" or ")}, got ${error.code}: ${error.message}`,
    );
    return error.message;
  }
  return assert.fail(`it was accepted; expected ${codes.join(" or ")}`);
}

/** Checks that it rejects with exactly this reason of a signal. */
export async function rejectsBecause(work: Promise<unknown>, reason: unknown): Promise<void> {
  try {
    await work;
  } catch (error) {
    assert.equal(error, reason, `rejected with something else than the signal's reason: ${messageOf(error)}`);
    return;
  }
  assert.fail("it was not cancelled");
}

/** The ability of this name, which the case's needs promise. */
export function ability<T>(value: T | undefined, name: string): T {
  assert.ok(value !== undefined, `the driver has no "${name}", and its runner does not say that it lacks it`);
  return value;
}

/** Everything an iterable gives. */
export async function collect<T>(values: AsyncIterable<T>): Promise<readonly T[]> {
  const all: T[] = [];
  for await (const value of values) all.push(value);
  return all;
}
