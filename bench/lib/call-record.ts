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
  /** What was waited for, as text: `GET /info 3.1 ms`; with "more" where it had been asked before. */
  readonly calls: readonly string[];
}

/** Answers that go on until somebody ends them: nobody waits for their end. */
const endless = /^\w+ \/(?:events|containers\/[^/]+\/(?:wait|logs\?.*follow=(?:1|true)))/;

/** Takes the time between two moments apart. Busy time counts as ours, also while an answer is outstanding. */
export function stretch(moments: readonly Moment[], from: Moment, to: Moment): Stretch {
  const calls = callsOf(moments).filter(({ askedAt, doneAt }) => askedAt < to.at && doneAt > from.at);
  // Whatever is still unanswered when all is told was not waited for.
  const awaited = calls.filter(({ route, doneAt }) => doneAt <= to.at && !endless.test(route));
  let engineMs = 0;
  let last = from;
  for (const moment of moments) {
    if (moment.at <= from.at) continue;
    if (moment.at > to.at) break;
    const { at } = last;
    const isWaiting = awaited.some(({ askedAt, doneAt }) => askedAt <= at && doneAt > at);
    if (isWaiting) engineMs += moment.idleMs - last.idleMs;
    last = moment;
  }
  const totalMs = to.at - from.at;
  const processorMs = to.processorMs - from.processorMs;
  return {
    totalMs,
    engineMs,
    ownMs: totalMs - engineMs,
    processorMs,
    calls: awaited.map(({ route, askedAt, doneAt }) => {
      const took = `${(doneAt - Math.max(askedAt, from.at)).toFixed(1)} ms`;
      return `${shortRoute(route)} ${took}${askedAt < from.at ? " more" : ""}`;
    }),
  };
}

interface Call {
  /** Method and path without the API version. */
  readonly route: string;
  readonly askedAt: number;
  /** Infinity while there is no whole answer. */
  readonly doneAt: number;
}

function callsOf(moments: readonly Moment[]): readonly Call[] {
  const done = new Map<number, number>();
  for (const moment of moments) {
    if (moment.what === "done" && !done.has(moment.call)) done.set(moment.call, moment.at);
  }
  return moments.flatMap((moment) =>
    moment.what === "asked"
      ? [
          {
            route: `${moment.method} ${moment.path.replace(/^\/v[\d.]+/, "")}`,
            askedAt: moment.at,
            doneAt: done.get(moment.call) ?? Number.POSITIVE_INFINITY,
          },
        ]
      : [],
  );
}

/** Without the query, and without whose it is. */
function shortRoute(route: string): string {
  return route
    .replace(/\?.*/, "")
    .replace(/\/(containers|exec|networks|images)\/(?!create|json)[^/]+/, "/$1/{id}");
}
