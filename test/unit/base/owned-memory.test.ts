import { giveMemory, isMinorPart, MIN_OWNED_BYTES, takeMemory } from '../../../src/base/owned-memory.js';

describe('memory with an owner', () => {
  test('is taken once, through whatever view', () => {
    const bytes = new Uint8Array(MIN_OWNED_BYTES);
    expect(takeMemory(bytes)).toBeUndefined();
    giveMemory(bytes);
    expect(takeMemory(bytes.subarray(10, 20))).toBe(bytes.buffer);
    expect(takeMemory(bytes)).toBeUndefined();
  });

  test('is large', () => {
    const bytes = new Uint8Array(MIN_OWNED_BYTES - 1);
    giveMemory(bytes);
    expect(takeMemory(bytes)).toBeUndefined();
  });

  test.each([
    [MIN_OWNED_BYTES, MIN_OWNED_BYTES / 2, true],
    [MIN_OWNED_BYTES, MIN_OWNED_BYTES / 2 + 1, false],
    [MIN_OWNED_BYTES - 2, 1, false],
  ])('of %d bytes a part of %d is a minor one: %p', (all, part, isMinor) => {
    expect(isMinorPart(new Uint8Array(all).subarray(1, 1 + part))).toBe(isMinor);
  });
});
