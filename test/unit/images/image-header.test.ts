/** What is read from headers of real images, and from bytes built to hurt. */
import fc from 'fast-check';
import sharp, { type Sharp } from 'sharp';
import { MAX_HEADER_BYTES, readImageHeader } from '../../../src/images/image-header.js';
import { collectGarbage } from '../../support/collect-garbage.js';

function picture(channels: 3 | 4): Sharp {
  return sharp({
    create: { width: 37, height: 21, channels, background: { r: 10, g: 200, b: 30, alpha: 0.5 } },
  });
}

test.each([
  ['png', 'png', () => picture(3).png(), 3],
  ['png with alpha', 'png', () => picture(4).png(), 4],
  ['png in grey', 'png', () => picture(3).toColourspace('b-w').png(), 1],
  ['png with a palette', 'png', () => picture(3).png({ palette: true }), undefined],
  ['jpeg', 'jpg', () => picture(3).jpeg(), 3],
  ['progressive jpeg', 'jpg', () => picture(3).jpeg({ progressive: true }), 3],
  ['jpeg in grey', 'jpg', () => picture(3).toColourspace('b-w').jpeg(), 1],
  ['webp', 'webp', () => picture(3).webp(), 3],
  ['webp with alpha', 'webp', () => picture(4).webp(), 4],
  ['lossless webp', 'webp', () => picture(3).webp({ lossless: true }), 3],
  ['lossless webp with alpha', 'webp', () => picture(4).webp({ lossless: true }), 4],
  ['gif', 'gif', () => picture(3).gif(), undefined],
  ['avif', 'avif', () => picture(3).avif({ effort: 0 }), undefined],
  ['tiff', 'tiff', () => picture(3).tiff(), undefined],
])('%s', async (_, format, make, channels) => {
  const bytes = new Uint8Array(await make().toBuffer());
  expect(readImageHeader(bytes)).toEqual({ format, width: 37, height: 21, channels });
});

test('a jpeg whose tables come before its frame header', async () => {
  const bytes = await picture(3).jpeg().toBuffer();
  // As long as it may be for a segment that nobody reads; C4 looks like a frame header and is none.
  const table = Buffer.concat([Buffer.from('ffc40014', 'hex'), Buffer.alloc(18, 9)]);
  const header = readImageHeader(Buffer.concat([bytes.subarray(0, 2), table, bytes.subarray(2)]));
  expect(header).toEqual({ format: 'jpg', width: 37, height: 21, channels: 3 });
});

test('svg', () => {
  const header = readImageHeader(
    Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 30"></svg>'),
  );
  expect(header).toMatchObject({ format: 'svg', width: 40, height: 30 });
});

test.each([
  ['nothing', new Uint8Array(0)],
  ['text', Buffer.from('hello, this is no image')],
  ['a PNG cut short', Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10)],
  ['a PNG without size', Buffer.from('89504e470d0a1a0a0000000d4948445200000000000000000806000000', 'hex')],
])('%s is unknown', (_, bytes) => {
  const unknown = { format: '', width: undefined, height: undefined, channels: undefined };
  expect(readImageHeader(bytes)).toEqual(unknown);
});

test('bytes at random never throw', () => {
  const signatures = [
    '',
    'ffd8ffe0',
    '89504e470d0a1a0a',
    '474946383961',
    '52494646',
    '49492a00',
    '00000010667479706176',
    '3c737667',
  ];
  fc.assert(
    fc.property(fc.constantFrom(...signatures), fc.uint8Array({ maxLength: 400 }), (signature, rest) => {
      readImageHeader(Buffer.concat([Buffer.from(signature, 'hex'), rest]));
    }),
    { numRuns: 2_000 },
  );
});

describe('hostile headers are answered within 200 ms and 32 MiB:', () => {
  test.each([
    ['a JPEG of bytes that are no marker', () => filled(1, 'ffd8')],
    ['a JPEG of empty segments', () => filled(0, 'ffd8ff')],
    ['a JPEG of EXIF segments', () => repeated('ffd8ffe0', 'ffe1000a45786966000049492a00')],
    ['an AVIF of sizes', () => boxesOfSizes()],
    ['an SVG of openings', () => Buffer.from('<svg '.repeat(100_000))],
    ['an SVG of quotes', () => Buffer.from(`<svg ${` width='1" `.repeat(40_000)}>`)],
    ['an ICNS of icons', () => repeated('69636e7300080000', '4943544e00000008')],
    ['a TIFF of tags', () => repeated('49492a0008000000ffff', '000103000100000001000000')],
  ])('%s', (_, make) => {
    const bytes = make().subarray(0, MAX_HEADER_BYTES);
    collectGarbage();
    const before = memoryBytes();
    const startedAt = performance.now();
    readImageHeader(bytes);
    expect(performance.now() - startedAt).toBeLessThan(200);
    expect(memoryBytes() - before).toBeLessThan(32 << 20);
  });
});

/** With what nobody holds any more. */
function memoryBytes(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function filled(value: number, startHex: string): Uint8Array {
  const bytes = new Uint8Array(MAX_HEADER_BYTES).fill(value);
  bytes.set(Buffer.from(startHex, 'hex'));
  return bytes;
}

function repeated(startHex: string, unitHex: string): Uint8Array {
  const unit = Buffer.from(unitHex, 'hex');
  return Buffer.concat([Buffer.from(startHex, 'hex'), Buffer.alloc(MAX_HEADER_BYTES, unit)]);
}

/** 26,000 sizes, after each of which a reader looks for a box that never comes. */
function boxesOfSizes(): Uint8Array {
  const bytes = Buffer.alloc(MAX_HEADER_BYTES);
  let offset = 0;
  const box = (name: string, size: number, headBytes: number): void => {
    bytes.writeUInt32BE(size, offset);
    bytes.write(name, offset + 4);
    offset += headBytes;
  };
  box('ftypavif', 16, 16);
  // As large as what a guarded reader is given, or it would not look inside.
  const end = 32_768;
  box('meta', end - offset, 12);
  box('iprp', end - offset, 8);
  box('ipco', end - offset, 8);
  while (offset + 20 <= bytes.length) box('ispe', 20, 20);
  return bytes;
}
