import { askEngine } from "./engine-api.ts";
import { listProcesses, ownLine, type ProcessInfo, waitFor } from "./processes.ts";

/** What an engine holds, by kind, as "name (id)". */
export type Inventory = Readonly<Record<"container" | "network" | "volume" | "image", ReadonlySet<string>>>;

/** Reads what an engine holds. Build caches are not part of it. */
export async function takeInventory(socket: string): Promise<Inventory> {
  const [containers, networks, volumes, images] = await Promise.all([
    askEngine<{ Id: string; Names: string[] }[]>(socket, "/containers/json?all=1"),
    askEngine<{ Id: string; Name: string }[]>(socket, "/networks"),
    askEngine<{ Volumes: { Name: string }[] | null }>(socket, "/volumes"),
    askEngine<{ Id: string; RepoTags: string[] | null }[]>(socket, "/images/json?all=1"),
  ]);
  const short = (id: string): string => id.replace("sha256:", "").slice(0, 12);
  return {
    container: new Set(
      containers.map(({ Id: id, Names: names }) => `${names[0]?.slice(1) ?? "?"} (${short(id)})`),
    ),
    network: new Set(networks.map(({ Id: id, Name: name }) => `${name} (${short(id)})`)),
    volume: new Set((volumes.Volumes ?? []).map(({ Name: name }) => name)),
    image: new Set(
      images.flatMap(({ Id: id, RepoTags: tags }) =>
        (tags?.length ? tags : ["<none>"]).map((tag) => `${tag} (${short(id)})`),
      ),
    ),
  };
}

/** What is there now and was not before, and what was and is gone: one line each. */
export function compareInventories(before: Inventory, after: Inventory): string[] {
  return (["container", "network", "volume", "image"] as const).flatMap((kind) => [
    ...[...after[kind]].filter((one) => !before[kind].has(one)).map((one) => `${kind} left behind: ${one}`),
    ...[...before[kind]]
      .filter((one) => !after[kind].has(one))
      .map((one) => `${kind} of the bed removed: ${one}`),
  ]);
}

/** Processes in this namespace that nobody answers for, after giving the last ones a moment to end. */
export async function findStrayProcesses(options: { readonly graceMs: number }): Promise<ProcessInfo[]> {
  let strays: ProcessInfo[] = [];
  await waitFor(
    () => {
      strays = listStrays();
      return strays.length === 0 ? true : undefined;
    },
    { timeoutMs: options.graceMs, everyMs: 50, describe: () => "still there" },
  ).catch(() => undefined);
  return strays;
}

/** Everything but this process, the ones that started it, and the test runner's own workers. */
function listStrays(): ProcessInfo[] {
  const all = listProcesses();
  const own = ownLine(all);
  const isWorker = ({ parent, command }: ProcessInfo): boolean =>
    parent === process.pid && /node_modules\/(vitest|tinypool|esbuild|@esbuild)|vitest/.test(command);
  const allowed = new Set([...own, ...all.filter(isWorker).map(({ pid }) => pid)]);
  return all.filter(({ pid }) => !allowed.has(pid));
}

/** The names of stray processes as lines. */
export function renderProcesses(processes: readonly ProcessInfo[]): string[] {
  return processes.map(
    ({ pid, parent, command }) => `process left behind: ${pid} (of ${parent}) ${command.slice(0, 200)}`,
  );
}
