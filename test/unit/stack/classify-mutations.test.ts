import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { classify, classifyText } from "../../../src/recovery/classify.ts";
import type { Activity, Evidence } from "../../../src/recovery/evidence.ts";
import type { Failure } from "../../../src/recovery/failure.ts";
import { fixtures } from "../../../src/recovery/fixtures/all.ts";
import { type Fixture, textOf } from "../../../src/recovery/fixtures/fixture.ts";
import { stackPlaybook } from "../../../src/stack/recovery/playbook.ts";

const runs = 12_000;
const seed = 20_260_101;

/** What a stack would repair because of the words alone: a pull of which nothing is known is not tried again. */
function isRepaired({ code, details }: Failure): boolean {
  if (code === "registry-unreachable") return details?.passing === true;
  return code in stackPlaybook;
}

const repaired = fixtures.filter((each) =>
  isRepaired({ code: each.code, details: each.details, subject: "", message: "", evidence: "" }),
);
const causes = new Set(fixtures.map(({ cause }) => cause.toLowerCase()));

/** No word of these is in the catalogue; that is asserted below. */
const strange = [
  "quibble",
  "zephyr",
  "marmalade",
  "gyroscope",
  "pumpernickel",
  "trombone",
  "0x7f3a",
  "lighthouse",
  "saffron",
  "turnip",
  "(wobbly)",
  "velvet:",
  "accordion.",
  "17",
  "ukulele",
  "nougat",
  '"parasol"',
  "meringue;",
  "[walrus]",
] as const;

const otherLanguages = [
  "Adresse bereits in Verwendung",
  "Die Adresse wird bereits verwendet",
  "Normalerweise darf jede Socketadresse (Protokoll, Netzwerkadresse oder Anschluss) nur jeweils einmal verwendet werden.",
  "Une seule utilisation de chaque adresse de socket (protocole/adresse réseau/port) est habituellement autorisée.",
  "la dirección ya se está usando",
  "アドレスは既に使用中です",
  "地址已在使用",
  "адрес уже используется",
  "Zeitüberschreitung bei der Verbindung",
  "连接超时",
] as const;

const otherProducts = [
  "Error: listen EADDRINUSE: address already in use :::8080",
  "java.net.BindException: Address already in use (Bind failed)",
  "OSError: [Errno 98] Address already in use",
  "Web server failed to start. Port 8080 was already in use.",
  "bind() to 0.0.0.0:80 failed (98: Address already in use)",
  "[::]:5432: could not bind IPv6 address: Address already in use",
  "port 8080 is already allocated",
  "Port is already allocated to another pod",
  "listen tcp :8080: bind: address already in use by somebody",
  "openai.RateLimitError: Error code: 429 - slow down",
  "HTTP 429 from api.example.com",
  "GitHub: API rate limit exceeded for 203.0.113.4",
  "connect ETIMEDOUT 203.0.113.4:443",
  "read ECONNRESET",
  "upstream timed out (110: Connection timed out) while reading response header",
  "org.postgresql.util.PSQLException: The connection attempt failed: unexpected EOF on client connection",
  'pods "web" already exists',
  "The name web is already in use by another branch",
  "address pool is exhausted on the DHCP server",
  "context deadline exceeded while reconciling deployment",
  "dial tcp 10.0.0.5:5432: i/o timeout while talking to the database",
] as const;

const refuted = [
  "not ",
  "this is not what it is: ",
  "unlike ",
  "neither a bird nor ",
  "no longer: ",
  "formerly ",
];
const ruledOut = [
  " was ruled out",
  " is not the reason",
  ", which was yesterday",
  " (no longer)",
  "? No",
  " has been solved",
];

const unknownCause = fc.oneof(
  fc.array(fc.constantFrom(...strange), { minLength: 1, maxLength: 9 }).map((words) => words.join(" ")),
  fc.constantFrom(...otherLanguages),
  fc.constantFrom(...otherProducts),
);

/** Another text with the cause gone: each says by what it does, not by what the classifier thinks, that it is. */
const withoutCause: fc.Arbitrary<{ readonly text: string; readonly how: string }> = fc
  .constantFrom(...repaired)
  .chain((from) =>
    fc.oneof(
      // The words around the cause stay, another cause stands in them.
      unknownCause.map((cause) => ({ text: `${from.around}${cause}`, how: "swapped" })),
      fc
        .constantFrom(...refuted)
        .map((not) => ({ text: `${from.around}${not}${from.cause}`, how: "negated" })),
      fc.constantFrom(...ruledOut).map((after) => ({ text: ruleOut(from, after), how: "ruled out" })),
      fc
        .nat(Math.floor(from.cause.length / 2))
        .map((length) => ({ text: cut(from, length), how: "truncated" })),
      fc.shuffledSubarray(from.cause.split(" "), { minLength: 1 }).map((words) => ({
        text: shuffled(from, words),
        how: "shuffled",
      })),
      fc
        .constantFrom(...fixtures)
        .chain(({ around }) =>
          unknownCause.map((cause) => ({ text: `${around}${cause}`, how: "other words around" })),
        ),
      unknownCause.map((cause) => ({ text: cause, how: "bare" })),
    ),
  );

/** A code with its colon stands for itself, whatever message follows: there the cause cannot be ruled out behind it. */
function ruleOut({ around, cause }: Fixture, after: string): string {
  return cause.endsWith(":") ? around : `${around}${cause}${after}`;
}

/** At most half of the cause is left, and that is not another cause. */
function cut({ around, cause }: Fixture, length: number): string {
  const left = cause.slice(0, length);
  return causes.has(left.trim().toLowerCase()) ? around : `${around}${left}`;
}

/** Its words in another order, or some of them: nonsense, unless that is again a cause. */
function shuffled({ around, cause }: Fixture, words: readonly string[]): string {
  const text = words.join(" ");
  return text === cause || causes.has(text.toLowerCase()) || cause.startsWith(`${text} `)
    ? around
    : `${around}${text}`;
}

const activity = fc.constantFrom<Activity>(
  "pull",
  "build",
  "create",
  "start",
  "readiness",
  "run",
  "stop",
  "network",
  "remove",
  "unknown",
);
/** What else may be known. The output of an application may quote any engine: that counts for nothing. */
const circumstances: fc.Arbitrary<Partial<Evidence>> = fc.record({
  status: fc.constantFrom(undefined, 400, 403, 404, 409, 500),
  exitCode: fc.constantFrom(undefined, 0, 1, 126, 127, 128, 137),
  oomKilled: fc.boolean(),
  logTail: fc.array(fc.constantFrom(...fixtures).map(textOf), { maxLength: 3 }),
  existingData: fc.boolean(),
});

describe("mutations of the catalogue", () => {
  test("the strange words are in no row, and what is repaired has rows", () => {
    const all = fixtures.map((each) => textOf(each).toLowerCase()).join("\n");
    const words = strange.filter((word) => /[a-z]{4}/.test(word));
    expect(words.filter((word) => all.includes(word.replace(/\W/g, "")))).toEqual([]);
    expect(new Set(repaired.map(({ code }) => code))).toEqual(new Set(Object.keys(stackPlaybook)));
  });

  test(`no repair for ${runs} texts whose cause is gone`, () => {
    const seen = new Map<string, number>();
    fc.assert(
      fc.property(
        withoutCause,
        activity,
        circumstances,
        fc.boolean(),
        ({ text, how }, during, more, inState) => {
          seen.set(how, (seen.get(how) ?? 0) + 1);
          const words = inState ? { text: "", stateError: text } : { text };
          const failure = classify({ ...more, ...words, subject: "web", during });
          expect(isRepaired(failure), `${how}, ${during}: ${text}`).toBe(false);
          const pasted = classifyText(text);
          expect(pasted !== undefined && isRepaired(pasted), `pasted, ${how}: ${text}`).toBe(false);
        },
      ),
      { numRuns: runs, seed },
    );
    expect(Math.min(...seen.values())).toBeGreaterThan(runs / 20);
    expect(seen.size).toBe(7);
  });

  test("the cause is found when only its looks change", () => {
    const oneLine = fixtures.filter((each) => !/\n/.test(textOf(each)));
    const dressed = fc.constantFrom(...oneLine).chain((from) =>
      fc
        .oneof(
          fc.constant(textOf(from).toUpperCase()),
          fc.constant(`\u001b[31m${textOf(from)}\u001b[0m\r\n`),
          fc
            .constantFrom("docker: ", "Error response from daemon: ", "Error: ")
            .map((said) => said + textOf(from)),
          fc.constant(`Some progress\n ✔ Network shop_default  Created  0.1s\n${textOf(from)}\nSome more`),
          fc.integer({ min: 0, max: 60 }).map((more) => wrapped(textOf(from), more)),
        )
        .map((text) => ({ from, text })),
    );
    fc.assert(
      fc.property(dressed, ({ from, text }) => {
        const failure = classify({ ...from.evidence, subject: "web", during: from.during, text });
        expect(failure.code, `text: ${text}`).toBe(from.code);
      }),
      { numRuns: 3000, seed },
    );
  });

  test("never throws and names its subject, whatever the text", () => {
    const anything = fc.oneof(
      fc.string({ maxLength: 300 }),
      fc.string({ unit: "binary", maxLength: 300 }),
      fc.array(fc.constantFrom(...fixtures).map(textOf), { maxLength: 5 }).map((texts) => texts.join("\n")),
    );
    fc.assert(
      fc.property(anything, activity, circumstances, (text, during, more) => {
        const failure = classify({ ...more, subject: "web", during, text });
        expect(failure.message.startsWith('"web": ')).toBe(true);
        classifyText(text);
      }),
      { numRuns: 3000, seed },
    );
  });

  test.each([
    ["spaces", " ".repeat(300_000)],
    ["lines", "a\n".repeat(100_000)],
    ["brackets", "(".repeat(200_000)],
    ["wrappers", "Error: ".repeat(40_000)],
    ["colons", "a: ".repeat(100_000)],
    ["escapes", "\u001b[".repeat(100_000)],
    ["long lines of causes", `${"no space left on device, watch ".repeat(120)}\n`.repeat(60)],
    ["nearly a firewall", `${"iptables failed: ".repeat(200)}\n`.repeat(60)],
    ["nearly a mount", `${"not a directory: Are you trying to mount ".repeat(90)}\n`.repeat(60)],
    ["quotes", `"${'exec: "'.repeat(500)}\n`.repeat(60)],
  ])("bounded work: %s", (_, text) => {
    const begun = performance.now();
    classify({ subject: "web", during: "start", text, stateError: text });
    classifyText(text);
    // Generous: it is some tens of milliseconds, and minutes if a pattern backtracks.
    expect(performance.now() - begun).toBeLessThan(4000);
  });
});

/** As a terminal breaks it, at a width that gives at most five lines. */
function wrapped(text: string, more: number): string {
  const width = Math.ceil(text.length / 5) + more;
  return (text.match(new RegExp(`[^]{1,${width}}`, "g")) ?? []).join("\n");
}
