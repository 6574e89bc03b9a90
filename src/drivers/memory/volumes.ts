import type { CallOptions, VolumeAbility } from "../../engine/engine.ts";
import type { VolumeFacts } from "../../engine/facts.ts";
import { LashError } from "../../model/errors.ts";
import { carries } from "./event-bus.ts";
import type { Gate } from "./gate.ts";
import type { Journal } from "./journal.ts";

interface Volume extends VolumeFacts {
  readonly files: Map<string, string>;
}

/** The named volumes of a memory engine, with what is in them. */
export class VolumeStore {
  readonly #volumes = new Map<string, Volume>();

  get(name: string): Volume | undefined {
    return this.#volumes.get(name);
  }

  all(): Iterable<Volume> {
    return this.#volumes.values();
  }

  /** The volume of that name, made if need be. */
  ensure(name: string, labels: Readonly<Record<string, string>> = {}): Volume {
    const found = this.#volumes.get(name) ?? { name, labels, files: new Map<string, string>() };
    this.#volumes.set(name, found);
    return found;
  }

  delete(name: string): boolean {
    return this.#volumes.delete(name);
  }
}

/** The ability on volumes, over one store. `usedBy` names a container that mounts a volume, running or not. */
export function volumeAbility(
  store: VolumeStore,
  gate: Gate,
  context: { readonly journal: Journal; usedBy(volume: string): string | undefined },
): VolumeAbility {
  const facts = ({ name, labels }: Volume): VolumeFacts => ({ name, labels });
  const change = (target: string, action: string): void =>
    context.journal.write({ type: "change", of: "volume", target, action, exitCode: undefined });
  const call = (method: string, target: string, options: CallOptions) => ({
    method: `volumes.${method}`,
    target,
    signal: options.signal,
  });
  return {
    list: (filter, options) =>
      gate.pass(call("list", "", options), () =>
        [...store.all()].filter((each) => carries(each.labels, filter)).map(facts),
      ),
    inspect: (name, options) =>
      gate.pass(call("inspect", name, options), () => {
        const found = store.get(name);
        return found === undefined ? undefined : facts(found);
      }),
    create: ({ name, labels }, options) =>
      gate.pass(call("create", name, options), () => {
        if (store.get(name) !== undefined) return;
        store.ensure(name, labels);
        change(name, "create");
      }),
    remove: (name, options) =>
      gate.pass(call("remove", name, options), () => {
        const user = context.usedBy(name);
        if (user !== undefined) {
          throw new LashError(
            "engine-conflict",
            `Cannot remove volume "${name}": volume is in use - [${user}]`,
            {
              data: { status: 409 },
            },
          );
        }
        if (store.delete(name)) change(name, "remove");
      }),
  };
}
