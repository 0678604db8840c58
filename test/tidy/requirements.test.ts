/**
 * Every requirement of PROTOCOL.md is cited where src keeps it and named in the title of a test. The vectors count as
 * tests: each is one, titled with its ids. Each limit of §14 says which test shows it, SECURITY.md what shows its claims.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sourceFiles, TOP } from './source-tree.js';

const VECTORS = join(TOP, 'test/conformance/vectors');

const protocol = readFileSync(join(TOP, 'PROTOCOL.md'), 'utf8');
const stated = [...protocol.matchAll(/^- \[([A-Z]{3}-\d+)\]/gm)].map(([, id = '']) => id);
const security = readFileSync(join(TOP, 'SECURITY.md'), 'utf8');
const vectors = readdirSync(VECTORS).map((name) => readFileSync(join(VECTORS, name), 'utf8'));

const cited = {
  protocol: idsIn([protocol]),
  security: idsIn([security]),
  src: idsIn(sourceFiles('src').map(({ text }) => text)),
  test: idsIn(sourceFiles('test').map(({ code }) => code)),
  vectors: idsIn(vectors, /"([A-Z]{3}-\d+)"/g),
};

function idsIn(texts: readonly string[], pattern = /\[([A-Z]{3}-\d+)\]/g): Set<string> {
  return new Set(texts.flatMap((text) => [...text.matchAll(pattern)].map(([, id = '']) => id)));
}

function missing(wanted: Iterable<string>, ...from: { has(id: string): boolean }[]): string[] {
  return [...wanted].filter((id) => !from.some((ids) => ids.has(id))).sort();
}

test('no requirement is stated twice', () => {
  expect(stated.filter((id, index) => stated.indexOf(id) !== index)).toEqual([]);
});

test.each(['protocol', 'security', 'src', 'test', 'vectors'] as const)(
  'what %s cites is stated in PROTOCOL.md',
  (where) => {
    expect(missing(cited[where], new Set(stated))).toEqual([]);
  },
);

test('every requirement of PROTOCOL.md is cited where src keeps it', () => {
  expect(missing(stated, cited.src)).toEqual([]);
});

test('every requirement of PROTOCOL.md is named by a test', () => {
  expect(missing(stated, cited.test, cited.vectors)).toEqual([]);
});

test('every test that SECURITY.md names is there', () => {
  const named = [...security.matchAll(/`(test\/[^`]*)`/g)].map(([, path = '']) => path);
  expect(named.length).toBeGreaterThan(4);
  expect(named.filter((path) => !existsSync(join(TOP, path)))).toEqual([]);
});

test('every limit of §14 names a test that there is', () => {
  const [, chapter = ''] = /^## 14\. Limits$(.*?)^## /ms.exec(protocol) ?? [];
  const rows = chapter.split('\n').filter((line) => line.startsWith('| '));
  const named = rows.slice(2).map((row) => /`([^`]*)` +\|$/.exec(row)?.[1] ?? row);
  expect(named.length).toBeGreaterThan(30);
  expect(named.filter((name) => !existsSync(join(TOP, 'test', `${name}.test.ts`)))).toEqual([]);
});
