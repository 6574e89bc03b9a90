import { createMemoryEngine } from "../../../src/drivers/memory/memory-engine.ts";
import type { ContainerScript, RunContext, ScriptedExec } from "../../../src/drivers/memory/script.ts";
import type {
  Behaviour,
  CommandAction,
  ConformanceHarness,
} from "../../../src/engine/conformance/harness.ts";

const image = "conformance:1";
const registry = { present: "registry.test/present:1", absent: "registry.test/absent:1" };

export const memoryLacks: ConformanceHarness["lacks"] = {
  builds: "a build in memory makes an image of that name and runs nothing",
};

/** The harness of the memory engine: behaviours are scripts, commands are read by a handler. */
export function memoryHarness(): Omit<ConformanceHarness, "lacks" | "signal"> & AsyncDisposable {
  const engine = createMemoryEngine({ images: [image], pullable: [registry.present] });
  return {
    engine,
    // Two sockets of one engine, of which the second may be closed.
    openSecond: async () => ({ ...engine, async [Symbol.asyncDispose]() {} }),
    spec(name, behaviour) {
      engine.script(name, (spec) => scriptOf(behaviour, spec.workingDir ?? "/"));
      return { name, labels: {}, image, env: {} };
    },
    command: (action) => [JSON.stringify(action)],
    folder: "/tmp",
    image,
    registry,
    labels: { suite: "conformance" },
    [Symbol.asyncDispose]: () => engine[Symbol.asyncDispose](),
  };
}

function scriptOf(behaviour: Behaviour, folder: string): ContainerScript {
  const base: ContainerScript = { exec: act, healthOutput: "not yet" };
  switch (behaviour.kind) {
    case "serve":
      return { ...base, output: ["serving"], stopExitCode: behaviour.code };
    case "stubborn":
      return { ...base, output: ["serving"], ignoreStop: true };
    case "exit":
      return { ...base, exitCode: behaviour.code, exitAfterMs: behaviour.afterMs };
    case "write lines":
      return { ...base, output: behaviour.lines, exitCode: 0 };
    case "count":
      return {
        ...base,
        output: Array.from({ length: behaviour.count }, (_, n) => `line ${n + 1}`),
        exitCode: 0,
      };
    case "tick": {
      const { count, everyMs } = behaviour;
      const output = Array.from({ length: count }, (_, n) => ({
        text: `tick ${n + 1}`,
        afterMs: n * everyMs,
      }));
      return { ...base, output, exitCode: 0, exitAfterMs: count * everyMs };
    }
    case "no program":
      return { ...base, failStart: 'exec: "/no/such/program": no such file or directory' };
    case "print variables":
      return { ...base, output: ({ spec }) => variables(behaviour.names, spec.env), exitCode: 0 };
    case "print folder":
      return { ...base, output: [folder], exitCode: 0 };
    case "write file":
      return { ...base, output: (context) => write(context, behaviour), exitCode: 0 };
    case "read file":
      return { ...base, output: (context) => read(context, behaviour), exitCode: 0 };
    case "ready later":
      return { ...base, output: ["serving"], readyMs: behaviour.afterMs };
  }
}

type FileAt = { readonly folder: string; readonly name: string };

function write({ files }: RunContext, at: FileAt & { readonly text: string }): readonly string[] {
  files.write(`${at.folder}/${at.name}`, at.text);
  return ["written"];
}

function read({ files }: RunContext, at: FileAt): readonly string[] {
  const text = files.read(`${at.folder}/${at.name}`);
  return [text === undefined ? "absent" : `read: ${text}`];
}

function variables(names: readonly string[], env: Readonly<Record<string, string>>): readonly string[] {
  return names.map((name) => {
    const value = env[name];
    return value === undefined ? `${name} unset` : `${name}=${Buffer.from(value).toString("base64")}`;
  });
}

async function act({ command, env, input, workingDir, signal, write: print }: ScriptedExec): Promise<number> {
  const action: CommandAction = JSON.parse(command[0] ?? "");
  switch (action.kind) {
    case "print":
      if (action.stdout !== "") print(action.stdout);
      if (action.stderr !== "") print(action.stderr, "stderr");
      return action.code;
    case "echo input":
      for await (const data of input) print(data);
      return 0;
    case "print variables":
      print(`${variables(action.names, env).join("\n")}\n`);
      return 0;
    case "print folder":
      print(`${workingDir ?? "/"}\n`);
      return 0;
    case "run on":
      print("running\n");
      await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
      return 137;
    case "no program":
      return 127;
  }
}
