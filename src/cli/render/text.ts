/** Text that came from outside: control characters become visible signs, line ends become spaces. */
export function plain(text: string): string {
  // Bidirectional overrides can make a line read as something else, so they go the same way.
  return (
    text
      .replaceAll(/\r?\n/g, " ")
      .replaceAll("\t", " ")
      // eslint-disable-next-line no-control-regex
      .replaceAll(/[\u0000-\u001f]/g, (char) => String.fromCharCode(0x2400 + char.charCodeAt(0)))
      .replaceAll("\u007f", "\u2421")
      .replaceAll(/[\u0080-\u009f\u202a-\u202e\u2066-\u2069]/g, "\ufffd")
  );
}

// CSI sequences, then OSC, DCS, APC, PM and SOS up to their terminator, then the two-character ones.
const escapes =
  // eslint-disable-next-line no-control-regex
  /(?:\u001b\[|\u009b)([0-?]*[ -/]*)([@-~])|(?:\u001b[\]PX^_]|[\u0090\u0098\u009d-\u009f])[^\u0007\u001b\u009c]*(?:\u0007|\u001b\\|\u009c|$)|\u001b[ -/]*[0-~]?/g;

/** One line of a program's output: its colours are kept where we have colour, everything that moves the cursor goes. */
export function logText(line: string, color: boolean): string {
  // A progress bar redraws its line after each carriage return: what stood there last is the line.
  const shown = line.split("\r").findLast((part) => part !== "") ?? "";
  let colored = false;
  const kept = shown.replaceAll(
    escapes,
    (sequence, _parameters: string | undefined, final: string | undefined) => {
      if (!color || final !== "m" || sequence.startsWith("\u009b")) return "";
      colored = true;
      return sequence;
    },
  );
  // eslint-disable-next-line no-control-regex
  const clean = kept.replaceAll(/[\u0000-\u0008\u000a-\u001a\u001c-\u001f\u007f-\u009f]/g, "");
  const safe = color ? clean : clean.replaceAll("\u001b", "");
  return colored ? `${safe}\u001b[0m` : safe;
}

// eslint-disable-next-line no-control-regex
const printableAscii = /^[\u0020-\u007e]*$/;
const zeroWidth = /^[\p{Mn}\p{Me}\p{Cf}\u200b]/u;
const wide =
  /^[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1b000}-\u{1b2ff}\u{20000}-\u{3fffd}]|^\p{Emoji_Presentation}/u;

/** Columns one character takes on a terminal. */
function charWidth(char: string): number {
  if (zeroWidth.test(char)) return 0;
  return wide.test(char) ? 2 : 1;
}

/** Columns a text without escape sequences takes on a terminal. */
export function textWidth(text: string): number {
  if (printableAscii.test(text)) return text.length;
  let width = 0;
  for (const char of text) width += charWidth(char);
  return width;
}

/** The text, shortened with "…" to at most `columns`. */
export function truncate(text: string, columns: number): string {
  if (textWidth(text) <= columns) return text;
  if (columns <= 0) return "";
  let width = 0;
  let kept = "";
  for (const char of text) {
    width += charWidth(char);
    if (width > columns - 1) break;
    kept += char;
  }
  return `${kept}…`;
}

/** The text, filled with spaces up to `columns`. */
export function pad(text: string, columns: number): string {
  return text + " ".repeat(Math.max(0, columns - textWidth(text)));
}

export function padLeft(text: string, columns: number): string {
  return " ".repeat(Math.max(0, columns - textWidth(text))) + text;
}

/** Breaks a text at spaces into lines of at most `columns`; a longer word stays whole, so that it can be copied. */
export function wrap(text: string, columns: number): readonly string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (line !== "" && textWidth(longer) > columns) {
      lines.push(line);
      line = word;
    } else {
      line = longer;
    }
  }
  lines.push(line);
  return lines;
}

/** "0.8 s", "1 m 05 s", "2 h 03 m". */
export function elapsed(ms: number): string {
  const seconds = Math.max(0, ms) / 1_000;
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const two = (value: number): string => String(value).padStart(2, "0");
  if (whole < 3_600) return `${Math.floor(whole / 60)} m ${two(whole % 60)} s`;
  return `${Math.floor(whole / 3_600)} h ${two(Math.floor((whole % 3_600) / 60))} m`;
}

/** "12.3 MB", in powers of 1000 as registries count. */
export function bytes(count: number): string {
  if (count < 1_000) return `${count} B`;
  const units = ["kB", "MB", "GB", "TB"];
  let value = count / 1_000;
  let unit = 0;
  while (value >= 999.95 && unit < units.length - 1) {
    value /= 1_000;
    unit += 1;
  }
  return `${value.toFixed(1)} ${units[unit] ?? ""}`;
}

/** The path relative to `cwd` where it lies below it. */
export function shortPath(path: string, cwd: string): string {
  return path.startsWith(`${cwd}/`) ? path.slice(cwd.length + 1) : path;
}
