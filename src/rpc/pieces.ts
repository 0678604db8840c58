/**
 * Bytes in pieces, as they are given to a stream: how many they are, put together, and what is left of them when the
 * stream has taken only some. Pure.
 */
export function sizeOf(pieces: readonly Uint8Array[]): number {
  let size = 0;
  for (const piece of pieces) size += piece.length;
  return size;
}

/** One new array; `size` is that of the pieces. */
export function joinPieces(pieces: readonly Uint8Array[], size: number): Uint8Array {
  const joined = new Uint8Array(size);
  let offset = 0;
  for (const piece of pieces) {
    joined.set(piece, offset);
    offset += piece.length;
  }
  return joined;
}

/** What comes after the first `taken` bytes: of the first `copiedCount` pieces copies, of the others views. */
export function restOf(pieces: readonly Uint8Array[], taken: number, copiedCount: number): Uint8Array[] {
  const rest: Uint8Array[] = [];
  let skip = taken;
  pieces.forEach((piece, index) => {
    if (skip >= piece.length) {
      skip -= piece.length;
      return;
    }
    rest.push(index < copiedCount ? piece.slice(skip) : piece.subarray(skip));
    skip = 0;
  });
  return rest;
}
