import { type Completable, type Flag, globalFlags } from "./model.ts";

/** Completion for fish 3. */
export function fishScript(commands: readonly Completable[]): string {
  const firstWords = [...new Set(commands.map((each) => each.name.split(" ")[0] ?? ""))];
  return `# fish completion for lash
function __lash_command
    set -l words (commandline -opc)
    set -e words[1]
    set -l skip 0
    set -l found
    for word in $words
        if test $skip -eq 1
            set skip 0
            continue
        end
        switch $word
            case ${globalFlags
              .filter((each) => each.value !== undefined)
              .flatMap(bare)
              .join(" ")}
                set -q found[1]; or set skip 1
            case '-*'
            case '*'
                set -a found $word
        end
    end
    echo "$found"
end
function __lash_resources
    set -l words (commandline -opc)
    set -l context
    for at in (seq 2 (math (count $words) - 1))
        switch $words[$at]
            case -f --file --project --env-file
                set -a context $words[$at] $words[(math $at + 1)]
            case '-*'
            case '*'
                test $at -gt 2; and break
        end
    end
    lash $context __complete resources 2>/dev/null
end
complete -c lash -f
${globalFlags.map((each) => flagLine(each, "test -z (__lash_command)")).join("\n")}
complete -c lash -n 'test -z (__lash_command)' -l version -d 'print the version'
${firstWords.map((word) => firstWordLine(word, commands)).join("\n")}
complete -c lash -n 'test -z (__lash_command)' -a help -d 'print help on a command'
${commands.flatMap(commandLines).join("\n")}
`;
}

function firstWordLine(word: string, commands: readonly Completable[]): string {
  const summary = commands.find((each) => each.name === word)?.summary ?? `${word} commands`;
  return `complete -c lash -n 'test -z (__lash_command)' -a ${word} -d ${quote(summary)}`;
}

function commandLines(command: Completable): readonly string[] {
  const inside = `string match -qr '^${command.name}( |$)' -- (__lash_command)`;
  const [first, second] = command.name.split(" ");
  const lines = command.flags.map((each) => flagLine(each, inside));
  if (second !== undefined) {
    lines.unshift(
      `complete -c lash -n ${quote(`test (__lash_command) = ${first ?? ""}`)} -a ${second} -d ${quote(command.summary)}`,
    );
  }
  const [argument] = command.arguments;
  if (argument === "resource") lines.push(`complete -c lash -n ${quote(inside)} -a '(__lash_resources)'`);
  else if (Array.isArray(argument))
    lines.push(`complete -c lash -n ${quote(inside)} -a ${quote(argument.join(" "))}`);
  return lines;
}

function flagLine(flag: Flag, when: string): string {
  const short = flag.short === undefined ? "" : ` -s ${flag.short.slice(1)}`;
  let value = "";
  if (flag.value === "file") value = " -r -F";
  else if (flag.value === "resource") value = " -x -a '(__lash_resources)'";
  else if (Array.isArray(flag.value)) value = ` -x -a ${quote(flag.value.join(" "))}`;
  else if (flag.value !== undefined) value = " -x";
  return `complete -c lash -n ${quote(when)}${short} -l ${flag.long.slice(2)}${value} -d ${quote(flag.description)}`;
}

function bare(flag: Flag): readonly string[] {
  return flag.short === undefined ? [flag.long] : [flag.short, flag.long];
}

function quote(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
