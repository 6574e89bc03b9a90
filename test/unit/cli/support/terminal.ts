const filler = "\ufffe";

/**
 * A terminal small enough to read in a minute: text, line feed, carriage return, cursor up, clear line, clear below,
 * colours (dropped) and private modes. Anything else fails the test that wrote it.
 */
export class Terminal {
  readonly columns: number;
  readonly rows: number;
  readonly isTTY = true;
  cursorShown = true;
  readonly #lines: string[] = [""];
  #row = 0;
  #column = 0;

  constructor(columns: number, rows: number) {
    this.columns = columns;
    this.rows = rows;
  }

  /** Everything written, lines that scrolled out included, without the empty ones at the end. */
  get text(): string {
    return shown(this.#lines);
  }

  /** What a person sees now. */
  get screen(): string {
    return shown(this.#lines.slice(this.#top));
  }

  get cursor(): { readonly row: number; readonly column: number } {
    return { row: this.#row - this.#top, column: this.#column };
  }

  get #top(): number {
    return Math.max(0, this.#lines.length - this.rows);
  }

  once(): this {
    return this;
  }

  on(): this {
    return this;
  }

  write(data: string | Uint8Array): boolean {
    const text = typeof data === "string" ? data : Buffer.from(data).toString("utf8");
    // eslint-disable-next-line no-control-regex
    for (const [token] of text.matchAll(/\u001b\[[?0-9;]*[A-Za-z]|[^]/gu)) this.#take(token);
    return true;
  }

  #take(token: string): void {
    if (token === "\n") return this.#feed();
    if (token === "\r") {
      this.#column = 0;
      return;
    }
    if (token.startsWith("\u001b")) return this.#control(token.slice(2, -1), token.at(-1) ?? "");
    if (token < " ") throw new Error(`unexpected control character ${JSON.stringify(token)}`);
    this.#put(token);
  }

  #control(parameters: string, final: string): void {
    if (final === "m") return;
    if (final === "A") {
      const up = Number(parameters || "1");
      if (this.#row - up < this.#top)
        throw new Error(`cursor leaves the screen: up ${up} from row ${this.#row - this.#top}`);
      this.#row -= up;
    } else if (final === "J" && parameters === "") {
      this.#lines[this.#row] = (this.#lines[this.#row] ?? "").slice(0, this.#column);
      this.#lines.fill("", this.#row + 1);
    } else if (final === "K" && parameters === "2") {
      this.#lines[this.#row] = "";
    } else if (parameters === "?25") {
      this.cursorShown = final === "h";
    } else {
      throw new Error(`unexpected sequence ESC [ ${parameters}${final}`);
    }
  }

  #feed(): void {
    this.#row += 1;
    this.#column = 0;
    if (this.#row === this.#lines.length) this.#lines.push("");
  }

  #put(char: string): void {
    const width = /\p{Emoji_Presentation}|[\u4e00-\u9fff]/u.test(char) ? 2 : 1;
    if (this.#column + width > this.columns) this.#feed();
    const line = this.#lines[this.#row] ?? "";
    const cells = Array.from(line.padEnd(this.#column));
    // A wide character takes two cells; the second holds a filler, which is dropped when the screen is read.
    cells.splice(this.#column, width, ...(width === 2 ? [char, filler] : [char]));
    this.#lines[this.#row] = cells.join("");
    this.#column += width;
  }
}

function shown(lines: readonly string[]): string {
  return lines
    .map((line) => line.replaceAll(filler, "").trimEnd())
    .join("\n")
    .trimEnd();
}
