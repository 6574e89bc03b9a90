import type { Completion } from "../command.ts";
import { type Completable, type Flag, globalFlags } from "./model.ts";

/** Completion for zsh, for a file `_lash` in fpath or for `source`. */
export function zshScript(commands: readonly Completable[]): string {
  const top = new Map<string, string>();
  for (const each of commands) {
    const [first = "", second] = each.name.split(" ");
    if (!top.has(first)) top.set(first, second === undefined ? each.summary : `${first} commands`);
  }
  const groups = [...top.keys()].filter((word) => commands.some((each) => each.name.startsWith(`${word} `)));
  return `#compdef lash
# zsh completion for lash
_lash() {
  local curcontext="$curcontext" state line
  typeset -A opt_args
  _arguments -C \\
${globalFlags
  .flatMap(specs)
  .map((each) => `    ${each} \\`)
  .join("\n")}
    ${quote("--version[print the version]")} \\
    '1: :->command' \\
    '*:: :->rest'
  case "$state" in
    command)
      local -a commands=(
${[...top].map(([name, summary]) => `        ${quote(`${name}:${summary}`)}`).join("\n")}
        ${quote("help:print help on a command")}
      )
      _describe -t commands 'lash command' commands ;;
    rest)
      case "$line[1]" in
${groups.map((group) => groupCase(group, commands)).join("\n")}
${commands
  .filter((each) => !each.name.includes(" "))
  .map((each) => commandCase(each, 8))
  .join("\n")}
      esac ;;
  esac
}
_lash_resources() {
  local -a context names
  local flag
  for flag in -f --file --project --env-file; do
    [[ -n "\${opt_args[$flag]}" ]] && context+=("$flag" "\${(Q)opt_args[$flag]}")
  done
  names=("\${(@f)$(lash $context __complete resources 2>/dev/null)}")
  compadd -- $names
}
if [ "$funcstack[1]" = "_lash" ]; then
  _lash "$@"
else
  compdef _lash lash
fi
`;
}

function commandCase(command: Completable, indent: number): string {
  const space = " ".repeat(indent);
  const word = command.name.split(" ").at(-1) ?? "";
  const parts = [...command.flags.flatMap(specs), ...argumentSpecs(command)];
  return `${space}${word})\n${space}  _arguments -s ${parts.join(` \\\n${space}    `)} ;;`;
}

function groupCase(group: string, commands: readonly Completable[]): string {
  const own = commands.filter((each) => each.name.startsWith(`${group} `));
  const seconds = own.map((each) => quote(`${each.name.split(" ")[1] ?? ""}:${each.summary}`)).join(" ");
  return `        ${group})
          if (( CURRENT == 2 )); then
            local -a seconds=(${seconds})
            _describe -t commands '${group} command' seconds
          else
            shift words
            (( CURRENT-- ))
            case "$words[1]" in
${own.map((each) => commandCase(each, 14)).join("\n")}
            esac
          fi ;;`;
}

function argumentSpecs(command: Completable): readonly string[] {
  return command.arguments.map((each, at) => {
    const last = command.variadic && at === command.arguments.length - 1;
    const position = last ? "*" : String(at + 1);
    return last && command.passThrough ? quote("*::command:_normal") : quote(`${position}: :${action(each)}`);
  });
}

function specs(flag: Flag): readonly string[] {
  const names = flag.short === undefined ? [flag.long] : [flag.short, flag.long];
  const value = flag.value === undefined ? "" : `:value:${action(flag.value)}`;
  const repeat = flag.repeats ? "*" : "";
  return names.map((name) =>
    quote(`${repeat}${name}[${flag.description.replaceAll(/[[\]]/g, "\\$&")}]${value}`),
  );
}

function action(what: Completion): string {
  if (what === "resource") return "_lash_resources";
  if (what === "file") return "_files";
  return what === "none" ? " " : `(${what.join(" ")})`;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
