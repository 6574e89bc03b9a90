import type { EngineClient } from "./engine-client.ts";

/** Removes every container and network whose name has `project` in it, by raw calls. Not measured. */
export async function sweepProject(client: EngineClient, project: string): Promise<void> {
  const filters = encodeURIComponent(JSON.stringify({ name: [project] }));
  const containers = await client.call<{ Id: string }[]>("GET", `/containers/json?all=1&filters=${filters}`);
  await Promise.all(containers.map(({ Id: id }) => client.text("DELETE", `/containers/${id}?force=1&v=1`)));
  const networks = await client.call<{ Id: string }[]>("GET", `/networks?filters=${filters}`);
  await Promise.all(networks.map(({ Id: id }) => client.text("DELETE", `/networks/${id}`)));
}

/** Lines a container has written. */
async function logsOf(client: EngineClient, container: string): Promise<string> {
  // The stream has 8 bytes of frame header before each piece; the lines looked for are ASCII.
  return client.text("GET", `/containers/${container}/logs?stdout=1&stderr=1`);
}

/** When `open-port` says that its port opened, in Unix milliseconds. */
export async function openedAt(client: EngineClient, container: string): Promise<number> {
  const found = /opened \d+ (\d+)/.exec(await logsOf(client, container));
  if (found === null) throw new Error(`Cannot tell when "${container}" opened its port: it has not said so`);
  return Number(found[1]);
}
