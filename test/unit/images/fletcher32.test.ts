/** Fletcher-32 against published values, against its definition, and in pieces. */
import fc from 'fast-check';
import { Fletcher32 } from '../../../src/images/fletcher32.js';

test.each([
  ['', 0],
  ['abcde', 0xf04f_c729],
  ['abcdef', 0x5650_2d2a],
  ['abcdefgh', 0xebe1_9591],
])('of %j', (text, expected) => {
  expect(new Fletcher32().update(Buffer.from(text)).digest()).toBe(expected);
});

test('of bytes with the largest sums is what the definition says', () => {
  const bytes = new Uint8Array(100_001).fill(0xff);
  expect(new Fletcher32().update(bytes).digest()).toBe(byDefinition(bytes));
});

test('does not depend on how the bytes are divided', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 2_000 }), { maxLength: 8 }), (pieces) => {
      const inPieces = new Fletcher32();
      for (const piece of pieces) inPieces.update(piece);
      expect(inPieces.digest()).toBe(byDefinition(Buffer.concat(pieces)));
    }),
  );
});

function byDefinition(bytes: Uint8Array): number {
  let sum1 = 0n;
  let sum2 = 0n;
  for (let index = 0; index < bytes.length; index += 2) {
    sum1 += BigInt((bytes[index] ?? 0) + 256 * (bytes[index + 1] ?? 0));
    sum2 += sum1;
  }
  return Number((sum2 % 65_535n) * 65_536n + (sum1 % 65_535n));
}
