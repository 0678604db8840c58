import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sourceFiles, TOP } from './source-tree.js';

const ID = /\[([A-Z]{3}-\d+)\]/g;
const protocol = existsSync(join(TOP, 'PROTOCOL.md')) ? readFileSync(join(TOP, 'PROTOCOL.md'), 'utf8') : '';
const stated = idsIn(protocol);
const cited = new Set(sourceFiles('src').flatMap(({ text }) => [...idsIn(text)]));
const tested = new Set(sourceFiles('test').flatMap(({ text }) => [...idsIn(text)]));

function idsIn(text: string): Set<string> {
  return new Set([...text.matchAll(ID)].map(([, id = '']) => id));
}

const missing = (wanted: Set<string>, from: Set<string>): string[] =>
  [...wanted].filter((id) => !from.has(id)).sort();

test('every requirement that src or a test cites is stated in PROTOCOL.md', () => {
  expect({ src: missing(cited, stated), test: missing(tested, stated) }).toEqual({ src: [], test: [] });
});

test('every requirement of PROTOCOL.md is cited where src keeps it', () => {
  expect(missing(stated, cited)).toEqual([]);
});

test('every requirement of PROTOCOL.md is named by a test', () => {
  expect(missing(stated, tested)).toEqual([]);
});
