export type Style = "bold" | "dim" | "red" | "green" | "yellow" | "blue" | "magenta" | "cyan";

/** Puts a text into a style, or leaves it as it is where there is no colour. */
export interface Paint {
  readonly enabled: boolean;
  readonly as: (style: Style, text: string) => string;
}

const codes: Readonly<Record<Style, readonly [number, number]>> = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  blue: [34, 39],
  magenta: [35, 39],
  cyan: [36, 39],
};

/** The painter for a stream with colour, or for one without. */
export function paintFor(enabled: boolean): Paint {
  if (!enabled) return { enabled, as: (_style, text) => text };
  return {
    enabled,
    as(style, text) {
      const [open, close] = codes[style];
      return text === "" ? "" : `\u001b[${open}m${text}\u001b[${close}m`;
    },
  };
}
