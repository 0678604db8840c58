/**
 * Bytes that say where they belong: each direction of each exchange has its own endless sequence, so that a byte that
 * arrives in the wrong place, from the wrong stream, or after its array was used again is recognised.
 */
import { SeededRandom } from '../../../src/sim/seeded-random.js';
import { check } from './violation.js';

/** Bytes [offset, offset + length) of sequence `key`, in a fresh array. */
export function patternBytes(key: number, offset: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const start = startOf(key, offset + done);
    const count = Math.min(length - done, BLOCK.length - start);
    bytes.set(BLOCK.subarray(start, start + count), done);
    done += count;
  }
  return bytes;
}

export function checkPattern(key: number, offset: number, bytes: Uint8Array): void {
  const expected = patternBytes(key, offset, bytes.length);
  if (Buffer.compare(expected, bytes) === 0) return;
  const wrong = expected.findIndex((byte, index) => byte !== bytes[index]);
  check(false, () => `byte ${offset + wrong} of sequence ${key} is not what was sent`);
}

/** The sequences of one exchange. */
export function requestKey(index: number): number {
  return 2 * index;
}

export function responseKey(index: number): number {
  return 2 * index + 1;
}

function startOf(key: number, offset: number): number {
  return (key * 7_919 + offset) % BLOCK.length;
}

/** A prime length, so that offsets a power of two apart differ. */
const BLOCK = new SeededRandom(20_250_101).bytes(65_521);
