import { Coverage } from './harness/coverage.js';
import { DIMENSION_EFFECTS, requiredCoverage, withoutSide } from './harness/required-coverage.js';
import { allDimensions } from './harness/scenario.js';

describe('what many seeds must reach', () => {
  test('names for every dimension of a scenario what shows that it has an effect, and no other', () => {
    const drawn = new Set(allDimensions().map(withoutSide));
    expect(Object.keys(DIMENSION_EFFECTS).sort()).toEqual([...drawn].sort());
  });

  test('is a frame, a reason to drop, a fate and a dimension that there is, and more is missing when one is', () => {
    const required = requiredCoverage(['loss', 'aNewOne']);
    expect(required).toEqual(
      expect.arrayContaining([
        'frame/PROTECTED PATH_RESPONSE',
        'frame/HELLO PING',
        'drop/unknownConnection',
        'fate/lost',
        'dimension/loss',
        'dimension/aNewOne',
      ]),
    );
    expect(required).not.toContain('frame/HELLO STREAM');
    const coverage = new Coverage();
    for (const name of required) if (name !== 'dimension/aNewOne') coverage.add(1, name);
    expect(coverage.missing(required)).toEqual(['dimension/aNewOne']);
  });
});
