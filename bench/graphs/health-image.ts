import { baseImage } from "../lib/bench-bed.ts";
import type { EngineClient } from "../lib/engine-client.ts";
import { answersOn, databasePort, healthImage } from "./catalogue.ts";

/** Makes the image that has the database's healthcheck in itself, by committing an empty container. */
export async function buildHealthImage(client: EngineClient, intervalMs: number): Promise<void> {
  const { Id: id } = await client.call<{ Id: string }>("POST", "/containers/create", { Image: baseImage });
  try {
    const [repo = "", tag = ""] = healthImage(intervalMs).split(":");
    const test = JSON.stringify(answersOn(databasePort));
    const changes = `HEALTHCHECK --interval=${intervalMs}ms --timeout=3s --retries=100 CMD ${test}`;
    const query = new URLSearchParams({ container: id, repo, tag, changes });
    await client.text("POST", `/commit?${query.toString()}`, {});
  } finally {
    await client.text("DELETE", `/containers/${id}`);
  }
}
