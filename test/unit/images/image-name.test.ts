/** Names that may meet a path, and all the others. */
import { printable } from '../../../src/base/printable.js';
import { imageNameProblem, isHiddenName, quoteName } from '../../../src/images/image-name.js';

test.each([
  ['a.jpg'],
  ['sub/deep/a.jpg'],
  ['%2e%2e%2fetc%2fpasswd'],
  ['..jpg'],
  ['a..b/..c.png'],
  ['Zürich – 写真.webp'],
  ['a b\tc.png'],
  ['x'.repeat(1_024)],
])('%j is a name', (name) => {
  expect(imageNameProblem(name)).toBeUndefined();
});

test.each([
  ['', 'empty'],
  ['..', '.. part'],
  ['../a.jpg', '.. part'],
  ['a/../b.jpg', '.. part'],
  ['a/..', '.. part'],
  ['./a.jpg', '. part'],
  ['a/./b.jpg', '. part'],
  ['/etc/passwd', 'absolute'],
  ['a//b.jpg', 'empty part'],
  ['a/', 'empty part'],
  ['a\0.jpg', 'NUL'],
  ['a\\b.jpg', 'backslash'],
  ['..\\..\\a.jpg', 'backslash'],
  ['\ud800.jpg', 'Unicode'],
  ['x'.repeat(1_025), 'longer than 1024 bytes'],
  ['ü'.repeat(513), 'longer than 1024 bytes'],
])('%j is refused: %s', (name, reason) => {
  expect(imageNameProblem(name)).toContain(reason);
});

test.each(['c:a.jpg', 'a.jpg:stream', 'nul', 'CON.png', 'sub/com1.jpg', 'a.jpg.', 'a.jpg '])(
  '%j is refused on Windows only',
  (name) => {
    expect(imageNameProblem(name, 'win32')).toContain('Windows');
    expect(imageNameProblem(name, 'linux')).toBeUndefined();
  },
);

test('hidden names have a part that starts with a dot', () => {
  expect(['.a.jpg', 'a/.b/c.jpg', 'a/.c.jpg'].every(isHiddenName)).toBe(true);
  expect(['a.jpg', 'a./b.jpg', 'a/b..jpg'].some(isHiddenName)).toBe(false);
});

test('what is printed cannot steer a terminal, and is never long', () => {
  expect(printable('a\u001b[2Jb\u202egpj.exe\n')).toBe('a?[2Jb?gpj.exe?');
  expect(quoteName('cat.jpg')).toBe("'cat.jpg'");
  expect(quoteName('x'.repeat(1_000))).toHaveLength(122);
});
