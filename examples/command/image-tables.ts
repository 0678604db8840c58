/**
 * What is shown of images: tables of at most 80 columns for people, one JSON object a line with everything in it for
 * programs. Names are another machine's and are made fit for a terminal; in JSON they are what they are.
 */
import {
  type FetchedImage,
  type GetMetaResponse,
  type ImageEntry,
  printable,
} from '../../src/images/index.js';
import { columnsOf, fitted, formatBytes, formatHex, formatTime, grouped, shortened } from './quantities.js';

const WIDTH = 80;

export const LIST_HEADING = listRow('SIZE', 'TYPE', 'MODIFIED (UTC)', 'NAME');

export function listLine(image: ImageEntry): string {
  const type = image.mimeType.replace(/^image\//, '').replace(/^(?:x-|vnd\.|vnd-ms\.)/, '');
  return listRow(formatBytes(image.size), printable(type), formatTime(image.modified), printable(image.name));
}

function listRow(size: string, type: string, modified: string, name: string): string {
  const start = `${fitted(size, 9, 'right')}  ${fitted(type, 8)}  ${fitted(modified, 16)}  `;
  return start + shortened(name, WIDTH - columnsOf(start));
}

/** A table of its own for each image: a SHA-256 alone takes most of a line. */
export function metaLines(image: GetMetaResponse): string[] {
  const { width, height, channels } = image;
  const rows: [string, string][] = [
    ['size', `${grouped(image.size)} bytes`],
    ['type', image.format === '' ? image.mimeType : `${image.mimeType} (${image.format})`],
    ['pixels', width === undefined || height === undefined ? '-' : `${width} x ${height}`],
    ['channels', channels === undefined ? '-' : String(channels)],
    ['modified', `${formatTime(image.modified)} UTC`],
    ['etag', image.etag],
    ['fletcher32', formatFletcher32(image.fletcher32)],
    ['sha256', formatHex(image.sha256)],
  ];
  return [
    shortened(printable(image.name), WIDTH),
    ...rows.map(([name, value]) => `  ${fitted(name, 10)}  ${shortened(printable(value), WIDTH - 14)}`),
  ];
}

export function fetchedLine({ path, bytes, seconds }: FetchedImage): string {
  const rate = formatBytes(Math.round(bytes / Math.max(seconds, 0.001)));
  return `${printable(path)}: ${formatBytes(bytes)} in ${seconds.toFixed(2)} s (${rate}/s), SHA-256 verified`;
}

export function listJson(image: ImageEntry): string {
  const { name, size, mimeType, modified } = image;
  return JSON.stringify({ name, bytes: Number(size), mimeType, modified: modified?.toISOString() });
}

export function metaJson(image: GetMetaResponse): string {
  const { name, size, mimeType, format, width, height, channels, modified, etag } = image;
  return JSON.stringify({
    ...{ name, bytes: Number(size), mimeType, format, width, height, channels },
    ...{ modified: modified?.toISOString(), etag },
    sha256: formatHex(image.sha256),
    fletcher32: formatFletcher32(image.fletcher32),
  });
}

export function fetchedJson({ name, bytes, seconds, sha256, path }: FetchedImage): string {
  return JSON.stringify({
    name,
    bytes,
    seconds: Number(seconds.toFixed(6)),
    sha256: formatHex(sha256),
    path,
  });
}

function formatFletcher32(value: number): string {
  return value.toString(16).padStart(8, '0');
}
