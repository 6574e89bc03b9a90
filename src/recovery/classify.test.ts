import { describe, expect, test } from "vitest";
import { classify, classifyText } from "./classify.ts";
import { fixtures } from "./fixtures/all.ts";
import { stateFixtures } from "./fixtures/application.ts";
import { textOf } from "./fixtures/fixture.ts";
import { lookAlikes } from "./fixtures/look-alikes.ts";

describe("the catalogue", () => {
  test.each(fixtures)("$code: $row ($source)", (fixture) => {
    const text = textOf(fixture);
    const failure = classify({ ...fixture.evidence, subject: "web", during: fixture.during, text });
    expect({ code: failure.code, details: failure.details }).toEqual({
      code: fixture.code,
      details: fixture.details,
    });
    expect(failure.evidence).toBe(text);
    expectReadable(failure.message);
  });

  test.each(fixtures)("pasted, $code: $row", (fixture) => {
    const failure = classifyText(textOf(fixture));
    expect(failure?.code ?? "nothing").toBe(fixture.pasted ?? fixture.code);
    if (failure === undefined) return;
    expect(failure.details).toEqual(fixture.details);
    expect(failure.message).not.toMatch(/[\n.]$|^$/);
  });

  test.each(fixtures)("in the state of a container, $code: $row", (fixture) => {
    const stateError = textOf(fixture);
    const failure = classify({ subject: "web", during: fixture.during, text: "", stateError });
    expect(failure.code).toBe(fixture.code);
    expect(failure.evidence).toBe(stateError);
  });

  test.each(stateFixtures)("$code: $row ($source)", ({ code, evidence, line }) => {
    const failure = classify({ subject: "web", text: "", ...evidence });
    expect(failure.code).toBe(code);
    expect(failure.evidence).toBe(line ?? "");
    expectReadable(failure.message);
  });

  test.each(stateFixtures.filter(({ line }) => line !== undefined))(
    "pasted, $code: $row",
    ({ code, line = "" }) => {
      expect(classifyText(line)?.code).toBe(code);
    },
  );
});

describe("look-alikes", () => {
  test.each(lookAlikes)("not $not: $row ($source)", ({ evidence, code, not, pasted }) => {
    const failure = classify({ subject: "web", ...evidence });
    expect(failure.code).toBe(code);
    expect(failure.code).not.toBe(not);
    expect(classifyText(evidence.text)?.code ?? "nothing").toBe(pasted);
  });
});

/** One sentence, its subject first, on one line, no full stop and no colours. */
function expectReadable(message: string): void {
  expect(message).toMatch(/^"web": /);
  expect(message).not.toMatch(/\n|\.$| {2}|: $/);
  expect(message).not.toContain("\u001b");
}
