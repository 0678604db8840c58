/** What the documents promise: samples and commands that a test runs, links that lead somewhere, guides that can be found. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { anchorsOf, blocksOf, commandsOf, DOCUMENTS, linksOf, TOP } from '../support/markdown.js';

const GUIDES = DOCUMENTS.filter((document) => document !== 'README.md');

/** The test that runs what is in a document. */
const testOf = (document: string): string =>
  document === 'README.md'
    ? 'test/e2e/readme.test.ts'
    : `test/e2e/guides/${basename(document, '.md')}.test.ts`;

const textOf = (path: string): string =>
  existsSync(join(TOP, path)) ? readFileSync(join(TOP, path), 'utf8') : '';

test('every sample is named in the test of its document', () => {
  const lost = DOCUMENTS.flatMap(blocksOf).filter(({ document, file }) => {
    return file !== undefined && !textOf(testOf(document)).includes(`'${file}'`);
  });
  expect(lost.map(({ document, file }) => `${document}: ${String(file)}`)).toEqual([]);
});

test('every command is in the test of its document, or is one of CI', () => {
  const ci = textOf('.ci/run').replaceAll('npm run -s ', 'npm run ');
  const lost = DOCUMENTS.flatMap((document) =>
    commandsOf(document)
      // Of an empty folder with the published package: test/package does that.
      .filter((command) => !/^npm (init|install) /.test(command))
      .filter((command) => !textOf(testOf(document)).includes(command) && !ci.includes(command))
      .map((command) => `${document}: ${command}`),
  );
  expect(lost).toEqual([]);
});

test('every block of code is a sample with a name, or commands', () => {
  const blocks = DOCUMENTS.flatMap(blocksOf);
  const nameless = blocks.filter(({ language, file }) => language !== 'sh' && file === undefined);
  expect(nameless.map(({ document, text }) => `${document}: ${text}`)).toEqual([]);
});

test('no two samples have the same name', () => {
  const names = DOCUMENTS.flatMap(blocksOf).flatMap(({ file }) => file ?? []);
  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
});

test('every guide is in the table of the README, by its title', () => {
  const readme = textOf('README.md');
  const title = (guide: string): string => /^# (.*)$/m.exec(textOf(guide))?.[1] ?? '';
  expect(GUIDES.filter((guide) => !readme.includes(`\n| [${title(guide)}](${guide}) `))).toEqual([]);
});

test('links between documents lead to files, and to headings in them', () => {
  const astray = markdownFiles().flatMap((path) =>
    linksOf(textOf(path))
      .filter(({ target, anchor }) => {
        const file = target === '' ? path : join(dirname(path), target);
        if (!existsSync(join(TOP, file))) return true;
        return anchor !== undefined && !anchorsOf(textOf(file)).has(anchor);
      })
      .map(({ target, anchor }) => `${path}: ${target}${anchor === undefined ? '' : `#${anchor}`}`),
  );
  expect(astray).toEqual([]);
});

test('what README and guides link to is in the package', () => {
  const { files } = JSON.parse(textOf('package.json')) as { files: string[] };
  const missing = DOCUMENTS.flatMap((document) =>
    linksOf(textOf(document)).map(({ target }) => join(dirname(document), target)),
  )
    // In every package, as npm has it.
    .filter((path) => !['.', 'README.md', 'LICENSE', 'docs/guides'].includes(path))
    .filter((path) => !files.some((file) => path === file || path.startsWith(`${file}/`)));
  expect(missing).toEqual([]);
});

function markdownFiles(): string[] {
  const folders = ['docs', 'src', 'test', 'bench', 'tools', 'examples', 'proto'];
  const below = folders.flatMap((folder) =>
    readdirSync(join(TOP, folder), { encoding: 'utf8', recursive: true }).map((name) => join(folder, name)),
  );
  return [...readdirSync(TOP), ...below].filter(
    (path) => path.endsWith('.md') && !path.includes('node_modules'),
  );
}
