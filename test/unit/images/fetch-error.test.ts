/** What is wrong at this side, in words that help. */
import { FetchError, writeError } from '../../../src/images/fetch-error.js';

test.each([
  ['ENOSPC', 'RESOURCE_EXHAUSTED: cannot write out/a.png: the disk is full (ENOSPC)'],
  ['EROFS', 'PERMISSION_DENIED: cannot write out/a.png: the file system is read-only (EROFS)'],
  ['EWHAT', 'INTERNAL: cannot write out/a.png: the file system refused (EWHAT)'],
])('%s', (code, message) => {
  const cause = Object.assign(new Error(code), { code, syscall: 'write' });
  const error = writeError(cause, 'out/a.png');
  expect(error).toBeInstanceOf(FetchError);
  expect(error).toMatchObject({ message, cause });
});

test('other errors pass as they are', () => {
  const error = new TypeError('no');
  expect(writeError(error, 'a.png')).toBe(error);
});
