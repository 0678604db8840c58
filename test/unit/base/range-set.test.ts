import fc from 'fast-check';
import { RangeSet } from '../../../src/base/range-set.js';

function setOf(...ranges: readonly (readonly [number, number])[]): RangeSet {
  const set = new RangeSet();
  for (const [start, end] of ranges) set.add(start, end);
  return set;
}

function rangesOf(set: RangeSet): [number, number][] {
  return Array.from({ length: set.size }, (_, i) => [set.start(i), set.end(i)]);
}

/** What a RangeSet of these integers must look like: sorted, disjoint, never touching. */
function rangesOfModel(model: ReadonlySet<number>): [number, number][] {
  const ranges: [number, number][] = [];
  for (const value of [...model].sort((a, b) => a - b)) {
    const newest = ranges.at(-1);
    if (newest?.[1] === value) newest[1]++;
    else ranges.push([value, value + 1]);
  }
  return ranges;
}

describe('RangeSet', () => {
  test('an empty set has no first, no last and contains nothing', () => {
    const set = new RangeSet();
    expect([set.size, set.first, set.last, set.contains(0)]).toEqual([0, undefined, undefined, false]);
  });

  test('ranges that touch become one, in any order', () => {
    expect(rangesOf(setOf([10, 20], [0, 5], [5, 10]))).toEqual([[0, 20]]);
    expect(rangesOf(setOf([10, 20], [0, 5], [6, 10]))).toEqual([
      [0, 5],
      [6, 20],
    ]);
  });

  test('one range swallows several', () => {
    expect(rangesOf(setOf([10, 20], [30, 40], [50, 60], [70, 80], [15, 55]))).toEqual([
      [10, 60],
      [70, 80],
    ]);
  });

  test('an empty range changes nothing', () => {
    const set = setOf([10, 20]);
    set.add(15, 15);
    set.add(30, 30);
    set.remove(15, 15);
    expect(rangesOf(set)).toEqual([[10, 20]]);
  });

  test('removing from the middle splits a range', () => {
    const set = setOf([10, 20], [30, 40]);
    set.remove(12, 15);
    expect(rangesOf(set)).toEqual([
      [10, 12],
      [15, 20],
      [30, 40],
    ]);
  });

  test('the largest safe integers fit', () => {
    const end = Number.MAX_SAFE_INTEGER;
    const set = setOf([end - 2, end]);
    expect([set.first, set.last, set.contains(end - 1), set.contains(end)]).toEqual([
      end - 2,
      end - 1,
      true,
      false,
    ]);
  });

  test('a range that is none is our bug', () => {
    const set = new RangeSet();
    expect(() => {
      set.add(5, 4);
    }).toThrow('assertion');
    expect(() => {
      set.add(-1, 4);
    }).toThrow('assertion');
    expect(() => {
      set.remove(0, Number.MAX_SAFE_INTEGER + 1);
    }).toThrow('assertion');
    expect(() => set.start(0)).toThrow('assertion');
  });

  test('it behaves as a set of integers through any sequence of operations', () => {
    const range = fc.tuple(fc.nat(60), fc.nat(20)).map(([start, length]) => [start, start + length] as const);
    const operation = fc.oneof(
      { weight: 4, arbitrary: fc.record({ kind: fc.constant('add' as const), range }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant('remove' as const), range }) },
      fc.record({ kind: fc.constant('removeBelow' as const), range }),
      fc.record({ kind: fc.constant('subtract' as const), range, other: range }),
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('clear' as const) }) },
    );
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 40 }), (operations) => {
        const set = new RangeSet();
        const model = new Set<number>();
        const forget = ([start, end]: readonly [number, number]) => {
          for (let i = start; i < end; i++) model.delete(i);
        };
        for (const step of operations) {
          switch (step.kind) {
            case 'add':
              set.add(...step.range);
              for (let i = step.range[0]; i < step.range[1]; i++) model.add(i);
              break;
            case 'remove':
              set.remove(...step.range);
              forget(step.range);
              break;
            case 'removeBelow':
              set.removeBelow(step.range[0]);
              forget([0, step.range[0]]);
              break;
            case 'subtract':
              set.subtract(setOf(step.range, step.other));
              forget(step.range);
              forget(step.other);
              break;
            case 'clear':
              set.clear();
              model.clear();
          }
          expect(rangesOf(set)).toEqual(rangesOfModel(model));
        }
        for (let i = 0; i < 85; i++) {
          expect(set.contains(i)).toBe(model.has(i));
          expect(set.containsRange(i, i + 3)).toBe([i, i + 1, i + 2].every((value) => model.has(value)));
        }
        const sorted = [...model].sort((a, b) => a - b);
        expect([set.first, set.last]).toEqual([sorted.at(0), sorted.at(-1)]);
      }),
      { numRuns: 300 },
    );
  });
});
