import fc from 'fast-check';
import { addressBlock, RateLimiter } from '../../../../src/rpc/server/rate-limiter.js';

const PEER = '10.0.0.1:5000';

describe('a rate limiter', () => {
  test('lets in a burst of one second, and then one at each interval', () => {
    const limiter = new RateLimiter(4, 10);
    const waits = (now: number): number[] => [1, 2, 3, 4, 5].map(() => limiter.admit(PEER, now));
    expect(waits(1_000)).toEqual([0, 0, 0, 0, 250]);
    expect(limiter.admit(PEER, 1_100)).toBe(150);
    expect(limiter.admit(PEER, 1_250)).toBe(0);
    expect(limiter.admit(PEER, 1_250)).toBe(250);
    expect(waits(10_000)).toEqual([0, 0, 0, 0, 250]);
  });

  test('whoever comes again after the wait is let in, and who comes earlier is not', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.01, max: 5_000, noNaN: true }), fc.nat(1e9), (rate, start) => {
        const limiter = new RateLimiter(rate, 10);
        let now = start;
        let admitted = 0;
        for (let call = 0; call < rate + 20; call++) {
          const waitMs = limiter.admit(PEER, now);
          if (waitMs === 0) {
            admitted++;
            continue;
          }
          expect(limiter.admit(PEER, now + waitMs / 2)).toBeGreaterThan(0);
          now += waitMs;
          expect(limiter.admit(PEER, now)).toBe(0);
          admitted++;
        }
        const most = Math.max(1, rate) + ((now - start) * rate) / 1_000;
        expect(admitted).toBeLessThanOrEqual(most + 1e-3);
      }),
      { numRuns: 50 },
    );
  });

  test('below one call a second a burst is one call', () => {
    const limiter = new RateLimiter(0.5, 10);
    expect([limiter.admit(PEER, 0), limiter.admit(PEER, 0), limiter.admit(PEER, 2_000)]).toEqual([
      0, 2_000, 0,
    ]);
  });

  test('without a limit nothing waits', () => {
    const limiter = new RateLimiter(Infinity, 1);
    for (let call = 0; call < 1_000; call++) expect(limiter.admit(PEER, 0)).toBe(0);
  });

  test('counts all ports of an address together, and each address for itself', () => {
    const limiter = new RateLimiter(1, 10);
    expect(limiter.admit('10.0.0.1:5000', 0)).toBe(0);
    expect(limiter.admit('10.0.0.1:5001', 0)).toBe(1_000);
    expect(limiter.admit('10.0.0.2:5000', 0)).toBe(0);
  });

  test('of more peers than it counts the one that was idle longest begins anew', () => {
    const limiter = new RateLimiter(1, 2);
    limiter.admit('10.0.0.1:1', 0);
    limiter.admit('10.0.0.2:1', 0);
    limiter.admit('10.0.0.1:1', 0);
    limiter.admit('10.0.0.3:1', 0);
    expect([limiter.admit('10.0.0.1:1', 0), limiter.admit('10.0.0.3:1', 0)]).toEqual([1_000, 1_000]);
    expect(limiter.admit('10.0.0.2:1', 0)).toBe(0);
  });

  test('those that have no debt any more make room first', () => {
    const limiter = new RateLimiter(1, 3);
    limiter.admit('10.0.0.1:1', 0);
    limiter.admit('10.0.0.2:1', 1_500);
    limiter.admit('10.0.0.3:1', 1_500);
    limiter.admit('10.0.0.4:1', 1_500);
    expect(['2', '3', '4'].map((last) => limiter.admit(`10.0.0.${last}:1`, 1_500))).toEqual([
      1_000, 1_000, 1_000,
    ]);
  });
});

test.each([
  ['10.0.0.1:5000', '10.0.0.1'],
  ['[2001:db8:1:2:3:4:5:6]:5000', '2001:db8:1:2::/64'],
  ['[2001:0DB8:0001:2::9]:5000', '2001:db8:1:2::/64'],
  ['[2001:db8::1]:5000', '2001:db8:0:0::/64'],
  ['[2001:db8:0:0:1::]:5000', '2001:db8:0:0::/64'],
  ['[::1]:5000', '0:0:0:0::/64'],
  ['[fe80::1%eth0]:5000', 'fe80:0:0:0::/64'],
  ['[::ffff:10.0.0.1]:5000', '10.0.0.1'],
  ['[64:ff9b::10.0.0.1]:5000', '64:ff9b:0:0::/64'],
])('%s is counted as %s', (peer, block) => {
  expect(addressBlock(peer)).toBe(block);
});
