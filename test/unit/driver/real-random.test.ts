import { RealRandom } from '../../../src/driver/real-random.js';

describe('RealRandom', () => {
  test('gives arrays of the length asked for, over the edge of a page and above one', () => {
    const random = new RealRandom();
    for (const length of [0, 1, 8, 16, 4_000, 100, 4_096, 10_000, 3]) {
      expect(random.bytes(length)).toHaveLength(length);
    }
  });

  test('never gives the same bytes twice, nor bytes that change later', () => {
    const random = new RealRandom();
    const drawn = Array.from({ length: 2_000 }, () => random.bytes(8));
    const text = drawn.map((bytes) => Buffer.from(bytes).toString('hex'));
    expect(new Set(text).size).toBe(2_000);
    random.bytes(4_096);
    expect(drawn.map((bytes) => Buffer.from(bytes).toString('hex'))).toEqual(text);
  });

  test('gives plain arrays, whose memory is theirs alone', () => {
    const bytes = new RealRandom().bytes(8);
    expect(Object.getPrototypeOf(bytes)).toBe(Uint8Array.prototype);
    expect(bytes.buffer.byteLength).toBe(8);
  });

  test('fractions are in [0, 1)', () => {
    const random = new RealRandom();
    for (let i = 0; i < 1_000; i++) {
      const fraction = random.fraction();
      expect(fraction >= 0 && fraction < 1).toBe(true);
    }
  });
});
