/** The smallest names of many. */
import fc from 'fast-check';
import { NameWindow } from '../../../src/images/name-window.js';

test('holds the smallest names in order and knows whether they are all', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.string(), { maxLength: 60 }),
      fc.integer({ min: 1, max: 40 }),
      (names, maxNames) => {
        const window = new NameWindow(maxNames);
        for (const name of names) window.add(name);
        const result = window.finish();
        expect(result.names).toEqual([...names].sort().slice(0, maxNames));
        expect(result.isComplete).toBe(names.length <= maxNames);
      },
    ),
  );
});

test('a name that comes when it is exactly full is missed', () => {
  const window = new NameWindow(4_096);
  for (let index = 0; index <= 4_096; index++) window.add(String(index).padStart(6, '0'));
  expect(window.finish().isComplete).toBe(false);
});

test.each(['ascending', 'descending', 'mixed'])('takes more than it sorts at once, %s', (order) => {
  const names = Array.from({ length: 20_000 }, (_, index) =>
    String((index * 7_919) % 20_000).padStart(6, '0'),
  );
  if (order !== 'mixed') names.sort();
  if (order === 'descending') names.reverse();
  const window = new NameWindow(5_000);
  for (const name of names) window.add(name);
  const { names: smallest, isComplete } = window.finish();
  expect(smallest).toEqual([...names].sort().slice(0, 5_000));
  expect(isComplete).toBe(false);
});
