import type { Engine } from "../engine/engine.ts";
import type { ContainerFacts, NetworkFacts, VolumeFacts } from "../engine/facts.ts";
import { LashError } from "../model/errors.ts";
import { label, labelSchema } from "../model/labels.ts";
import { allEngines, type Engines } from "./engines.ts";
import { networkName } from "./names.ts";

/** A container or process of this project, and the engine that has it. */
export interface Observed {
  readonly engine: Engine;
  readonly resource: string;
  readonly facts: ContainerFacts;
}

/** One look at everything the engines have of a project. */
export interface Observation {
  readonly containers: readonly Observed[];
  /** A network of the project's name, ours or not. */
  readonly network: NetworkFacts | undefined;
  readonly volumes: readonly VolumeFacts[];
}

/** Containers of a stack by id, as seen at one look. */
export type Seen = ReadonlyMap<string, { readonly resource: string; readonly facts: ContainerFacts }>;

/**
 * Reads what exists of a project, by label. Rejects with `state-newer` when something was made by a Lash whose labels
 * this one does not know.
 */
export async function observe(
  engines: Engines,
  project: string,
  options: {
    readonly signal: AbortSignal;
    /** Leaves network and volumes out. */
    readonly containersOnly?: boolean | undefined;
  },
): Promise<Observation> {
  const filter = { [label.project]: project };
  const whole = options.containersOnly !== true;
  const lists = allEngines(engines).map(async (engine) =>
    (await engine.list(filter, options)).flatMap((facts) => {
      const resource = facts.labels[label.resource];
      return resource === undefined ? [] : [{ engine, resource, facts }];
    }),
  );
  const [containers, network, volumes] = await Promise.all([
    Promise.all(lists),
    whole ? engines.container?.networks?.inspect(networkName(project), options) : undefined,
    (whole ? engines.container?.volumes?.list(filter, options) : undefined) ?? [],
  ]);
  const observation = { containers: containers.flat(), network, volumes };
  refuseNewer(observation);
  return observation;
}

function refuseNewer(observation: Observation): void {
  for (const { facts } of observation.containers) {
    const schema = facts.labels[label.schema];
    if (schema !== undefined && Number(schema) > Number(labelSchema)) {
      throw new LashError(
        "state-newer",
        `Cannot work on "${facts.name}": a newer Lash made it (labels ${schema})`,
        {
          data: { container: facts.name, schema },
          hint: "Update Lash",
        },
      );
    }
  }
}
