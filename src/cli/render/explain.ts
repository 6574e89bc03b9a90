import type { Explanation, Failure, FailurePage } from "../../app/types.ts";
import { type Look, stepLines } from "./block.ts";
import { adviceLines } from "./failure.ts";
import { portText } from "./holder.ts";
import { elapsed, plain, wrap } from "./text.ts";

/** The page of a code. */
export function pageLines(page: FailurePage, look: Look): readonly string[] {
  const { paint } = look;
  return [
    `${paint.as("bold", page.code)}: ${plain(page.title)}`,
    ...section("What it means", page.means, look),
    ...section("How it is recognised", page.recognised, look),
    ...section("What Lash does", page.does, look),
    ...section("What Lash never does", page.never, look),
    ...section("What you can do", page.youCan, look),
  ];
}

/** What was found in a text, and what comes of it. */
export function recognisedLines(
  { failure, page }: Extract<Explanation, { readonly type: "text" }>,
  look: Look,
): readonly string[] {
  const step = (word: string, text: string): readonly string[] =>
    text === "" ? [] : stepLines({ mark: "-", word, code: "", text: plain(text) }, look);
  const { advice = [] } = failure;
  return [
    ...stepLines({ mark: "x", word: "detected", code: page.code, text: plain(failure.message) }, look),
    ...step("names", namedIn(failure).join(", ")),
    ...step("means", page.means),
    ...step("Lash", page.does),
    ...(advice.length === 0 ? step("you can", page.youCan) : adviceLines(failure, look)),
    ...step("more", `lash explain ${page.code}`),
  ];
}

/** Said of a text in which nothing known was found. */
export function unknownLines(nearest: readonly string[], look: Look): readonly string[] {
  const step = (word: string, text: string | readonly string[]): readonly string[] =>
    stepLines({ mark: "-", word, code: "", text }, look);
  return [
    ...stepLines({ mark: "x", word: "unknown", code: "", text: "no code, and no known failure in it" }, look),
    ...(nearest.length === 0
      ? []
      : step(
          "perhaps",
          nearest.map((each) => `lash explain ${each}`),
        )),
    ...step("try", "more of the text: the line with the cause often stands above or below"),
    ...step("look", "at what the program said itself (lash logs <resource>) and at the log of the engine"),
  ];
}

/** The things a text names: "port 8080/tcp", "image x". */
function namedIn({ details = {} }: Failure): readonly string[] {
  const { image, name, path, port, retryAfterMs } = details;
  return [
    port === undefined ? "" : `port ${portText(port)}`,
    image === undefined ? "" : `image ${image}`,
    name === undefined ? "" : `"${name}"`,
    path === undefined ? "" : `path ${path}`,
    retryAfterMs === undefined ? "" : `to be tried again in ${elapsed(retryAfterMs)}`,
  ].filter((each) => each !== "");
}

function section(title: string, text: string, { paint, columns }: Look): readonly string[] {
  const lines = columns === undefined ? [plain(text)] : wrap(plain(text), columns - 2);
  return ["", paint.as("bold", title), ...lines.map((line) => `  ${line}`)];
}
