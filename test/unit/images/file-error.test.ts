/** System errors become statuses, without paths. */
import { ServerError, Status } from 'nice-grpc-common';
import { fileError, systemErrorCode } from '../../../src/images/file-error.js';

function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: it failed, open '/srv/secret/a.png'`), { code, syscall: 'open' });
}

test.each([
  ['ENOENT', Status.NOT_FOUND],
  ['ENOTDIR', Status.NOT_FOUND],
  ['ELOOP', Status.NOT_FOUND],
  ['ENAMETOOLONG', Status.NOT_FOUND],
  ['EACCES', Status.PERMISSION_DENIED],
  ['EPERM', Status.PERMISSION_DENIED],
  ['EMFILE', Status.RESOURCE_EXHAUSTED],
  ['EIO', Status.DATA_LOSS],
  ['ESTALE', Status.INTERNAL],
])('%s', (code, status) => {
  const error = fileError(systemError(code), 'a.png');
  expect(error).toBeInstanceOf(ServerError);
  expect(error).toMatchObject({ code: status });
  expect(String(error)).not.toContain('/srv');
});

test('other errors pass as they are', () => {
  const error = new TypeError('no');
  expect(fileError(error, 'a.png')).toBe(error);
  expect(
    [undefined, null, 'ENOENT', { code: 5 }, new ServerError(Status.ABORTED, '')].map(systemErrorCode),
  ).toEqual(Array(5).fill(undefined));
});
