/**
 * The body of a build: four bytes with the length of a JSON text, big-endian, the text, and the context as tar. In one
 * body, so that all of it is signed and build arguments stand in no address.
 */
export const buildContentType = "application/vnd.lash.build";

const lengthBytes = 4;
/** Arguments and labels of a build. */
export const maxBuildHeadBytes = 1024 * 1024;

export async function* writeBuildBody(
  head: unknown,
  tar: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const text = Buffer.from(JSON.stringify(head), "utf8");
  const length = Buffer.alloc(lengthBytes);
  length.writeUInt32BE(text.length);
  yield length;
  yield text;
  yield* tar;
}

/** The head, and where the tar begins; undefined when it is no such body. */
export async function readBuildHead(
  read: (from: number) => AsyncIterable<Uint8Array>,
): Promise<{ readonly head: unknown; readonly tarAt: number } | undefined> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  let wanted = lengthBytes;
  for await (const chunk of read(0)) {
    chunks.push(chunk);
    size += chunk.length;
    if (size >= lengthBytes && wanted === lengthBytes) {
      const length = Buffer.concat(chunks).readUInt32BE(0);
      if (length > maxBuildHeadBytes) return undefined;
      wanted += length;
    }
    if (size >= wanted && wanted > lengthBytes) break;
  }
  if (size < wanted || wanted === lengthBytes) return undefined;
  const text = Buffer.concat(chunks).toString("utf8", lengthBytes, wanted);
  try {
    return { head: JSON.parse(text) as unknown, tarAt: wanted };
  } catch {
    return undefined;
  }
}
