import { SeededRandom } from '../../../src/sim/seeded-random.js';

describe('SeededRandom', () => {
  test('the same seed gives the same numbers, another seed others', () => {
    const draw = (seed: number): number[] => {
      const random = new SeededRandom(seed);
      return Array.from({ length: 20 }, () => random.uint32());
    };
    expect(draw(7)).toEqual(draw(7));
    expect(draw(7)).not.toEqual(draw(8));
    expect(draw(2 ** 40 + 7)).not.toEqual(draw(7));
  });

  test('draws what it drew on the day it was written', () => {
    const random = new SeededRandom(1);
    expect([random.uint32(), random.uint32(), random.uint32()]).toMatchInlineSnapshot(`
     [
       393288148,
       2174103013,
       3814759091,
     ]
    `);
    expect([...random.bytes(5)]).toMatchInlineSnapshot(`
     [
       122,
       193,
       188,
       124,
       142,
     ]
    `);
    expect(random.fork('loss').uint32()).toMatchInlineSnapshot(`2027467293`);
  });

  test('a fork does not depend on what was drawn before it, and forks differ', () => {
    const early = new SeededRandom(3);
    const late = new SeededRandom(3);
    late.bytes(100);
    expect(early.fork('a').uint32()).toBe(late.fork('a').uint32());
    expect(early.fork('a').uint32()).not.toBe(early.fork('b').uint32());
    const first = new Set(
      Array.from({ length: 1_000 }, (_, seed) => new SeededRandom(seed).fork('x').uint32()),
    );
    expect(first.size).toBe(1_000);
  });

  test('fraction is uniform over [0, 1)', () => {
    const random = new SeededRandom(5);
    const buckets = new Array<number>(10).fill(0);
    for (let count = 0; count < 20_000; count++) {
      const bucket = Math.floor(random.fraction() * 10);
      buckets[bucket] = (buckets[bucket] ?? 0) + 1;
    }
    expect(buckets).toHaveLength(10);
    for (const bucket of buckets) expect(Math.abs(bucket - 2_000)).toBeLessThan(200);
  });

  test('chance is as likely as it says, and certain at 0 and 1', () => {
    const random = new SeededRandom(6);
    let hits = 0;
    for (let count = 0; count < 20_000; count++) {
      if (random.chance(0.1)) hits++;
      expect(random.chance(0)).toBe(false);
      expect(random.chance(1)).toBe(true);
    }
    expect(Math.abs(hits - 2_000)).toBeLessThan(200);
  });

  test('whole numbers stay in their bounds and reach both ends', () => {
    const random = new SeededRandom(8);
    const uniform = new Set(Array.from({ length: 1_000 }, () => random.between(3, 6)));
    expect([...uniform].sort()).toEqual([3, 4, 5, 6]);
    const sizes = Array.from({ length: 5_000 }, () => random.logUniform(0, 4_194_304));
    expect(Math.min(...sizes)).toBe(0);
    expect(Math.max(...sizes)).toBeGreaterThan(2_000_000);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(4_194_304);
    // Each order of magnitude is about equally likely.
    const small = sizes.filter((size) => size < 2_048).length;
    expect(Math.abs(small - 2_500)).toBeLessThan(250);
    expect(Array.from({ length: 100 }, () => random.logUniform(5, 5))).toEqual(new Array(100).fill(5));
  });

  test('bytes are fresh and of every value', () => {
    const random = new SeededRandom(9);
    expect(random.bytes(8)).not.toBe(random.bytes(8));
    expect(new Set(random.bytes(10_000)).size).toBe(256);
    expect(random.bytes(0)).toHaveLength(0);
  });
});
