import { placesOf, readPlantedBugs } from './harness/planted-bugs.js';

const BUGS = readPlantedBugs();

describe('the list of planted bugs', () => {
  test.each(BUGS.map((bug) => [bug.name, bug] as const))('has one place in the code for: %s', (_, bug) => {
    expect(placesOf(bug)).toBe(1);
    expect(bug.replace).not.toBe(bug.find);
  });

  test('has names that tell its entries apart, and at least three of them for each floor', () => {
    expect(new Set(BUGS.map(({ name }) => name)).size).toBe(BUGS.length);
    for (const floor of new Set(BUGS.map((bug) => bug.floor)))
      expect(BUGS.filter((bug) => bug.floor === floor).length).toBeGreaterThanOrEqual(3);
  });
});
