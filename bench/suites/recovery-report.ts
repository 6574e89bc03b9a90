import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { startRegistry } from "../../test/bed/registry.ts";
import { type LashContestant, lashContestant } from "../contestants/lash.ts";
import { renderOne, renderThree, troublePorts } from "../graphs/troubles.ts";
import { type Moment, type Stretch, stretch } from "../lib/call-record.ts";
import { holdByContainer, holdByProcess } from "../lib/port-holders.ts";
import { shuffled } from "../lib/random.ts";
import { type Sample, toRows } from "../lib/rounds.ts";
import type { Row, SuiteResult } from "../report/row.ts";
import type { SuiteContext } from "./suite.ts";
import { withTrial } from "./trial.ts";

const suite = "recovery";
const targetMs = 50;
const metrics = ["own", "processor", "engine", "all"] as const;
const probe = join(import.meta.dirname, "..", "lib", "call-probe.ts");

/** A failure that the engine makes, and what has to come of it. */
interface Trouble {
  readonly name: string;
  readonly code: string;
  readonly manifest: (project: string) => string;
  /** Makes it happen, where the manifest alone does not. */
  readonly provoke?: () => Promise<AsyncDisposable>;
  /** The moment from which it could be known. */
  readonly from: (moments: readonly Moment[]) => Moment | undefined;
  /** The event that tells what is done about it. */
  readonly to: "recovery_ended" | "repair_started";
}

/** Time from the moment a failure could be known until the command has told the report, without waiting for the engine. */
export async function failureToReport(context: SuiteContext): Promise<SuiteResult> {
  await using registry = await startRegistry();
  const all = troubles(context, `${registry.address}/nobody/nothing:1`);
  const samples: Sample[] = [];
  const calls = new Map<string, readonly string[]>();
  for (let round = 1; round <= context.runs; round += 1) {
    for (const trouble of shuffled(all, context.random)) {
      const found = await measure(context, trouble);
      const values = [found.ownMs, found.processorMs, found.engineMs, found.totalMs];
      for (const [index, metric] of metrics.entries()) {
        const value = values[index] ?? Number.NaN;
        samples.push({ round, subject: subjectOf(trouble), contestant: "lash", metric, value });
      }
      calls.set(trouble.name, found.calls);
      context.say(`recovery ${round}/${context.runs} ${trouble.name}: own ${found.ownMs.toFixed(1)} ms`);
    }
  }
  const rows = toRows(samples, { suite, unit: "ms", against: [] }).map(withTarget);
  return {
    rows: all.flatMap((trouble) => rows.filter(({ subject }) => subject === subjectOf(trouble))),
    notes: all.map(
      ({ name }) => `Engine calls until the report, ${name}: ${calls.get(name)?.join(", ") || "none"}`,
    ),
  };
}

function subjectOf({ name, to }: Trouble): string {
  return `${name}, until ${to === "repair_started" ? "the repair" : "the report"}`;
}

function troubles({ bed }: SuiteContext, missingImage: string): readonly Trouble[] {
  const port = troublePorts.default.api;
  const refusedStart = { from: refusal(/\/containers\/[^/]+\/start/), to: "recovery_ended" } as const;
  return [
    {
      name: "port held by a container",
      code: "port-in-use",
      manifest: (project) => renderOne(project, { port }),
      provoke: () => holdByContainer(bed.client, port),
      ...refusedStart,
    },
    {
      name: "port held by a process",
      code: "port-in-use",
      manifest: (project) => renderOne(project, { port }),
      provoke: () => holdByProcess(port),
      ...refusedStart,
    },
    {
      name: "port of a bundle held by a process",
      code: "port-in-use",
      manifest: (project) => renderThree(project, ["default", "alternate"]),
      provoke: () => holdByProcess(troublePorts.default.db),
      from: refusedStart.from,
      to: "repair_started",
    },
    {
      name: "missing image",
      code: "image-not-found",
      manifest: (project) => renderOne(project, { image: missingImage }),
      from: refusal(/\/images\/create/),
      to: "recovery_ended",
    },
    {
      name: "bad entrypoint",
      code: "bad-entrypoint",
      manifest: (project) => renderOne(project, { command: ["/no/such/program"] }),
      ...refusedStart,
    },
    {
      name: "crash",
      code: "crashed",
      manifest: (project) => renderOne(project, { command: ["sh", "-c", "echo broken >&2; exit 3"] }),
      from: (moments) => moments.find(({ what }) => what === "word"),
      to: "recovery_ended",
    },
  ];
}

/** The head of the first answer that refuses this, or the piece of a stream that does. */
function refusal(path: RegExp): Trouble["from"] {
  return (moments) => {
    const asked = new Set(
      moments.flatMap((each) => (each.what === "asked" && path.test(each.path) ? [each.call] : [])),
    );
    return moments.find(
      (each) =>
        (each.what === "answered" && each.status >= 400 && asked.has(each.call)) ||
        (each.what === "word" && asked.has(each.call)),
    );
  };
}

async function measure(context: SuiteContext, trouble: Trouble): Promise<Stretch> {
  const { bed } = context;
  const file = join(bed.folder, "moments.json");
  const contestant: LashContestant = {
    ...lashContestant(bed, {
      exitCode: trouble.to === "recovery_ended" ? 1 : 0,
      nodeOptions: ["--import", probe],
      env: { LASH_BENCH_PROBE: file },
    }),
    prepare: ({ project, folder }) => writeFile(join(folder, "lash.yml"), trouble.manifest(project)),
  };
  await using _provoked = await trouble.provoke?.();
  return await withTrial(context, { graph: { name: trouble.name, nodes: [] }, contestant }, async (trial) => {
    await contestant.up(trial);
    const code = contestant.eventsOf(trial.project).find(({ report }) => report !== undefined)?.report
      ?.detected.code;
    const moments = JSON.parse(await readFile(file, "utf8")) as readonly Moment[];
    const from = trouble.from(moments);
    const to = moments.find((each) => each.what === "told" && each.event === trouble.to);
    if (code !== trouble.code || from === undefined || to === undefined) {
      throw new Error(`Cannot count this run: ${trouble.name} was reported as "${code ?? "nothing"}"`);
    }
    return stretch(moments, from, to);
  });
}

function withTarget(row: Row): Row {
  if (row.metric !== "own") return row;
  return { ...row, target: { text: `below ${targetMs} ms`, met: row.value.median < targetMs } };
}
