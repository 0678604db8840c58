/**
 * Memory for bytes whose number was announced and that are not there yet: it grows with what comes, so that a length alone
 * costs next to nothing.
 */

/**
 * `bytes`, or a larger copy of the first `filled` of them, with room for `needed`: at most four times as many, and never more
 * than `announced`.
 */
export function withRoom(bytes: Uint8Array, filled: number, needed: number, announced: number): Uint8Array {
  if (needed <= bytes.length) return bytes;
  const grown = new Uint8Array(Math.min(announced, Math.max(FIRST_BYTES, needed * GROWTH)));
  grown.set(bytes.subarray(0, filled));
  return grown;
}

/** Most messages find room in it at once. */
const FIRST_BYTES = 64 << 10;
/** With this, what has come is moved one and a third times at most. */
const GROWTH = 4;
