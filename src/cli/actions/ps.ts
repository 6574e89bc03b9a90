import type { ResourceView, StatusTag } from "../../app/types.ts";
import type { InputOf } from "../command.ts";
import type { psCommand } from "../commands/ps.ts";
import type { Context } from "../context.ts";
import type { Style } from "../render/paint.ts";
import { type Column, tableLines } from "../render/rows.ts";
import { elapsed, plain } from "../render/text.ts";
import { knownResources } from "../resource-names.ts";
import { openNamedStack } from "../stack-source.ts";

const columns: readonly Column[] = [
  { title: "NAME", shrinks: "last" },
  { title: "STATUS", shrinks: "never" },
  { title: "UP", shrinks: "never" },
  { title: "KIND", shrinks: "away" },
  { title: "PORTS", shrinks: "second" },
  { title: "IMAGE", shrinks: "first" },
  { title: "DETAIL", shrinks: "last" },
];

const statusColumn = 1;

const statusStyle: Readonly<Record<StatusTag, Style>> = {
  pending: "dim",
  pulling: "cyan",
  building: "cyan",
  waiting: "cyan",
  starting: "cyan",
  running: "cyan",
  ready: "green",
  unhealthy: "red",
  restarting: "yellow",
  stopping: "yellow",
  completed: "green",
  stopped: "dim",
  failed: "red",
};

export async function ps(context: Context, input: InputOf<typeof psCommand>): Promise<number> {
  const { output, clock, signal } = context;
  await using handle = await openNamedStack(context);
  const wanted = knownResources(handle.stack, input.arguments);
  const all = await handle.list({ signal, urls: output.json });
  const views = all.filter((view) => isWanted(view, wanted) && (!input.options.running || isRunning(view)));
  if (output.json) {
    await output.document(views);
    return 0;
  }
  if (views.length === 0) {
    output.talk("- nothing to list");
    return 0;
  }
  const rows = views.map((view) => cells(view, clock.now()));
  const width = output.stdoutIsTerminal ? output.columns() : undefined;
  const decorate = (text: string, column: number): string => {
    const status = views.find((view) => view.status === text.trimEnd())?.status;
    return column === statusColumn && status !== undefined
      ? output.paint.as(statusStyle[status], text)
      : text;
  };
  await output.data(`${tableLines(columns, rows, { width, decorate }).join("\n")}\n`);
  return 0;
}

function isWanted(view: ResourceView, wanted: readonly string[] | undefined): boolean {
  return wanted === undefined || wanted.includes(view.name);
}

function isRunning(view: ResourceView): boolean {
  return view.startedAt !== undefined && view.exitCode === undefined && view.status !== "stopped";
}

function cells(view: ResourceView, nowMs: number): readonly string[] {
  const up =
    isRunning(view) && view.startedAt !== undefined ? elapsed(nowMs - Date.parse(view.startedAt)) : "";
  const details = [
    view.orphan ? "orphan" : "",
    view.detail,
    view.exitCode === undefined ? "" : `exit ${view.exitCode}`,
    view.restarts === 0 ? "" : `${view.restarts} restarts`,
  ];
  const detail = details.filter((each) => each !== "").join(", ");
  return [view.name, view.status, up, view.kind, view.ports.join(", "), view.image, detail].map(plain);
}
