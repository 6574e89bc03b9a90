import type { Behaviour, CommandAction } from "./harness.ts";

/**
 * Behaviours and actions as commands for a POSIX shell: for every driver whose containers have `sh`, `sleep`, `base64`
 * and `cat`.
 */
export function shellCommand(behaviour: Behaviour | CommandAction): readonly string[] {
  if (behaviour.kind === "no program") return ["/no/such/program"];
  return ["sh", "-c", script(behaviour)];
}

// Not in one long sleep: a shell acts on a trap only after the command it waits for.
const runOn = "while :; do sleep 0.05; done";

function script(of: Exclude<Behaviour | CommandAction, { kind: "no program" }>): string {
  switch (of.kind) {
    case "serve":
      return `trap 'exit ${of.code}' ${of.on.slice(3)}; echo serving; ${runOn}`;
    case "stubborn":
      return `trap '' TERM INT; echo serving; ${runOn}`;
    case "exit":
      return `sleep ${of.afterMs / 1000}; exit ${of.code}`;
    case "print":
      return `${printf(of.stdout, "")}; ${printf(of.stderr, " >&2")}; exit ${of.code}`;
    case "write lines":
      return writeLines(of);
    case "count":
      return `i=0; while [ $i -lt ${of.count} ]; do i=$((i+1)); echo "line $i"; done`;
    case "tick":
      return `i=0; while [ $i -lt ${of.count} ]; do i=$((i+1)); echo "tick $i"; sleep ${of.everyMs / 1000}; done`;
    case "print variables":
      return of.names.map(printVariable).join("; ");
    case "print folder":
      return "pwd";
    case "write file":
      return `${printf(of.text, ` >${quote(`${of.folder}/${of.name}`)}`)}; echo written`;
    case "read file":
      return readFile(quote(`${of.folder}/${of.name}`));
    case "ready later":
      return `trap 'exit 143' TERM; echo serving; sleep ${of.afterMs / 1000}; : >/tmp/ready; ${runOn}`;
    case "echo input":
      return "cat";
    case "run on":
      return `echo running; ${runOn}`;
  }
}

function writeLines({ lines, unterminated }: Extract<Behaviour, { kind: "write lines" }>): string {
  const last = lines.length - 1;
  return lines
    .map(({ stream, text }, index) =>
      printf(unterminated && index === last ? text : `${text}\n`, stream === "stderr" ? " >&2" : ""),
    )
    .join("; ");
}

function printVariable(name: string): string {
  const value = `printf '${name}='; printf %s "$${name}" | base64 | tr -d '\\n'; echo`;
  return `if [ "\${${name}+set}" = set ]; then ${value}; else echo '${name} unset'; fi`;
}

function readFile(path: string): string {
  return `if [ -f ${path} ]; then printf 'read: '; cat ${path}; echo; else echo absent; fi`;
}

function printf(text: string, redirection: string): string {
  return `printf %s ${quote(text)}${redirection}`;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
