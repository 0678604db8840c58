import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { sourceFiles, TOP } from './source-tree.js';

const files = sourceFiles('src', 'examples', 'bench', 'test', 'tools');
const sources = files.filter(({ path }) => path.startsWith('src/'));

test('no file has more than 600 lines', () => {
  expect(files.filter(({ text }) => text.split('\n').length > 601).map(({ path }) => path)).toEqual([]);
});

test('names are kebab-case and say what is in the file', () => {
  const bad = files.filter(({ path }) => {
    const name = basename(path).replace(/(\.(test|fuzz|config|d))*\.(ts|js|cjs|mjs)$/, '');
    return (
      !/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name) ||
      /^(util|utils|helper|helpers|common|manager|misc|types)$/.test(name)
    );
  });
  expect(bad.map(({ path }) => path)).toEqual([]);
});

test('no folder is called util, helper, common or misc', () => {
  const folders = new Set(files.map(({ path }) => dirname(path)).flatMap((path) => path.split('/')));
  expect([...folders].filter((name) => /^(util|utils|helper|helpers|common|misc)$/.test(name))).toEqual([]);
});

test('every source file opens with a comment that says what it owns', () => {
  expect(sources.filter(({ text }) => !/^(#!.*\n)?\/\*\*/.test(text)).map(({ path }) => path)).toEqual([]);
});

test('test/unit mirrors src and examples: each test is in the folder of what it tests', () => {
  const folders = new Set(files.map(({ path }) => dirname(path)));
  const orphans = files
    .filter(({ path }) => path.startsWith('test/unit/') && path.endsWith('.test.ts'))
    .filter(({ path }) => {
      const mirrored = dirname(path).replace(/^test\/unit\//, '');
      return !folders.has(`src/${mirrored}`) && !(mirrored.startsWith('examples') && folders.has(mirrored));
    });
  expect(orphans.map(({ path }) => path)).toEqual([]);
});

test('every folder of src with four files or more has a README of at most 30 lines', () => {
  const folders = [...new Set(sources.map(({ path }) => dirname(path)))].filter((folder) => folder !== 'src');
  const big = folders.filter(
    (folder) => readdirSync(join(TOP, folder)).filter((name) => name.endsWith('.ts')).length >= 4,
  );
  const without = big.filter((folder) => {
    const path = join(TOP, folder, 'README.md');
    return !existsSync(path) || readFileSync(path, 'utf8').split('\n').length > 31;
  });
  expect(without).toEqual([]);
});
