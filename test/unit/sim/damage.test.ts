import { damage, type DamageKind } from '../../../src/sim/damage.js';
import { SeededRandom } from '../../../src/sim/seeded-random.js';

const KINDS: readonly DamageKind[] = ['corrupted', 'truncated', 'extended', 'spliced'];

describe('damage', () => {
  test.each(KINDS)('%s leaves the datagram itself as it was', (kind) => {
    const random = new SeededRandom(1);
    const bytes = random.bytes(50);
    const before = bytes.slice();
    const previous = random.bytes(80);
    const previousBefore = previous.slice();
    for (let count = 0; count < 200; count++) damage(kind, bytes, previous, random).fill(7);
    expect(bytes).toEqual(before);
    expect(previous).toEqual(previousBefore);
  });

  test.each(KINDS)('%s copes with no bytes at all', (kind) => {
    const random = new SeededRandom(2);
    for (let count = 0; count < 50; count++) damage(kind, new Uint8Array(0), undefined, random);
  });

  test('corruption keeps the length and always changes something', () => {
    const random = new SeededRandom(3);
    for (let count = 0; count < 2_000; count++) {
      const bytes = random.bytes(random.between(1, 3));
      const changed = damage('corrupted', bytes, undefined, random);
      expect(changed).toHaveLength(bytes.length);
      expect(changed).not.toEqual(bytes);
    }
  });

  test('a splice is the head of this one and the tail of the one before', () => {
    const random = new SeededRandom(4);
    const spliced = damage('spliced', new Uint8Array(40).fill(1), new Uint8Array(60).fill(2), random);
    const cut = spliced.indexOf(2);
    expect(spliced).toHaveLength(60);
    expect([...spliced]).toEqual([...new Array<number>(cut).fill(1), ...new Array<number>(60 - cut).fill(2)]);
  });
});
