import fc from 'fast-check';
import { IdMap } from '../../../src/base/id-map.js';

describe('IdMap', () => {
  test('an empty map has nothing', () => {
    const map = new IdMap<object>();
    expect([map.size, map.get(0), map.delete(0), map.values()]).toEqual([0, undefined, false, []]);
  });

  test('it behaves as a Map through any sequence of operations, with IDs near and far', () => {
    const id = fc.oneof(
      fc.nat({ max: 40 }),
      fc.nat({ max: 40 }).map((n) => n * 1_024),
      fc.maxSafeNat(),
      fc.nat({ max: 8 }).map((n) => 2 ** 32 * n + 2),
    );
    const operation = fc.oneof(
      { weight: 12, arbitrary: fc.record({ kind: fc.constant('set' as const), id }) },
      { weight: 10, arbitrary: fc.record({ kind: fc.constant('delete' as const), id }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('clear' as const), id }) },
    );
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 200 }), (operations) => {
        const map = new IdMap<{ value: number }>();
        const model = new Map<number, { value: number }>();
        for (const [value, step] of operations.entries()) {
          if (step.kind === 'clear') {
            map.clear();
            model.clear();
          } else if (step.kind === 'set') {
            map.set(step.id, { value });
            model.set(step.id, { value });
          } else {
            expect(map.delete(step.id)).toBe(model.delete(step.id));
          }
          expect(map.size).toBe(model.size);
          expect(map.get(step.id)).toEqual(model.get(step.id));
        }
        for (const [key, value] of model) expect(map.get(key)).toEqual(value);
        const inOrder = [...model].sort(([a], [b]) => a - b).map(([, value]) => value);
        expect(map.values()).toEqual(inOrder);
      }),
    );
  });

  test('a long run of numbers that come and go leaves those that stay where they can be found', () => {
    const map = new IdMap<{ id: number }>();
    map.set(0, { id: 0 });
    for (let id = 2; id < 20_000; id += 2) {
      map.set(id, { id });
      if (id > 200) expect(map.delete(id - 200)).toBe(true);
    }
    expect(map.values().map((value) => value.id)).toEqual([
      0,
      ...Array.from({ length: 100 }, (_, i) => 19_800 + 2 * i),
    ]);
  });

  test('a copy of the values stays as it is while the map changes', () => {
    const map = new IdMap<{ id: number }>();
    for (const id of [4, 2, 6]) map.set(id, { id });
    const values = map.values();
    map.clear();
    expect([values.map((value) => value.id), map.size]).toEqual([[2, 4, 6], 0]);
  });
});
