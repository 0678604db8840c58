import fc from 'fast-check';
import { RecencyMap } from '../../../src/base/recency-map.js';

test('a recency map does what a list does that is sorted by last use', () => {
  const key = fc.constantFrom('a', 'b', 'c', 'd', 'e');
  const step = fc.oneof(
    fc.record({ kind: fc.constant('use' as const), key }),
    fc.record({ kind: fc.constant('set' as const), key }),
    fc.record({ kind: fc.constant('shift' as const), key }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const map = new RecencyMap<number>();
      const list: { key: string; value: number }[] = [];
      for (const [index, { kind, key: at }] of steps.entries()) {
        const position = list.findIndex((entry) => entry.key === at);
        if (kind === 'shift') {
          expect(map.shift()).toBe(list.shift()?.value);
        } else {
          const [before] = position < 0 ? [] : list.splice(position, 1);
          const value = kind === 'set' ? index : before?.value;
          if (kind === 'set') map.set(at, index);
          else expect(map.use(at)).toBe(value);
          if (value !== undefined) list.push({ key: at, value });
        }
        expect([map.size, map.oldest]).toEqual([list.length, list[0]?.value]);
      }
    }),
  );
});
