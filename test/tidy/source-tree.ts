/** The project's own files as the tidy tests read them: paths relative to the top, text, imports. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export const TOP = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

export interface SourceFile {
  /** With forward slashes, from the top: `src/base/clock.ts`. */
  readonly path: string;
  readonly text: string;
  /** The text without comments, strings kept. */
  readonly code: string;
  /** What it imports: paths from the top for relative imports, package names otherwise. */
  readonly imports: readonly string[];
}

export function sourceFiles(...folders: string[]): SourceFile[] {
  return folders.flatMap((folder) =>
    readdirSync(join(TOP, folder), { recursive: true, withFileTypes: true })
      .filter(
        (entry) =>
          entry.isFile() &&
          !entry.parentPath.includes('node_modules') &&
          !entry.parentPath.startsWith(join(TOP, 'test', 'generated')) &&
          /\.(ts|js|cjs|mjs)$/.test(entry.name),
      )
      .map((entry) => read(relative(TOP, join(entry.parentPath, entry.name)))),
  );
}

function read(path: string): SourceFile {
  const text = readFileSync(join(TOP, path), 'utf8');
  const code = withoutComments(text);
  const imports = [...code.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map(([, name = '']) =>
    name.startsWith('.') ? normalize(join(dirname(path), name)).replace(/\.js$/, '.ts') : name,
  );
  return { path, text, code, imports };
}

/** Good enough for formatted code: a comment starts a line or follows a blank. */
export function withoutComments(text: string): string {
  return text.replace(/(^|\s)\/\*[\s\S]*?\*\//g, '$1').replace(/(^|\s)\/\/.*$/gm, '$1');
}
