/** An etag changes with everything that makes a version. */
import { type BigIntStats } from 'node:fs';
import { etagOf, isSameVersion } from '../../../src/images/etag.js';

const stats = { dev: 1n, ino: 2n, size: 3n, mtimeNs: 4n, ctimeNs: 5n } as BigIntStats;

test('is the same for the same version', () => {
  expect(etagOf({ ...stats })).toBe(etagOf(stats));
  expect(isSameVersion({ ...stats }, stats)).toBe(true);
  expect(etagOf(stats)).toMatch(/^[\w-]{22}$/);
});

test.each(['dev', 'ino', 'size', 'mtimeNs', 'ctimeNs'] as const)('changes with %s', (field) => {
  const changed = { ...stats, [field]: 6n };
  expect(etagOf(changed)).not.toBe(etagOf(stats));
  expect(isSameVersion(changed, stats)).toBe(false);
});
