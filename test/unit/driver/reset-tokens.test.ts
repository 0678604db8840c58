import { resetTokens } from '../../../src/driver/reset-tokens.js';

const ID = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);

test.each([
  ['an array', () => new Uint8Array(16).fill(9)],
  ['a Buffer, whose slice is a view', () => Buffer.alloc(16, 9)],
])('[RST-1] the key is kept, whatever its owner does with %s', (_kind, keyOf) => {
  const key = keyOf();
  const tokenOf = resetTokens(key);
  const before = tokenOf(ID);
  key.fill(0);
  expect(tokenOf(ID)).toEqual(before);
  expect(resetTokens(keyOf())(ID)).toEqual(before);
});
