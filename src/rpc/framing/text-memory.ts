/**
 * Texts that come again and again, as the paths of methods do: known by their bytes, so that the same string is found
 * where a new one would be built of its characters, and be hashed anew by whoever looks it up. Bounded: a text takes the
 * place of the one that was in its slot.
 */
export class TextMemory {
  readonly #slots = new Array<KnownText | undefined>(SLOTS).fill(undefined);

  /** The text whose UTF-8 stands in `bytes[start, end)`, if it is remembered. */
  find(bytes: Uint8Array, start: number, end: number): string | undefined {
    const known = this.#slots[slotOf(bytes, start, end)];
    if (known?.bytes.length !== end - start) return undefined;
    for (let index = 0; index < known.bytes.length; index++) {
      if (known.bytes[index] !== bytes[start + index]) return undefined;
    }
    return known.text;
  }

  remember(bytes: Uint8Array, start: number, end: number, text: string): void {
    if (end - start > LONGEST_BYTES) return;
    this.#slots[slotOf(bytes, start, end)] = { bytes: bytes.slice(start, end), text };
  }
}

interface KnownText {
  readonly bytes: Uint8Array;
  readonly text: string;
}

/** Names of methods of one service differ in their ends and in their lengths. */
function slotOf(bytes: Uint8Array, start: number, end: number): number {
  const last = bytes[end - 1] ?? 0;
  const middle = bytes[(start + end) >>> 1] ?? 0;
  return (last * 31 + middle * 7 + (end - start)) & (SLOTS - 1);
}

/** A power of two. */
const SLOTS = 128;
/** With that 64 KiB at most. */
const LONGEST_BYTES = 256;
