import type { PortMapping } from "../../model/container-spec.ts";

/** First port handed out for "any": the start of the range that IANA leaves free. */
const firstEphemeral = 49_152;
const lastPort = 65_535;

/** A host port in use; without an owner, by something outside the engine. */
interface Use {
  readonly owner: string | undefined;
  readonly hostIp: string;
}

/** The host ports of a memory engine. */
export class HostPorts {
  /** By port and protocol, as "8080/tcp". */
  readonly #uses = new Map<string, Use[]>();
  readonly #keys = new Map<string, string[]>();
  #next = firstEphemeral;

  /** A port that something outside the engine listens on. */
  occupy(hostPort: number, hostIp: string): void {
    this.#add(`${hostPort}/tcp`, { owner: undefined, hostIp });
  }

  vacate(hostPort: number): void {
    this.#drop(`${hostPort}/tcp`, undefined);
  }

  /** Publishes a container's ports: all of them, or none and the engine's text. */
  publish(
    owner: string,
    wanted: readonly PortMapping[],
  ): { readonly given: readonly PortMapping[] } | { readonly refused: string } {
    const given: PortMapping[] = [];
    for (const port of wanted) {
      if (port.hostPort === undefined) continue;
      const mapping = port.hostPort === 0 ? this.#allocate(port) : port;
      const refused = this.#refusal(mapping);
      if (refused !== undefined) {
        this.release(owner);
        return { refused };
      }
      const key = keyOf(mapping);
      this.#add(key, { owner, hostIp: mapping.hostIp });
      this.#keys.set(owner, [...(this.#keys.get(owner) ?? []), key]);
      given.push(mapping);
    }
    return { given };
  }

  release(owner: string): void {
    for (const key of this.#keys.get(owner) ?? []) this.#drop(key, owner);
    this.#keys.delete(owner);
  }

  /** The next free port, or with all of them taken some taken one. */
  #allocate(port: PortMapping): PortMapping {
    let mapping = { ...port, hostPort: this.#next };
    for (let tried = firstEphemeral; tried <= lastPort; tried += 1) {
      mapping = { ...port, hostPort: this.#next };
      this.#next = this.#next === lastPort ? firstEphemeral : this.#next + 1;
      if (this.#refusal(mapping) === undefined) break;
    }
    return mapping;
  }

  /** The words of Docker 20.10 to 28 for both cases. */
  #refusal(wanted: PortMapping): string | undefined {
    const uses = this.#uses.get(keyOf(wanted)) ?? [];
    const clash = uses.find(
      (use) => use.hostIp === wanted.hostIp || isAny(use.hostIp) || isAny(wanted.hostIp),
    );
    if (clash === undefined) return undefined;
    const address = `${wanted.hostIp === "" ? "0.0.0.0" : wanted.hostIp}:${wanted.hostPort}`;
    return clash.owner === undefined
      ? `listen ${wanted.protocol}4 ${address}: bind: address already in use`
      : `Bind for ${address} failed: port is already allocated`;
  }

  #add(key: string, use: Use): void {
    this.#uses.set(key, [...(this.#uses.get(key) ?? []), use]);
  }

  #drop(key: string, owner: string | undefined): void {
    const kept = (this.#uses.get(key) ?? []).filter((use) => use.owner !== owner);
    if (kept.length > 0) this.#uses.set(key, kept);
    else this.#uses.delete(key);
  }
}

function keyOf({ hostPort, protocol }: PortMapping): string {
  return `${hostPort}/${protocol}`;
}

function isAny(address: string): boolean {
  return address === "" || address === "0.0.0.0" || address === "::";
}
