import fc from 'fast-check';
import { joinPieces, restOf, sizeOf } from '../../../src/rpc/pieces.js';

const pieces = fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 6 });
const flat = (parts: readonly Uint8Array[]): number[] => parts.flatMap((part) => [...part]);

test('joined they are the same bytes in an array of their own', () => {
  fc.assert(
    fc.property(pieces, (parts) => {
      const joined = joinPieces(parts, sizeOf(parts));
      expect([...joined]).toEqual(flat(parts));
      const before = [...joined];
      for (const part of parts) part.fill(1);
      expect([...joined]).toEqual(before);
    }),
  );
});

test('the rest is what comes after the bytes that were taken, without empty pieces', () => {
  fc.assert(
    fc.property(pieces, fc.nat(130), fc.nat(6), (parts, nat, copiedCount) => {
      const taken = Math.min(nat, sizeOf(parts));
      const rest = restOf(parts, taken, copiedCount);
      expect(flat(rest)).toEqual(flat(parts).slice(taken));
      expect(rest.every((part) => part.length > 0)).toBe(true);
    }),
  );
});

test('of the first pieces the rest is copied, of the others it is not', () => {
  const parts = [Uint8Array.of(1, 2), Uint8Array.of(3), Uint8Array.of(4)];
  const rest = restOf(parts, 1, 2);
  for (const part of parts) part.fill(9);
  expect(flat(rest)).toEqual([2, 3, 9]);
});
