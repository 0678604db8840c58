/** What the commands say of a call that failed. */
import { callErrorLine } from '../../../../examples/command/call-error-line.js';
import { RpcError, Status } from '../../../../src/index.js';

test('an error is one line with its status and what to do', () => {
  const path = '/image.v1.ImageService/GetMeta';
  const lineOf = (code: Status, details: string): string =>
    callErrorLine(new RpcError({ path, code, details }), 'udp://127.0.0.1:5005');
  expect(lineOf(Status.NOT_FOUND, "no image 'a.png'")).toBe(
    "NOT_FOUND: no image 'a.png' on udp://127.0.0.1:5005 (--list shows what is there)",
  );
  expect(lineOf(Status.UNAVAILABLE, 'refused')).toBe(
    'UNAVAILABLE: refused (is an image server running there?)',
  );
  expect(lineOf(Status.INTERNAL, 'a\n\u001b[2Jb')).toBe('INTERNAL: a??[2Jb');
});
