import type { SnapshotAbility } from "../../engine/engine.ts";
import { LashError } from "../../model/errors.ts";
import type { EngineClient } from "./client.ts";
import type { Dialect } from "./dialect.ts";
import { contentId } from "./facts.ts";
import { parseReference } from "./reference.ts";

/** Committing copies what the container wrote, 5 ms a MiB: enough for 300 GiB. */
const commitDeadlineMs = 30 * 60_000;

export function openSnapshots(client: EngineClient, dialect: Dialect): SnapshotAbility {
  return {
    async commit(container, { signal, tag, labels }) {
      const { tag: version = "latest" } = parseReference(tag);
      const { Id = "" } = await client.json<{ readonly Id?: string }>({
        method: "POST",
        path: "/commit",
        query: {
          container,
          repo: repositoryOf(tag),
          tag: version,
          changes: dialect.takesCommitLabels ? undefined : Object.entries(labels).map(labelInstruction),
        },
        // Podman wants a body, and an empty one fails there with "Decode(): EOF" (4.3.1). Labels are added to those
        // the container has.
        json: dialect.takesCommitLabels ? { Labels: labels } : {},
        doing: `make an image of container "${container}"`,
        signal,
        deadlineMs: commitDeadlineMs,
      });
      return { imageId: contentId(Id) };
    },
  };
}

/** Podman takes quotes off and knows no escapes in them (4.3.1), so a value must do with one kind of quote. */
function labelInstruction([key, value]: readonly [string, string]): string {
  const quote = value.includes('"') ? "'" : '"';
  if (/\n/.test(value) || value.includes(quote)) {
    throw new LashError(
      "engine-unsupported",
      `Cannot label an image with "${key}": Podman takes no such value`,
      {
        data: { label: key },
      },
    );
  }
  return `LABEL "${key}"=${quote}${value}${quote}`;
}

function repositoryOf(reference: string): string {
  const colon = reference.lastIndexOf(":");
  return colon > reference.lastIndexOf("/") ? reference.slice(0, colon) : reference;
}
