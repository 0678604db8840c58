/**
 * The module hooks of `typescript.mjs`: an import of `x.js`, or of `x` as code that protobuf-ts generates has it, finds
 * `x.ts`, and swc compiles it, once for each text: the many processes of the tests read what the first one has kept. With
 * UDPRPC_PLANTED_BUG set to the name of an entry of `test/sim/planted-bugs.json` that bug is written into its file as it is
 * loaded.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
const kept = `${root}node_modules/.cache/udprpc-typescript/`;
const OPTIONS = {
  sourceMaps: 'inline',
  jsc: { parser: { syntax: 'typescript' }, target: 'es2023' },
  module: { type: 'es6' },
};
const swcVersion = JSON.parse(readFileSync(`${root}node_modules/@swc/core/package.json`, 'utf8')).version;
mkdirSync(kept, { recursive: true });
const planted = plantedBug(process.env.UDPRPC_PLANTED_BUG);

export async function resolve(specifier, context, next) {
  if (/^\.{1,2}\/(.*\.js|(.*\/)?[^./]+)$/.test(specifier)) {
    try {
      return await next(specifier.replace(/\.js$/, '') + '.ts', context);
    } catch {
      // A module that is JavaScript already.
    }
  }
  return next(specifier, context);
}

export async function load(url, context, next) {
  if (!url.endsWith('.ts')) return next(url, context);
  const filename = fileURLToPath(url);
  return { format: 'module', source: await compiled(filename, sourceOf(filename)), shortCircuit: true };
}

async function compiled(filename, source) {
  const hash = createHash('sha256').update(JSON.stringify([swcVersion, OPTIONS, filename, source]));
  const file = `${kept}${hash.digest('hex')}.mjs`;
  try {
    return readFileSync(file, 'utf8');
  } catch {
    const { transformSync } = await import('@swc/core');
    const { code } = transformSync(source, { ...OPTIONS, filename });
    // Whole or not at all: others may be reading.
    const own = `${file}.${process.pid}`;
    writeFileSync(own, code);
    renameSync(own, file);
    return code;
  }
}

function sourceOf(filename) {
  const source = readFileSync(filename, 'utf8');
  if (planted === undefined || filename !== root + planted.file) return source;
  if (source.split(planted.find).length !== 2)
    throw new Error(`planted bug "${planted.name}" has not one place in ${planted.file}`);
  return source.replace(planted.find, () => planted.replace);
}

function plantedBug(name) {
  if (name === undefined) return undefined;
  const bugs = JSON.parse(readFileSync(`${root}test/sim/planted-bugs.json`, 'utf8'));
  const bug = bugs.find((entry) => entry.name === name);
  if (bug === undefined) throw new Error(`no planted bug is named "${name}"`);
  return bug;
}
