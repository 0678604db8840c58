/** MIME types by extension. */
import { isImageName, mimeTypeOf } from '../../../src/images/mime-type.js';

test.each([
  ['a.png', 'image/png'],
  ['a.JPG', 'image/jpeg'],
  ['dir.png/a.webp', 'image/webp'],
  ['a.tar.gif', 'image/gif'],
  ['a.svg', 'image/svg+xml'],
])('%s is an image of type %s', (name, type) => {
  expect(mimeTypeOf(name)).toBe(type);
  expect(isImageName(name)).toBe(true);
});

test.each(['a.txt', 'png', 'a', 'dir.png/a', 'constructor', 'a.__proto__', 'a.'])(
  '%s is no image',
  (name) => {
    expect(mimeTypeOf(name)).toBe('application/octet-stream');
    expect(isImageName(name)).toBe(false);
  },
);
