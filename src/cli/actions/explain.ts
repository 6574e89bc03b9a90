import type { Explanation } from "../../app/types.ts";
import { LashError } from "../../model/errors.ts";
import type { InputOf } from "../command.ts";
import type { explainCommand } from "../commands/explain.ts";
import type { Context } from "../context.ts";
import { pageLines, recognisedLines, unknownLines } from "../render/explain.ts";

/** A failure is told in a few lines; more than this is a log to be cut first. */
const maxBytes = 1 << 20;

export async function explain(context: Context, input: InputOf<typeof explainCommand>): Promise<number> {
  const { app, output } = context;
  const words = await wordsOf(context, input.arguments);
  if (words.trim() === "") {
    throw new LashError("usage", "Cannot explain nothing: the text is empty", {
      hint: "See: lash help explain",
    });
  }
  const found = await app.explain(words);
  if (output.json) await output.document(found);
  else await show(context, found);
  return found.type === "unknown" ? 1 : 0;
}

async function show({ output }: Context, found: Explanation): Promise<void> {
  const columns = output.stdoutIsTerminal ? output.columns() : undefined;
  if (found.type === "unknown") {
    for (const line of unknownLines(found.nearest, { paint: output.talkPaint, columns })) output.talk(line);
    return;
  }
  const look = { paint: output.paint, columns };
  const lines = found.type === "code" ? pageLines(found.page, look) : recognisedLines(found, look);
  await output.data(lines.map((line) => `${line}\n`).join(""));
}

async function wordsOf(context: Context, words: readonly string[]): Promise<string> {
  const dash = words.length === 1 && words[0] === "-";
  if (words.length > 0 && !dash) return words.join(" ");
  if (!dash && context.io.stdin.isTTY) {
    throw new LashError("usage", "Cannot explain nothing: no code and no text given", {
      hint: "See: lash help explain",
    });
  }
  return await readInput(context);
}

async function readInput({ io, signal }: Context): Promise<string> {
  const { stdin } = io;
  const stop = (): void => void stdin.destroy();
  signal.addEventListener("abort", stop, { once: true });
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of stdin as AsyncIterable<Buffer | string>) {
      const bytes = Buffer.from(chunk);
      size += bytes.length;
      if (size > maxBytes) {
        throw new LashError("usage", "Cannot explain the text on standard input: it is longer than 1 MiB", {
          hint: "Take the end of it: tail -n 200 file | lash explain",
        });
      }
      chunks.push(bytes);
    }
  } catch (thrown) {
    signal.throwIfAborted();
    throw thrown;
  } finally {
    signal.removeEventListener("abort", stop);
  }
  signal.throwIfAborted();
  return Buffer.concat(chunks).toString("utf8");
}
