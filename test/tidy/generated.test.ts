import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TOP } from './source-tree.js';

function treeOf(folder: string): Record<string, string> {
  const paths = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  return Object.fromEntries(paths.map((path) => [path.slice(folder.length), readFileSync(path, 'utf8')]));
}

const FOLDERS = ['generated', 'test/generated/es', 'test/generated/protobuf-ts/code'];

test('what is in git is what `npm run generate` makes of proto/', () => {
  const folder = mkdtempSync(join(tmpdir(), 'udprpc-generated-'));
  try {
    execFileSync(join(TOP, 'node_modules', '.bin', 'buf'), ['generate', '--output', folder], {
      cwd: TOP,
      stdio: 'pipe',
    });
    for (const generated of FOLDERS) {
      expect(treeOf(join(folder, generated))).toEqual(treeOf(join(TOP, generated)));
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}, 180_000);
