/** One field of a message: a number for varints, bytes for everything with a length. Fixed-size fields are left out. */
export type ProtobufField =
  | { readonly number: number; readonly value: number }
  | { readonly number: number; readonly bytes: Uint8Array };

/**
 * The fields of a protobuf message, in order. Throws RangeError on bytes that are no message. Varints above 2^53 lose
 * precision: those we read are sizes.
 */
export function readProtobuf(message: Uint8Array): readonly ProtobufField[] {
  const fields: ProtobufField[] = [];
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 1; ; shift *= 128) {
      const byte = message[at];
      if (byte === undefined) throw new RangeError("protobuf message ends inside a number");
      at += 1;
      value += (byte & 0x7f) * shift;
      if (byte < 0x80) return value;
    }
  };
  const skip = (bytes: number): number => {
    if (at + bytes > message.length) throw new RangeError("protobuf message ends inside a field");
    at += bytes;
    return at - bytes;
  };
  while (at < message.length) {
    const tag = varint();
    const number = Math.floor(tag / 8);
    switch (tag % 8) {
      case 0:
        fields.push({ number, value: varint() });
        break;
      case 1:
        skip(8);
        break;
      case 2: {
        const length = varint();
        const start = skip(length);
        fields.push({ number, bytes: message.subarray(start, start + length) });
        break;
      }
      case 5:
        skip(4);
        break;
      default:
        throw new RangeError(`protobuf wire type ${tag % 8} is unknown`);
    }
  }
  return fields;
}
