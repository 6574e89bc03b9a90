import { createHash } from "node:crypto";
import type { CallOptions, NetworkAbility } from "../../engine/engine.ts";
import type { NetworkFacts } from "../../engine/facts.ts";
import { LashError } from "../../model/errors.ts";
import { carries } from "./event-bus.ts";
import type { Gate } from "./gate.ts";
import type { Journal } from "./journal.ts";

/** Networks that every engine has. */
const predefined: ReadonlySet<string> = new Set(["bridge", "host", "none", "default"]);

/** The networks of a memory engine. */
export class NetworkStore {
  readonly #networks = new Map<string, Omit<NetworkFacts, "containers">>();

  has(name: string): boolean {
    return predefined.has(name) || this.#networks.has(name);
  }

  get(name: string): Omit<NetworkFacts, "containers"> | undefined {
    return this.#networks.get(name);
  }

  all(): Iterable<Omit<NetworkFacts, "containers">> {
    return this.#networks.values();
  }

  add(name: string, labels: Readonly<Record<string, string>>): string {
    const id = createHash("sha256").update(`network ${name}`).digest("hex");
    this.#networks.set(name, { id, name, labels });
    return id;
  }

  delete(name: string): boolean {
    return this.#networks.delete(name);
  }
}

/** The ability on networks, over one store. `members` gives the ids of the running containers in a network. */
export function networkAbility(
  store: NetworkStore,
  gate: Gate,
  context: { readonly journal: Journal; members(network: string): readonly string[] },
): NetworkAbility {
  const facts = (network: Omit<NetworkFacts, "containers">): NetworkFacts => ({
    ...network,
    containers: context.members(network.name),
  });
  const change = (target: string, action: string): void =>
    context.journal.write({ type: "change", of: "network", target, action, exitCode: undefined });
  const call = (method: string, target: string, options: CallOptions) => ({
    method: `networks.${method}`,
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
        if (store.has(name)) {
          throw new LashError(
            "engine-conflict",
            `Cannot create network "${name}": network with name ${name} already exists`,
            {
              data: { status: 409 },
            },
          );
        }
        const id = store.add(name, labels);
        change(name, "create");
        return { id };
      }),
    remove: (name, options) =>
      gate.pass(call("remove", name, options), () => {
        if (context.members(name).length > 0) {
          throw new LashError(
            "engine-conflict",
            `Cannot remove network "${name}": network ${name} has active endpoints`,
            {
              data: { status: 403 },
            },
          );
        }
        if (store.delete(name)) change(name, "remove");
      }),
  };
}
