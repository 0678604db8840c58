/**
 * The module hooks of `typescript.mjs`: an import of `x.js`, or of `x` as code that protobuf-ts generates has it, finds
 * `x.ts`, and swc compiles it. With UDPRPC_PLANTED_BUG set to the name of an entry of `test/sim/planted-bugs.json` that bug
 * is written into its file as it is loaded.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { transformSync } from '@swc/core';

const root = fileURLToPath(new URL('../../', import.meta.url));
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
  const { code } = transformSync(sourceOf(filename), {
    filename,
    sourceMaps: 'inline',
    jsc: { parser: { syntax: 'typescript' }, target: 'es2023' },
    module: { type: 'es6' },
  });
  return { format: 'module', source: code, shortCircuit: true };
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
