import { isIPv4 } from "node:net";

/** Subnets of `/size` out of a base such as "172.17.0.0/16". */
export interface AddressPool {
  readonly base: string;
  readonly size: number;
}

/**
 * Where moby takes the addresses of networks from unless told otherwise: 31 subnets in all
 * (libnetwork/ipamutils, 20.10 to 28).
 */
export const mobyDefaultPools: readonly AddressPool[] = [
  { base: "172.17.0.0/16", size: 16 },
  { base: "172.18.0.0/16", size: 16 },
  { base: "172.19.0.0/16", size: 16 },
  { base: "172.20.0.0/14", size: 16 },
  { base: "172.24.0.0/14", size: 16 },
  { base: "172.28.0.0/14", size: 16 },
  { base: "192.168.0.0/16", size: 20 },
];

/** How many IPv4 subnets these pools have, and how many of them meet none that is in use. */
export function poolUse(
  pools: readonly AddressPool[],
  subnets: readonly string[],
): { readonly total: number; readonly free: number } {
  const used = subnets.map(rangeOf).filter((each) => each !== undefined);
  let [total, free] = [0, 0];
  for (const { base, size } of pools) {
    const range = rangeOf(base);
    if (range === undefined || size < range.bits || size > 32) continue;
    const count = 2 ** (size - range.bits);
    const width = 2 ** (32 - size);
    total += count;
    free += count - slotsMet({ first: range.first, count, width }, used);
  }
  return { total, free };
}

interface Range {
  readonly first: number;
  readonly last: number;
  readonly bits: number;
}

function rangeOf(cidr: string): Range | undefined {
  const [address = "", bitsText = ""] = cidr.split("/");
  const bits = Number(bitsText);
  if (!isIPv4(address) || !/^\d{1,2}$/.test(bitsText) || bits > 32) return undefined;
  const size = 2 ** (32 - bits);
  const number = address.split(".").reduce((sum, byte) => sum * 256 + Number(byte), 0);
  const first = number - (number % size);
  return { first, last: first + size - 1, bits };
}

/** Slots of a pool that at least one range meets; counted, not walked: a pool may have millions. */
function slotsMet(
  pool: { readonly first: number; readonly count: number; readonly width: number },
  used: readonly Range[],
): number {
  const end = pool.first + pool.count * pool.width - 1;
  const spans = used
    .filter(({ first, last }) => last >= pool.first && first <= end)
    .map(({ first, last }) => ({
      from: Math.floor((Math.max(first, pool.first) - pool.first) / pool.width),
      to: Math.floor((Math.min(last, end) - pool.first) / pool.width),
    }))
    .toSorted((a, b) => a.from - b.from);
  let [met, next] = [0, 0];
  for (const { from, to } of spans) {
    met += Math.max(0, to - Math.max(from, next) + 1);
    next = Math.max(next, to + 1);
  }
  return met;
}
