import fc from 'fast-check';
import { MaxFilter } from '../../../../src/transport/congestion/max-filter.js';

test('keeps the largest value of the running period and the one before', () => {
  const filter = new MaxFilter(2);
  expect(filter.value).toBe(0);
  filter.update(5);
  filter.update(3);
  expect(filter.value).toBe(5);
  filter.advance();
  filter.update(4);
  expect(filter.value).toBe(5);
  expect(filter.latest).toBe(4);
  filter.advance();
  expect(filter.value).toBe(4);
  filter.advance();
  expect(filter.value).toBe(0);
});

test('a reset forgets all periods', () => {
  const filter = new MaxFilter(2);
  filter.update(5);
  filter.advance();
  filter.reset();
  expect(filter.value).toBe(0);
});

test('is the maximum over the last periods, whatever comes', () => {
  const step = fc.oneof(fc.constant('advance' as const), fc.double({ min: 0, max: 1e9, noNaN: true }));
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 10 }), fc.array(step), (periodCount, steps) => {
      const filter = new MaxFilter(periodCount);
      const periods: number[][] = [[]];
      for (const what of steps) {
        if (what === 'advance') {
          filter.advance();
          periods.push([]);
        } else {
          filter.update(what);
          periods.at(-1)?.push(what);
        }
        expect(filter.value).toBe(Math.max(0, ...periods.slice(-periodCount).flat()));
      }
    }),
  );
});
