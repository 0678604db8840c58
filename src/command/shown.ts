/** What commands print: JSON and text of a server, with nothing in it that could steer a terminal, as fast as it is read. */
import { once } from 'node:events';

/** One value as JSON: in one line, or indented for a person at a terminal. */
export function jsonText(value: unknown): string {
  const text = JSON.stringify(value, null, process.stdout.isTTY ? 2 : 0);
  // JSON.stringify escapes control characters below U+0020 itself; the others are escaped here, and stay the same value.
  return text.replace(STEERING, escaped);
}

/** Resolves when there is room for more. Rejects when `signal` is aborted, as it is when nobody reads any more. */
export async function print(line: string, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  if (!process.stdout.write(`${line}\n`)) await once(process.stdout, 'drain', { signal });
}

function escaped(character: string): string {
  const units = Array.from({ length: character.length }, (_, index) => character.charCodeAt(index));
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('');
}

/** Control, format and direction-changing characters. */
const STEERING = /[\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}]/gu;
