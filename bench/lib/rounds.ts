import type { Row } from "../report/row.ts";
import { median, summarize } from "./stats.ts";

/** One measured value. Values of the same round and subject were taken right after each other, in random order. */
export interface Sample {
  readonly round: number;
  readonly subject: string;
  readonly contestant: string;
  readonly metric: string;
  readonly value: number;
}

/** Summaries of samples, each compared within its rounds with the contestants named in `against`. */
export function toRows(
  samples: readonly Sample[],
  options: { readonly suite: string; readonly unit: Row["unit"]; readonly against: readonly string[] },
): Row[] {
  const groups = Map.groupBy(samples, ({ subject, contestant, metric }) =>
    [subject, metric, contestant].join("\0"),
  );
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const { subject, contestant, metric } = first;
    const ratios = options.against
      .filter((other) => other !== contestant)
      .map((other) => [other, pairedRatio(samples, group, other)] as const)
      .filter((pair): pair is [string, number] => pair[1] !== undefined);
    return [
      {
        suite: options.suite,
        subject,
        contestant,
        metric,
        unit: options.unit,
        value: summarize(group.map(({ value }) => value)),
        ratios: Object.fromEntries(ratios),
      },
    ];
  });
}

function pairedRatio(all: readonly Sample[], group: readonly Sample[], other: string): number | undefined {
  const ratios = group.flatMap(({ round, subject, metric, value }) =>
    all
      .filter(
        (each) =>
          each.contestant === other &&
          each.round === round &&
          each.subject === subject &&
          each.metric === metric,
      )
      .map((each) => value / each.value),
  );
  return ratios.length === 0 ? undefined : median(ratios);
}
