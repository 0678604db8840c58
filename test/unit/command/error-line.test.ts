import { errorLine } from '../../../src/command/error-line.js';
import { RpcError, Status } from '../../../src/index.js';

test('an error is its message, without what could steer a terminal', () => {
  expect(errorLine(new Error('/etc/a\n\u001b[2Jb is missing'))).toBe('/etc/a??[2Jb is missing');
  expect(errorLine('thrown')).toBe('thrown');
});

test('an error of a call is said without the path of its method', () => {
  const error = new RpcError({
    path: '/image.v1.ImageService/GetMeta',
    code: Status.INTERNAL,
    details: 'broken',
  });
  expect(errorLine(error)).toBe('INTERNAL: broken');
});
