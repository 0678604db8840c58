import { checkNumbers, type NumberRules, withDefaults } from '../../../src/base/number-options.js';

interface Options {
  readonly waitMs?: number | undefined;
  readonly seats?: number | undefined;
  readonly name?: string;
}

const RULES: NumberRules<Options> = {
  waitMs: { min: 0, unit: 'ms' },
  seats: { min: 2, max: 64, isWhole: true },
};

describe('options that are numbers', () => {
  test.each<[unknown, unknown, string]>([
    ['waitMs', -1, 'car.waitMs is -1: it takes a number of ms, 0 or more'],
    ['waitMs', NaN, 'car.waitMs is NaN: it takes a number of ms, 0 or more'],
    ['waitMs', '5', 'car.waitMs is "5": it takes a number of ms, 0 or more'],
    ['waitMs', null, 'car.waitMs is null: it takes a number of ms, 0 or more'],
    ['seats', 1, 'car.seats is 1: it takes a whole number, from 2 to 64'],
    ['seats', 2.5, 'car.seats is 2.5: it takes a whole number, from 2 to 64'],
    ['seats', Infinity, 'car.seats is Infinity: it takes a whole number, from 2 to 64'],
  ])('%s cannot be %p', (name, value, message) => {
    expect(() => {
      checkNumbers<Options>({ [name as string]: value }, RULES, 'car.');
    }).toThrow(new RangeError(message));
  });

  test.each<Options | undefined>([
    undefined,
    {},
    { waitMs: 0, seats: 2 },
    { waitMs: Infinity, seats: 64 },
    { waitMs: undefined, name: 'x' },
  ])('may be %p', (options) => {
    expect(() => {
      checkNumbers(options, RULES);
    }).not.toThrow();
  });

  test('that are undefined are not given', () => {
    expect(withDefaults({ a: 1, b: 2 }, { a: undefined, b: 3 })).toEqual({ a: 1, b: 3 });
    expect(withDefaults({ a: 1 }, undefined)).toEqual({ a: 1 });
  });
});
