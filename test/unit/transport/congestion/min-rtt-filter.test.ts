import { MinRttFilter } from '../../../../src/transport/congestion/min-rtt-filter.js';

test('is the smallest round trip, and knows none at first', () => {
  const filter = new MinRttFilter();
  expect(filter.value).toBe(Infinity);
  expect(filter.update(50, false, 1_000)).toBe(false);
  filter.update(40, false, 1_100);
  filter.update(60, false, 1_200);
  expect(filter.value).toBe(40);
});

test('after five seconds without a smaller one it is time to probe; what the probe finds counts after ten', () => {
  const filter = new MinRttFilter();
  filter.update(40, false, 0);
  expect(filter.update(60, false, 5_000)).toBe(false);
  expect(filter.update(60, false, 5_001)).toBe(true);
  expect(filter.value).toBe(40);
  filter.update(50, false, 5_200);
  filter.onProbed(5_300);
  expect(filter.update(55, false, 10_300)).toBe(false);
  // The path has become longer: 40 is older than ten seconds.
  expect(filter.value).toBe(50);
});

test('what was sent with little in flight is as good as a probe', () => {
  const filter = new MinRttFilter();
  filter.update(40, false, 0);
  expect(filter.update(45, true, 5_001)).toBe(false);
  expect(filter.update(60, false, 10_001)).toBe(false);
  expect(filter.value).toBe(45);
  expect(filter.update(60, false, 10_002)).toBe(true);
});

test('a reset knows nothing and asks for nothing', () => {
  const filter = new MinRttFilter();
  filter.update(40, false, 0);
  filter.reset();
  expect(filter.value).toBe(Infinity);
  expect(filter.update(90, false, 60_000)).toBe(false);
  expect(filter.value).toBe(90);
});
