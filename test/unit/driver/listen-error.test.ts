import { listenError } from '../../../src/driver/listen-error.js';

test.each([
  ['EADDRINUSE', '127.0.0.1', 5005, 'cannot listen on 127.0.0.1:5005: the port is in use; stop what uses it'],
  ['EACCES', '::1', 80, 'cannot listen on [::1]:80: not allowed; ports below 1024 need privileges'],
  [
    'EADDRNOTAVAIL',
    '10.9.9.9',
    1,
    '10.9.9.9 is not an address of this machine; 0.0.0.0 or [::] listens on all',
  ],
  ['EWHATEVER', '10.9.9.9', 1, 'cannot listen on 10.9.9.9:1 (EWHATEVER)'],
])('%s says what to do and keeps its code', (code, ip, port, line) => {
  const cause = Object.assign(new Error('x'), { code });
  const error = listenError(cause, ip, port);
  expect(error.message).toContain(line);
  expect(error.message).toMatch(new RegExp(`\\(${code}\\)$`));
  expect(error).toMatchObject({ code, cause });
});
