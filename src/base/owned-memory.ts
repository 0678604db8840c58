/**
 * Whose the memory behind a large part of what was received is. Views of a datagram share its memory; so that a message can
 * own it and give it back while other parts of the datagram are still in use, only a part of more than half is kept as the
 * view that it is (there is no second such part), and others are copied where they are kept or handed on.
 */

/** Below, memory is shared: a copy, or an owner, would cost more than it is worth. */
export const MIN_OWNED_BYTES = 16_384;

const owned = new WeakSet<ArrayBufferLike>();

/** A part of large memory of which others may have the greater part. */
export function isMinorPart({ buffer, length }: Uint8Array): boolean {
  return buffer.byteLength >= MIN_OWNED_BYTES && length * 2 <= buffer.byteLength;
}

/** `bytes`, or a copy where they are a minor part: to be kept or handed on, whatever becomes of the memory that they came in. */
export function unshared(bytes: Uint8Array): Uint8Array {
  return isMinorPart(bytes) ? bytes.slice() : bytes;
}

/** From now on nobody uses the memory behind `bytes` but who is given `bytes`. Only large memory has an owner. */
export function giveMemory({ buffer }: Uint8Array): void {
  if (buffer.byteLength >= MIN_OWNED_BYTES) owned.add(buffer);
}

/** The memory behind `bytes` when it was given, once. */
export function takeMemory({ buffer }: Uint8Array): ArrayBuffer | undefined {
  return owned.delete(buffer) ? (buffer as ArrayBuffer) : undefined;
}
