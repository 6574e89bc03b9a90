import type { CallOptions, LabelFilter, NetworkAbility, VolumeAbility } from "../../engine/engine.ts";
import type { NetworkFacts, VolumeFacts } from "../../engine/facts.ts";
import { isLashError, LashError } from "../../model/errors.ts";
import { type EngineClient, pathPart } from "./client.ts";
import { filtersText, ignoring, labelFilters } from "./containers.ts";
import { networkFacts, volumeFacts } from "./facts.ts";
import type { NetworkJson, VolumeJson } from "./wire.ts";

/** Making or removing a network programs the firewall under a lock: 70 and 150 ms each, and they queue. */
const networkDeadlineMs = 60_000;

export function openNetworks(client: EngineClient): NetworkAbility {
  const inspect = async (name: string, { signal }: CallOptions): Promise<NetworkFacts | undefined> => {
    const path = `/networks/${pathPart(name)}`;
    const json = await client.find<NetworkJson>({
      method: "GET",
      path,
      doing: `inspect network "${name}"`,
      signal,
    });
    return json === undefined ? undefined : networkFacts(json);
  };
  return {
    inspect,
    async list(filter: LabelFilter, { signal }: CallOptions) {
      const query = { filters: filtersText({ label: labelFilters(filter) }) };
      const found = await client.json<readonly NetworkJson[]>({
        method: "GET",
        path: "/networks",
        query,
        doing: "list networks",
        signal,
      });
      // The list leaves out who is connected.
      const looks = await Promise.all(found.map(async ({ Id = "" }) => await inspect(Id, { signal })));
      return looks.filter((each) => each !== undefined);
    },
    async create({ name, labels }, { signal }) {
      const { Id = "" } = await client.json<{ readonly Id?: string }>({
        method: "POST",
        path: "/networks/create",
        json: { Name: name, Labels: labels, CheckDuplicate: true },
        doing: `create network "${name}"`,
        signal,
        deadlineMs: networkDeadlineMs,
      });
      return { id: Id };
    },
    async remove(name, { signal }) {
      const doing = `remove network "${name}"`;
      const path = `/networks/${pathPart(name)}`;
      try {
        await client.text({ method: "DELETE", path, doing, signal, deadlineMs: networkDeadlineMs });
      } catch (error) {
        if (isLashError(error, "engine-not-found")) return;
        throw asConflict(error);
      }
    },
  };
}

/** moby refuses to remove a network in use with 403 "has active endpoints" (20.10 to 29), not with 409. */
function asConflict(error: unknown): unknown {
  if (
    !isLashError(error, "engine-refused") ||
    !/has active endpoints|is in use|being used/.test(error.message)
  ) {
    return error;
  }
  return new LashError("engine-conflict", error.message, { data: error.data, cause: error });
}

export function openVolumes(client: EngineClient): VolumeAbility {
  return {
    async list(filter, { signal }) {
      const query = { filters: filtersText({ label: labelFilters(filter) }) };
      const found = await client.json<{ readonly Volumes?: readonly VolumeJson[] | null }>({
        method: "GET",
        path: "/volumes",
        query,
        doing: "list volumes",
        signal,
      });
      return (found.Volumes ?? []).map(volumeFacts);
    },
    async inspect(name, { signal }): Promise<VolumeFacts | undefined> {
      const path = `/volumes/${pathPart(name)}`;
      const json = await client.find<VolumeJson>({
        method: "GET",
        path,
        doing: `inspect volume "${name}"`,
        signal,
      });
      return json === undefined ? undefined : volumeFacts(json);
    },
    async create({ name, labels }, { signal }) {
      const doing = `create volume "${name}"`;
      const json = { Name: name, Labels: labels };
      await client.text({ method: "POST", path: "/volumes/create", json, doing, signal });
    },
    async remove(name, { signal }) {
      const path = `/volumes/${pathPart(name)}`;
      // Deleting its data may take long.
      const deadlineMs = 180_000;
      await ignoring(
        ["engine-not-found"],
        client.text({ method: "DELETE", path, doing: `remove volume "${name}"`, signal, deadlineMs }),
      );
    },
  };
}
