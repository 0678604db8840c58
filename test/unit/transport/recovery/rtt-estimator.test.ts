import fc from 'fast-check';
import { RttEstimator } from '../../../../src/transport/recovery/rtt-estimator.js';

describe('before the first sample', () => {
  test('[REC-4] everything follows from the initial RTT: a PTO is three of them', () => {
    const rtt = new RttEstimator(100);
    expect(rtt.hasSample).toBe(false);
    expect(rtt.firstSampleAt).toBeUndefined();
    expect([rtt.latestRtt, rtt.smoothedRtt, rtt.rttVariance, rtt.minRtt]).toEqual([100, 100, 50, 100]);
    expect(rtt.ptoPeriod(0)).toBe(300);
    expect(rtt.ptoPeriod(25)).toBe(325);
  });
});

describe('samples', () => {
  test('the first replaces all, whatever delay the peer claims', () => {
    const rtt = new RttEstimator(100);
    rtt.update(40, 30, 7);
    expect([rtt.latestRtt, rtt.smoothedRtt, rtt.rttVariance, rtt.minRtt]).toEqual([40, 40, 20, 40]);
    expect(rtt.hasSample).toBe(true);
    expect(rtt.firstSampleAt).toBe(7);
  });

  test('[REC-4] the next move the average by an eighth and the variance by a quarter (RFC 9002 §5.3)', () => {
    const rtt = new RttEstimator(100);
    rtt.update(40, 0, 0);
    rtt.update(80, 0, 50);
    expect(rtt.rttVariance).toBe(0.75 * 20 + 0.25 * 40);
    expect(rtt.smoothedRtt).toBe(0.875 * 40 + 0.125 * 80);
    expect(rtt.minRtt).toBe(40);
    expect(rtt.firstSampleAt).toBe(0);
  });

  test('the peer’s delay is taken off the average, not off latestRtt or minRtt', () => {
    const rtt = new RttEstimator(100);
    rtt.update(40, 0, 0);
    rtt.update(80, 10, 50);
    expect(rtt.latestRtt).toBe(80);
    expect(rtt.minRtt).toBe(40);
    expect(rtt.smoothedRtt).toBe(0.875 * 40 + 0.125 * 70);
  });

  test('a delay that would bring the sample below the smallest RTT is not believed', () => {
    const rtt = new RttEstimator(100);
    rtt.update(40, 0, 0);
    rtt.update(80, 41, 50);
    expect(rtt.smoothedRtt).toBe(0.875 * 40 + 0.125 * 80);
    rtt.update(30, 5, 60);
    expect(rtt.minRtt).toBe(30);
  });

  test('a PTO waits at least the granularity beyond the average', () => {
    const rtt = new RttEstimator(100);
    for (let i = 0; i < 100; i++) rtt.update(0.2, 0, i);
    expect(rtt.rttVariance).toBeLessThan(0.01);
    expect(rtt.ptoPeriod(2)).toBeCloseTo(0.2 + 1 + 2, 5);
  });

  test('persistent congestion lets the smallest RTT start again from the newest', () => {
    const rtt = new RttEstimator(100);
    rtt.onPersistentCongestion();
    expect(rtt.minRtt).toBe(100);
    rtt.update(10, 0, 0);
    rtt.update(300, 0, 400);
    rtt.onPersistentCongestion();
    expect(rtt.minRtt).toBe(300);
  });
});

test('the average stays within what was measured, the minimum is the smallest measured', () => {
  const sample = fc.record({ rtt: fc.double({ min: 0, max: 1e9, noNaN: true }), delay: fc.nat(1_000) });
  fc.assert(
    fc.property(fc.array(sample, { minLength: 1, maxLength: 50 }), (samples) => {
      const rtt = new RttEstimator(100);
      samples.forEach(({ rtt: latest, delay }, i) => {
        rtt.update(latest, delay, i);
      });
      const measured = samples.map((each) => each.rtt);
      expect(rtt.minRtt).toBe(Math.min(...measured));
      expect(rtt.smoothedRtt).toBeGreaterThanOrEqual(Math.min(...measured) * (1 - 1e-9));
      expect(rtt.smoothedRtt).toBeLessThanOrEqual(Math.max(...measured) * (1 + 1e-9));
      expect(rtt.rttVariance).toBeGreaterThanOrEqual(0);
    }),
  );
});
