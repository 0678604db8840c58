import { CLEAN_LINK } from '../../../src/sim/link.js';
import { LinkRules } from '../../../src/testing/link-rules.js';

test('later rules lie over earlier ones, and what they leave out stays', () => {
  const rules = new LinkRules();
  rules.add({ delayMs: 20, lossRate: 0.1 });
  rules.add({ lossRate: 1, jitterMs: undefined }, { from: 'a' });
  expect(rules.conditionsOf('a', 'b')).toEqual({ ...CLEAN_LINK, delayMs: 20, lossRate: 1 });
  expect(rules.conditionsOf('b', 'a')).toEqual({ ...CLEAN_LINK, delayMs: 20, lossRate: 0.1 });
});

test.each([
  [{}, [true, true, true]],
  [{ from: 'a' }, [true, false, true]],
  [{ to: 'a' }, [false, true, false]],
  [{ from: 'a', to: 'b' }, [true, false, false]],
])('%j is about the links it names', (direction, expected) => {
  const rules = new LinkRules();
  rules.add({ lossRate: 1 }, direction);
  const links = [
    ['a', 'b'],
    ['b', 'a'],
    ['a', 'c'],
  ] as const;
  expect(links.map(([from, to]) => rules.conditionsOf(from, to).lossRate === 1)).toEqual(expected);
});

test('an impossible condition is refused by its name and changes nothing', () => {
  const rules = new LinkRules();
  expect(() => {
    rules.add({ lossRate: 10 });
  }).toThrow(RangeError);
  expect(rules.conditionsOf('a', 'b')).toEqual(CLEAN_LINK);
});
