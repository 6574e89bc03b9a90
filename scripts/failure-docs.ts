import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Meaning, meanings } from "../src/recovery/meanings.ts";

// Writes docs/failures.md from the table of meanings; with --check fails when it differs from what is there.

const file = join(import.meta.dirname, "..", "docs/failures.md");
const entries: readonly (readonly [code: string, meaning: Meaning])[] = Object.entries(meanings);

function section([code, meaning]: readonly [string, Meaning]): string {
  return `## ${code}

**${meaning.title}.** ${meaning.means}

- Recognised by: ${meaning.recognised}
- Lash: ${meaning.does}
- Lash never: ${meaning.never}
- You can: ${meaning.youCan}
`;
}

const page = `# Known failures

Generated from the table of meanings by \`node scripts/failure-docs.ts\`; do not edit.

What goes wrong in a known way has a code. For some codes there is one safe repair: it is told before it is made, it is
made at most once, and one retry follows. For the others, and for every failure that is not recognised, Lash makes no
change and shows the original text. \`lash explain <code>\` prints an entry of this page, \`lash explain\` with any other
text says which entry it belongs to.

| code | is |
| --- | --- |
${entries.map(([code, { title }]) => `| [${code}](#${code}) | ${title} |`).join("\n")}

${entries.map(section).join("\n")}`;

if (process.argv.includes("--check")) {
  if (readFileSync(file, "utf8") !== page) {
    console.error("docs/failures.md is not what the meanings say: run `node scripts/failure-docs.ts`");
    process.exitCode = 1;
  }
} else {
  writeFileSync(file, page);
}
