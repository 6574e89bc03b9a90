/** Something the probe saw in the measured command. */
export type MomentBody =
  | { readonly what: "asked"; readonly call: number; readonly method: string; readonly path: string }
  /** The head of the answer is here. */
  | { readonly what: "answered"; readonly call: number; readonly status: number }
  /** All of the answer is here. */
  | { readonly what: "done"; readonly call: number }
  /** A piece of the answer with this word in it is here. */
  | { readonly what: "word"; readonly call: number; readonly word: string }
  /** An event has been written to stdout. */
  | { readonly what: "told"; readonly event: string };

export type Moment = MomentBody & {
  /** Milliseconds of the command's own clock. */
  readonly at: number;
  /** How long its event loop had been idle by then. */
  readonly idleMs: number;
  /** Processor time of its main thread by then. */
  readonly processorMs: number;
};

/** What the time between two moments went to. */
export interface Stretch {
  readonly totalMs: number;
  /** The command had nothing to do but to wait, and some call to the engine was not answered yet. */
  readonly engineMs: number;
  /** The rest: computing, and waiting for anything but the engine. */
  readonly ownMs: number;
  /** Processor time of the main thread: unlike the others, not longer on a machine that does other things, too. */
  readonly processorMs: number;
  /** Asked in between, as text: `GET /info 3.1 ms`. */
  readonly calls: readonly string[];
}

/** Answers that go on until somebody ends them: nobody waits for their end. */
const endless = /^\/(?:v[\d.]+\/)?(?:events|containers\/[^/]+\/(?:wait|logs\?.*follow=(?:1|true)))/;

/** Takes the time between two moments apart. Busy time counts as ours, also while an answer is outstanding. */
export function stretch(moments: readonly Moment[], from: Moment, to: Moment): Stretch {
  const open = new Set<number>();
  let engineMs = 0;
  let last = from;
  for (const moment of moments) {
    if (moment.at > to.at) break;
    if (moment.at > from.at) {
      if (open.size > 0) engineMs += moment.idleMs - last.idleMs;
      last = moment;
    }
    if (moment.what === "asked" && !endless.test(moment.path)) open.add(moment.call);
    if (moment.what === "done") open.delete(moment.call);
  }
  const totalMs = to.at - from.at;
  const processorMs = to.processorMs - from.processorMs;
  return { totalMs, engineMs, ownMs: totalMs - engineMs, processorMs, calls: callsIn(moments, from, to) };
}

function callsIn(moments: readonly Moment[], from: Moment, to: Moment): readonly string[] {
  return moments.flatMap((moment) => {
    if (moment.what !== "asked" || moment.at < from.at || moment.at > to.at) return [];
    const done = moments.find((each) => each.what === "done" && each.call === moment.call);
    const took =
      done === undefined || done.at > to.at ? "not awaited" : `${(done.at - moment.at).toFixed(1)} ms`;
    return [`${routeOf(moment.method, moment.path)} ${took}`];
  });
}

function routeOf(method: string, path: string): string {
  const route = path
    .replace(/^\/v[\d.]+/, "")
    .replace(/\?.*/, "")
    .replace(/\/(containers|exec|networks|images)\/(?!create|json)[^/]+/, "/$1/{id}");
  return `${method} ${route}`;
}
