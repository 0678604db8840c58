/** Listings in order, over trees of any shape, from any place. */
import fc from 'fast-check';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ImageNames } from '../../../src/images/image-names.js';
import { RootDirectory } from '../../../src/images/root-directory.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

async function namesOf(
  path: string,
  request: { prefix?: string; after?: string; signal?: AbortSignal } = {},
  options: { windowNames?: number } = {},
): Promise<string[]> {
  const names = new ImageNames(await RootDirectory.open(path), options);
  return collect(names.names({ prefix: '', after: '', ...request }));
}

async function collect(names: AsyncIterable<string>): Promise<string[]> {
  const collected: string[] = [];
  for await (const name of names) collected.push(name);
  return collected;
}

test('images only, in the order of whole names', async () => {
  const shown = ['a-1.png', 'a/x.png', 'a0.png', 'b.JPG', 'sub/d.webp', 'sub/deep/c.gif', 'z.svg'];
  const hidden = ['notes.txt', '.hidden.png', '.git/a.png', 'sub/.b.png', 'no-extension', 'back\\slash.png'];
  const path = temporaryDirectory(Object.fromEntries([...shown, ...hidden].map((name) => [name, ''])));
  mkdirSync(join(path, 'directory.png'));
  expect(await namesOf(path)).toEqual(shown);
});

test('links to images are listed, links to directories are not walked', async () => {
  const path = temporaryDirectory({ 'sub/a.png': '' });
  symlinkSync('sub/a.png', join(path, 'link.png'));
  symlinkSync('.', join(path, 'loop'));
  symlinkSync('/', join(path, 'sub', 'out'));
  expect(await namesOf(path)).toEqual(['link.png', 'sub/a.png']);
});

const SEGMENT = fc.constantFrom('a', 'b', 'a-', 'a.', 'a0', 'ä', '写', '\u{1f600}', '\uff5e');
const NAMES = fc.uniqueArray(
  fc.array(SEGMENT, { minLength: 1, maxLength: 3 }).map((segments) => `${segments.join('/')}.png`),
  { minLength: 1, maxLength: 25 },
);

test('from any place on, with any prefix and windows of any size, it is the sorted list', async () => {
  await fc.assert(
    fc.asyncProperty(
      NAMES,
      fc.integer({ min: 1, max: 6 }),
      fc.nat(),
      fc.nat({ max: 3 }),
      async (names, windowNames, place, prefixLength) => {
        const path = temporaryDirectory();
        for (const name of names) {
          mkdirSync(dirname(join(path, name)), { recursive: true });
          writeFileSync(join(path, name), '');
        }
        const sorted = [...names].sort();
        const after = sorted[place % sorted.length] ?? '';
        const prefix = after.slice(0, prefixLength);
        expect(await namesOf(path, {}, { windowNames })).toEqual(sorted);
        expect(await namesOf(path, { after }, { windowNames })).toEqual(
          sorted.filter((name) => name > after),
        );
        expect(await namesOf(path, { prefix }, { windowNames })).toEqual(
          sorted.filter((name) => name.startsWith(prefix)),
        );
      },
    ),
    { numRuns: 40 },
  );
});

test('pages that share passes are the same, in any order', async () => {
  const names = Array.from(
    { length: 30 },
    (_, index) => `${index % 4 === 0 ? 'sub/' : ''}${index}.png`,
  ).sort();
  const path = temporaryDirectory(Object.fromEntries(names.map((name) => [name, ''])));
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat({ max: 29 }), { maxLength: 6 }), async (places) => {
      const root = await RootDirectory.open(path);
      const shared = new ImageNames(root, { windowNames: 5, worthKeepingMs: 0 });
      for (const place of places) {
        const after = names[place] ?? '';
        expect(await collect(shared.names({ prefix: '', after }))).toEqual(names.slice(place + 1));
        expect(await collect(shared.names({ prefix: 'sub/', after: '' }))).toEqual(
          names.filter((name) => name.startsWith('sub/')),
        );
      }
    }),
    { numRuns: 30 },
  );
});

test('later pages show the pass of the page before, first pages are always fresh', async () => {
  const path = temporaryDirectory({ 'a.png': '', 'b.png': '' });
  const names = new ImageNames(await RootDirectory.open(path), { worthKeepingMs: 0 });
  await collect(names.names({ prefix: '', after: '' }));
  writeFileSync(join(path, 'c.png'), '');
  expect(await collect(names.names({ prefix: '', after: 'a.png' }))).toEqual(['b.png']);
  expect(await collect(names.names({ prefix: '', after: '' }))).toEqual(['a.png', 'b.png', 'c.png']);
});

test('a name to go on from need not exist any more', async () => {
  const path = temporaryDirectory({ 'a.png': '', 'c/d.png': '', 'e.png': '' });
  expect(await namesOf(path, { after: 'b.png' })).toEqual(['c/d.png', 'e.png']);
  expect(await namesOf(path, { after: 'c/z/y.png' })).toEqual(['e.png']);
  expect(await namesOf(path, { after: 'a.png/x.png' })).toEqual(['c/d.png', 'e.png']);
});

test('directories deeper than 32 are left out', async () => {
  const path = temporaryDirectory({ [`${'d/'.repeat(31)}in.png`]: '', [`${'d/'.repeat(32)}out.png`]: '' });
  expect(await namesOf(path)).toEqual([`${'d/'.repeat(31)}in.png`]);
});

test('ends when its signal is aborted', async () => {
  const path = temporaryDirectory({ 'a.png': '' });
  await expect(namesOf(path, { signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough');
});
