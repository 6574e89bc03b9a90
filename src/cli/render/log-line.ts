import type { LogEntry } from "../../app/types.ts";
import type { Paint, Style } from "./paint.ts";
import { logText, pad, plain } from "./text.ts";

export interface LogLineOptions {
  readonly paint: Paint;
  /** Resources in a stable order: each keeps its colour. */
  readonly names: readonly string[];
  readonly prefix: boolean;
  readonly timestamps: boolean;
}

const prefixStyles: readonly Style[] = ["cyan", "yellow", "green", "magenta", "blue"];

/** Returns the function that turns an entry into a line, names aligned and coloured. */
export function logLines(options: LogLineOptions): (resource: string, entry: LogEntry) => string {
  const { paint, names } = options;
  const columns = Math.min(24, Math.max(0, ...names.map((name) => name.length)));
  const prefixes = new Map(
    names.map((name, at) => [
      name,
      paint.as(prefixStyles[at % prefixStyles.length] ?? "cyan", `${pad(name, columns)} |`),
    ]),
  );
  return (resource, entry) => {
    const prefix = options.prefix ? `${prefixes.get(resource) ?? `${pad(plain(resource), columns)} |`} ` : "";
    const time = options.timestamps ? `${paint.as("dim", entry.at)} ` : "";
    return `${prefix}${time}${logText(entry.text, paint.enabled)}\n`;
  };
}
