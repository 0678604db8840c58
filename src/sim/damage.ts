/**
 * What a faulty device does to the bytes of a datagram without being noticed by the UDP checksum.
 * Each returns a fresh array; the datagram itself is never changed, since a copy of it may still arrive whole.
 */
import { type SeededRandom } from './seeded-random.js';

export const DAMAGE_KINDS = ['corrupted', 'truncated', 'extended', 'spliced'] as const;

export type DamageKind = (typeof DAMAGE_KINDS)[number];

/** `previous` is the datagram before this one on the same link, for splicing. */
export function damage(
  kind: DamageKind,
  bytes: Uint8Array,
  previous: Uint8Array | undefined,
  random: SeededRandom,
): Uint8Array {
  switch (kind) {
    case 'corrupted':
      return corrupt(bytes, random);
    case 'truncated':
      return bytes.slice(0, random.between(0, Math.max(0, bytes.length - 1)));
    case 'extended':
      return join(bytes, random.bytes(random.logUniform(1, LONGEST_EXTENSION)));
    case 'spliced': {
      const cut = random.between(0, bytes.length);
      const tail = previous ?? random.bytes(bytes.length);
      return join(bytes.subarray(0, cut), tail.subarray(Math.min(cut, tail.length)));
    }
  }
}

/** Changes 1 to 4 bits, or a run of bytes, and always something. */
function corrupt(bytes: Uint8Array, random: SeededRandom): Uint8Array {
  const changed = bytes.slice();
  if (changed.length === 0) return changed;
  if (random.chance(0.25)) {
    const start = random.between(0, changed.length - 1);
    const end = Math.min(changed.length, start + random.logUniform(1, LONGEST_EXTENSION));
    for (let index = start; index < end; index++)
      changed[index] = (changed[index] ?? 0) ^ random.between(1, 255);
    return changed;
  }
  const flipped: number[] = [];
  for (let left = random.between(1, 4); left > 0; left--) {
    const bit = random.between(0, 8 * changed.length - 1);
    if (flipped.includes(bit)) continue;
    flipped.push(bit);
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  }
  return changed;
}

function join(head: Uint8Array, tail: Uint8Array): Uint8Array {
  const joined = new Uint8Array(head.length + tail.length);
  joined.set(head);
  joined.set(tail, head.length);
  return joined;
}

const LONGEST_EXTENSION = 64;
