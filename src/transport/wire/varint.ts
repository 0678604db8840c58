/**
 * The size of a variable-length integer (PROTOCOL §2, RFC 9000 §16). Reading and writing them are methods of
 * ByteReader and ByteWriter, where the bytes are.
 */

/** Largest value of a varint: what a double holds exactly [VAR-2]. */
export const MAX_VARINT = Number.MAX_SAFE_INTEGER;

/** Bytes of the shortest form of `value`, which is what ByteWriter.varint writes. */
export function varintLength(value: number): 1 | 2 | 4 | 8 {
  if (value < 0x40) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x4000_0000) return 4;
  return 8;
}
