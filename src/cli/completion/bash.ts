import type { Completion } from "../command.ts";
import { type Completable, type Flag, globalFlags } from "./model.ts";

/** Completion for bash 3.2 and later, without the bash-completion package. */
export function bashScript(commands: readonly Completable[]): string {
  const firstWords = [...new Set(commands.map((each) => each.name.split(" ")[0] ?? ""))];
  const groups = firstWords.filter((word) => commands.some((each) => each.name.startsWith(`${word} `)));
  const withValue = globalFlags.filter((each) => each.value !== undefined).flatMap(names);
  return `# bash completion for lash
_lash() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}"
  local command="" word position=0 at=1 skip=""
  local -a context=()
  COMPREPLY=()
  while [ "$at" -lt "$COMP_CWORD" ]; do
    word="\${COMP_WORDS[at]}"
    if [ -n "$skip" ]; then
      context+=("$skip" "$word")
      skip=""
    elif [ -z "$command" ]; then
      case "$word" in
        ${withValue.join("|")}) skip="$word" ;;
        -*) ;;
        *) command="$word" ;;
      esac
    else
      case "$command $word" in
        ${secondWords(commands, groups)})
          command="$command $word" ;;
        *)
          case "$word" in
            -*) ;;
            *) position=$((position + 1)) ;;
          esac ;;
      esac
    fi
    at=$((at + 1))
  done
  case "$command" in
    "")
      case "$previous" in
${globalFlags.flatMap((flag) => valueCase(flag, 8)).join("\n")}
      esac
      _lash_words "${[...firstWords, "help", ...globalFlags.flatMap(names), "--version"].join(" ")}" ;;
    help) _lash_words "${firstWords.join(" ")}" ;;
${groups.map((group) => groupCase(group, commands)).join("\n")}
${commands.map(commandCase).join("\n")}
  esac
}
_lash_words() {
  local IFS=$' \\t\\n'
  COMPREPLY=($(compgen -W "$1" -- "$current"))
}
_lash_resources() {
  local IFS=$'\\n'
  COMPREPLY=($(compgen -W "$("\${COMP_WORDS[0]}" "\${context[@]+"\${context[@]}"}" __complete resources 2>/dev/null)" -- "$current"))
}
_lash_files() {
  local IFS=$'\\n'
  COMPREPLY=($(compgen -f -- "$current"))
}
complete -o filenames -F _lash lash
`;
}

function names(flag: Flag): readonly string[] {
  return flag.short === undefined ? [flag.long] : [flag.short, flag.long];
}

function secondWords(commands: readonly Completable[], groups: readonly string[]): string {
  const pairs = commands
    .filter((each) => groups.includes(each.name.split(" ")[0] ?? ""))
    .map((each) => `"${each.name}"`);
  return pairs.length === 0 ? '"/"' : pairs.join("|");
}

function groupCase(group: string, commands: readonly Completable[]): string {
  const seconds = commands
    .filter((each) => each.name.startsWith(`${group} `))
    .map((each) => each.name.split(" ")[1]);
  return `    ${group}) _lash_words "${seconds.join(" ")}" ;;`;
}

function commandCase(command: Completable): string {
  const values = command.flags.flatMap((flag) => valueCase(flag, 8));
  const flags = command.flags.flatMap(names).join(" ");
  return `    "${command.name}")
      case "$previous" in
${values.join("\n")}
      esac
      case "$current" in
        -*) _lash_words "${flags}"; return ;;
      esac
      case "$position" in
${command.arguments.map((each, at) => `        ${positionPattern(command, at)}) ${complete(each)} ;;`).join("\n")}
        *) ;;
      esac ;;`;
}

function positionPattern(command: Completable, at: number): string {
  return command.variadic && at === command.arguments.length - 1 ? "*" : String(at);
}

function valueCase(flag: Flag, indent: number): readonly string[] {
  if (flag.value === undefined) return [];
  return [`${" ".repeat(indent)}${names(flag).join("|")}) ${complete(flag.value)}; return ;;`];
}

function complete(what: Completion): string {
  if (what === "resource") return "_lash_resources";
  if (what === "file") return "_lash_files";
  return what === "none" ? ":" : `_lash_words "${what.join(" ")}"`;
}
