import fc from 'fast-check';
import { formatGrpcTimeout, parseGrpcTimeout } from '../../../src/gateway/grpc-timeout.js';

test.each([
  ['1H', 3_600_000],
  ['2M', 120_000],
  ['3S', 3_000],
  ['4m', 4],
  ['1500u', 1.5],
  ['250000n', 0.25],
  ['0S', 0],
  ['00000001S', 1_000],
  ['99999999H', 359_999_996_400_000],
])('%s is %d ms', (text, timeoutMs) => {
  expect(parseGrpcTimeout(text)).toBeCloseTo(timeoutMs, 9);
});

test.each(['', '1', 'S', '1s', '-1S', '1.5S', '123456789S', ' 1S', '1S ', '1SS', '0x1S'])(
  '%j is no timeout',
  (text) => {
    expect(parseGrpcTimeout(text)).toBeUndefined();
  },
);

test.each([
  [0.01, '1m'],
  [1, '1m'],
  [1_000.2, '1001m'],
  [99_999_999, '99999999m'],
  [100_000_000, '100000S'],
  [100_000_001, '100001S'],
  [100_000_000_000, '1666667M'],
  [6_000_000_000_000, '1666667H'],
  [Number.MAX_SAFE_INTEGER, '99999999H'],
])('%d ms are written %s', (timeoutMs, text) => {
  expect(formatGrpcTimeout(timeoutMs)).toBe(text);
});

test('what is written is never shorter, and by less than its unit longer', () => {
  fc.assert(
    fc.property(fc.double({ min: 1e-3, max: 3e14, noNaN: true }), (timeoutMs) => {
      const read = parseGrpcTimeout(formatGrpcTimeout(timeoutMs)) ?? NaN;
      expect(read).toBeGreaterThanOrEqual(timeoutMs);
      expect(read - timeoutMs).toBeLessThanOrEqual(Math.max(1, timeoutMs / 1_000));
    }),
  );
});
