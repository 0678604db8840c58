/**
 * One copy for both sides of the send buffer. Below some tens of bytes a loop is cheaper than the view that
 * `Uint8Array.set` needs, and the small calls that this transport is for live there.
 */

/** Where a loop and a view cost the same (Node 20: 32 to 64 bytes). */
const LOOP_BYTES = 48;

/** Copies `source[from, from + length)` to `target` at `position`. */
export function copyBytes(
  source: Uint8Array,
  from: number,
  length: number,
  target: Uint8Array,
  position: number,
): void {
  if (length <= LOOP_BYTES) {
    for (let i = 0; i < length; i++) target[position + i] = source[from + i] as number;
    return;
  }
  const isWhole = from === 0 && length === source.length;
  target.set(isWhole ? source : source.subarray(from, from + length), position);
}
