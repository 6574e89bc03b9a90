import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseCommandLine } from "../src/cli/parse.ts";
import { commandGroups, commandTable } from "../src/cli/table.ts";
import { version } from "../src/model/version.ts";

// Writes docs/cli.md from the command table; with --check fails when it differs from what is there.

const file = join(import.meta.dirname, "..", "docs/cli.md");

/** What `lash <argv>` prints in a terminal of 80 columns. */
function help(...argv: readonly string[]): string {
  const parsed = parseCommandLine([...argv, "--help"], commandTable, {
    version,
    columns: 80,
    groups: commandGroups,
  });
  if (parsed.type !== "text") throw new Error(`unreachable: no help for ${argv.join(" ")}`);
  return parsed.text.trimEnd();
}

function section(title: string, text: string): string {
  return `## ${title}\n\n\`\`\`text\n${text}\n\`\`\`\n`;
}

const shown = commandTable.map((each) => each.spec).filter((spec) => spec.hidden !== true);

const page = `# The command line

Generated from the command table by \`node scripts/cli-docs.ts\`; do not edit.

Options of \`lash\` itself may stand before the command and after it. Data goes to standard output, everything else to
standard error; with \`--json\` standard output holds JSON and nothing else ([json.md](json.md)). Colours and redrawing
in place only on a terminal: \`NO_COLOR\`, \`FORCE_COLOR\` and \`TERM=dumb\` are honoured.

| exit code     | means                                                                                   |
| ------------- | --------------------------------------------------------------------------------------- |
| 0             | done, also when a signal ended it after the stack was ready                             |
| 1             | the work failed: a resource failed, something was left over                             |
| 2             | the input is wrong: command line, manifest, missing variables                           |
| 3             | the engine cannot be reached or used                                                    |
| 130, 143      | interrupted by SIGINT, SIGTERM before it was done, after cleaning up                    |
| the command's | of \`exec\` and \`run\`                                                                     |

\`lash doctor\` exits with 0 only when it found nothing that would stop an \`up\`, with 1 when it found something, whatever
it is, and with 3 when the engine is needed, cannot be reached or used, and nothing else is wrong.

The first SIGINT or SIGTERM stops in good order, the second at once; the third ends Lash on the spot.

${section("lash", help())}
${shown.map((spec) => section(`lash ${spec.name}`, help(...spec.name.split(" ")))).join("\n")}`;

if (process.argv.includes("--check")) {
  if (readFileSync(file, "utf8") !== page) {
    console.error("docs/cli.md is not what the command table says: run `node scripts/cli-docs.ts`");
    process.exitCode = 1;
  }
} else {
  writeFileSync(file, page);
}
