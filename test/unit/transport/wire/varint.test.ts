import { MAX_VARINT, varintLength } from '../../../../src/transport/wire/varint.js';

describe('varintLength', () => {
  test.each([
    [0, 1],
    [63, 1],
    [64, 2],
    [16_383, 2],
    [16_384, 4],
    [1_073_741_823, 4],
    [1_073_741_824, 8],
    [MAX_VARINT, 8],
  ])('[VAR-1] %d takes %d bytes', (value, length) => {
    expect(varintLength(value)).toBe(length);
  });
});
