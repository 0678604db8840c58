/**
 * What the first bytes of a file say about the image in it: format, pixels, channels. image-size does the reading;
 * this file guards it. Headers come from anywhere and may be built to be slow, so each family of formats gets only
 * as many bytes as its reader is fast with, and what it says is believed only when it is a sensible number.
 */
import { imageSize } from 'image-size';

export interface ImageHeader {
  /** Short name (png, jpg, webp, ...); empty when not known. */
  readonly format: string;
  /** Pixels; undefined when not known. */
  readonly width: number | undefined;
  readonly height: number | undefined;
  readonly channels: number | undefined;
}

/** As much of a file as a header is looked for in. */
export const MAX_HEADER_BYTES = 512 * 1_024;

const UNKNOWN: ImageHeader = { format: '', width: undefined, height: undefined, channels: undefined };

/** Never throws and never takes long, whatever the bytes are. `bytes` is the start of the file. */
export function readImageHeader(bytes: Uint8Array): ImageHeader {
  try {
    const { type, width, height } = imageSize(bytes.subarray(0, prefixBytes(bytes)));
    if (!isPixelCount(width) || !isPixelCount(height)) return UNKNOWN;
    const format = type ?? '';
    return { format, width, height, channels: channelsOf(format, bytes) };
  } catch {
    return UNKNOWN;
  }
}

/**
 * As much as the header's reader is fast with. Worst cases of image-size 2.1.0, measured here: a JPEG without a frame header
 * is searched byte by byte, 40 ms for 512 KiB; the boxes of AVIF and HEIF are quadratic, 20 ms for 32 KiB and 1.9 s for 512; SVG is a
 * regular expression. All others look at a few fixed places.
 */
function prefixBytes(bytes: Uint8Array): number {
  const first = bytes[0];
  if (first === 0xff && bytes[1] === 0xd8) return (jpegFrameHeader(bytes) ?? -2) + 10;
  if ((first === 0x49 || first === 0x4d) && first === bytes[1]) return MAX_HEADER_BYTES;
  return first === 0 ? 32 * 1_024 : 4 * 1_024;
}

function isPixelCount(value: number): boolean {
  return Number.isInteger(value) && value > 0 && value <= 0xffff_ffff;
}

/** Only where the header says it in one place. Palettes (GIF, some PNG) are left out: their channels are the palette's. */
function channelsOf(format: string, bytes: Uint8Array): number | undefined {
  if (format === 'png') return PNG_CHANNELS[bytes[25] ?? -1];
  if (format === 'jpg') return jpegChannels(bytes);
  if (format === 'webp') return webpChannels(bytes);
  return undefined;
}

/** By the colour type of IHDR; 3 is a palette. */
const PNG_CHANNELS: Readonly<Record<number, number>> = { 0: 1, 2: 3, 4: 2, 6: 4 };

/** The component count of the frame header. */
function jpegChannels(bytes: Uint8Array): number | undefined {
  const count = bytes[(jpegFrameHeader(bytes) ?? -9) + 9] ?? 0;
  return count >= 1 && count <= 4 ? count : undefined;
}

/** Where the frame header (SOF) is, found by walking the segments; it has 10 bytes before its components. */
function jpegFrameHeader(bytes: Uint8Array): number | undefined {
  let position = 2;
  while (position + 10 <= Math.min(bytes.length, MAX_HEADER_BYTES) && bytes[position] === 0xff) {
    const marker = bytes[position + 1] ?? 0;
    // C4, C8 and CC are tables and extensions.
    const isFrameHeader = marker >= 0xc0 && marker <= 0xcf && (marker & 3) !== 0;
    if (marker === 0xc0 || isFrameHeader) return position;
    position += 2 + (((bytes[position + 2] ?? 0) << 8) | (bytes[position + 3] ?? 0));
  }
  return undefined;
}

/** VP8 has no alpha, VP8L and VP8X have a flag for it. */
function webpChannels(bytes: Uint8Array): number | undefined {
  const kind = bytes[15];
  if (kind === 0x20) return 3;
  if (kind === 0x4c) return ((bytes[24] ?? 0) & 0x10) === 0 ? 3 : 4;
  return ((bytes[20] ?? 0) & 0x10) === 0 ? 3 : 4;
}
