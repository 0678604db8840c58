/**
 * The JavaScript of `dist`; `npm run build` has tsc write the types beside it. The modules of `src` become a few files, because
 * a program that loads each of them waits for that longer than for anything else (ARCHITECTURE, "What is published"). What
 * several entry points need is in `dist/src/chunks`, so that there is one of each class. The examples stay file by file.
 */
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'rolldown';

const TOP = fileURLToPath(new URL('..', import.meta.url));
const CHUNKS = 'src/chunks';
/** What the commands of the examples have in common with those of the package. */
const FOR_EXAMPLES = ['error-line', 'run-command', 'tls-flags'].map((name) => `src/command/${name}`);

const common = { cwd: TOP, platform: 'node', logLevel: 'warn' };
const output = {
  dir: 'dist',
  entryFileNames: '[name].js',
  chunkFileNames: `${CHUNKS}/[name]-[hash].js`,
  sourcemap: true,
  // The maps have them; in the files they would be a third of what a program keeps in memory.
  comments: false,
};

// Their names change with what is in them.
rmSync(join(TOP, 'dist', CHUNKS), { recursive: true, force: true });
await build([
  {
    ...common,
    input: named([...published(), ...FOR_EXAMPLES]),
    external: isPackage,
    output,
  },
  {
    ...common,
    input: named([...modulesIn('examples'), ...modulesIn('generated/test')]),
    external: (id) => isPackage(id) || id.includes('/src/'),
    output: { ...output, preserveModules: true, preserveModulesRoot: '.' },
  },
]);

function published() {
  const { exports, bin } = JSON.parse(readFileSync(join(TOP, 'package.json'), 'utf8'));
  return [...Object.values(exports).map((entry) => entry.default), ...Object.values(bin)]
    .filter((path) => path !== undefined)
    .map((path) => path.replace(/^(\.\/)?dist\/(.*)\.js$/, '$2'));
}

function modulesIn(folder) {
  return readdirSync(join(TOP, folder), { recursive: true })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => join(folder, file.replace(/\.ts$/, '')));
}

/** Each under the name of its file. */
function named(modules) {
  return Object.fromEntries(modules.map((name) => [name, `${name}.ts`]));
}

function isPackage(id) {
  return !/^[./]/.test(id);
}
