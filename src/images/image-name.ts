/**
 * What an image may be called. A name is UTF-8, uses `/` between directories and is compared byte for byte: there is
 * one spelling of each name, and nothing in it is ever decoded again. Both sides ask here: the server before a name
 * meets a path, the client before a name from a server does.
 */
import { printable } from '../base/printable.js';

/** As long as a path may be on the systems that we run on, four times over what a single file name may be. */
export const MAX_NAME_BYTES = 1_024;

/** Says in a few words what is wrong with a name, or undefined when it may be joined to a directory. */
export function imageNameProblem(
  name: string,
  platform: NodeJS.Platform = process.platform,
): string | undefined {
  if (name === '') return 'it is empty';
  // A lone surrogate would be written to disk as U+FFFD and so match another file's name.
  if (/\p{Surrogate}/u.test(name)) return 'it is not valid Unicode';
  if (Buffer.byteLength(name) > MAX_NAME_BYTES) return `it is longer than ${MAX_NAME_BYTES} bytes`;
  if (name.includes('\0')) return 'it contains a NUL byte';
  if (name.includes('\\')) return 'it contains a backslash (directories are separated by /)';
  if (name.startsWith('/')) return 'it is absolute';
  for (const segment of name.split('/')) {
    if (segment === '') return 'it contains an empty part (// or a / at the end)';
    if (segment === '.' || segment === '..') return `it contains a ${segment} part`;
    if (platform === 'win32' && isWindowsAlias(segment))
      return 'Windows would take it for another file or a device';
  }
  return undefined;
}

/** A part that starts with a dot: such files are not served (editors' and our own partial files, .git, .ssh). */
export function isHiddenName(name: string): boolean {
  return name.startsWith('.') || name.includes('/.');
}

/** The same for a client that is going to write a file of that name: a hidden one could be a program's configuration. */
export function localNameProblem(name: string): string | undefined {
  return (
    imageNameProblem(name) ?? (isHiddenName(name) ? 'it is hidden (a part starts with a dot)' : undefined)
  );
}

/** A name for a message: control characters cannot reach a terminal or a log, and long ones are cut. */
export function quoteName(name: string): string {
  const visible = printable(name);
  return visible.length <= 120 ? `'${visible}'` : `'${printable(visible.slice(0, 117))}...'`;
}

/** Streams (`a:b`), devices (`con`, `nul.png`) and trailing dots or blanks, which Windows drops. */
function isWindowsAlias(segment: string): boolean {
  return (
    /[:<>"|?*]/.test(segment) ||
    /[. ]$/.test(segment) ||
    /^(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(?:\.|$)/i.test(segment)
  );
}
