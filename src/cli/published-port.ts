/** Where a port of a resource can be reached from this machine. */
export interface PublishedPort {
  /** For example "80/tcp". */
  readonly inside: string;
  /** For example "127.0.0.1:8080". */
  readonly address: string;
}

/** Reads "127.0.0.1:8080->80/tcp" as a resource's view writes it; undefined for a port that is not published. */
export function parsePublishedPort(text: string): PublishedPort | undefined {
  const [address, inside] = text.split("->");
  return address === undefined || inside === undefined ? undefined : { inside, address };
}
