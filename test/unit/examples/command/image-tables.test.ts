/** What the commands show of images, whatever the images are called. */
import { LIST_HEADING, listLine, metaLines } from '../../../../examples/command/image-tables.js';
import { columnsOf, fitted, formatBytes, shortened } from '../../../../examples/command/quantities.js';

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1_000, '1.00 kB'],
  [26_841, '26.8 kB'],
  [999_499, '999 kB'],
  [999_500, '1.00 MB'],
  [3_292_018n, '3.29 MB'],
  [2n ** 64n - 1n, '18.4 EB'],
])('%d bytes are %s', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});

test('texts fit their columns, wide and combining characters too', () => {
  expect(columnsOf('写真e\u0301')).toBe(5);
  expect(fitted('写真', 6)).toBe('写真  ');
  expect(fitted('写真', 6, 'right')).toBe('  写真');
  expect(shortened('写真館', 5)).toBe('写真…');
  expect(shortened('写真館', 6)).toBe('写真館');
});

test.each(['a.png', 'x'.repeat(1_000), '写'.repeat(300), '😀'.repeat(100), '\u001b[2J.png'])(
  'no line about %j is longer than 80 columns or steers the terminal',
  (name) => {
    const image = { name, size: 2n ** 64n - 1n, modified: new Date(), mimeType: `image/${name}` };
    const sums = {
      etag: name,
      sha256: new Uint8Array(32),
      fletcher32: 0xffff_ffff,
      format: name,
      width: 2 ** 32 - 1,
    };
    const lines = [
      LIST_HEADING,
      listLine(image),
      ...metaLines({ ...image, ...sums, height: 1, channels: 4 }),
    ];
    for (const line of lines) {
      expect(columnsOf(line)).toBeLessThanOrEqual(80);
      expect(line).not.toMatch(/\p{Cc}/u);
    }
  },
);
