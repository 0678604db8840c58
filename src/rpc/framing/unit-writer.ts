/**
 * Writes units of a call's stream into one growing buffer that is used again and again: a call costs no buffer of its
 * own. The transport copies what it is given before `writeStream` returns, so `bytes` may be handed to it directly, and
 * `clear` makes room for the next; whoever must keep the rest of a short write takes a copy. After a FramingError in the
 * middle of a unit only `clear` may follow.
 */
import { assert } from '../../base/assert.js';
import { tooLarge } from './framing-error.js';
import { MAX_FIELDS_BYTES, MAX_VARINT_BYTES, UnitType } from './unit.js';

export class UnitWriter {
  #buffer = new Uint8Array(INITIAL_BYTES);
  #length = 0;
  #unitStart = -1;

  get length(): number {
    return this.#length;
  }

  /** What was written since `clear`: a view that the next write or `clear` makes worthless. */
  get bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  clear(): void {
    this.#length = 0;
    this.#unitStart = -1;
  }

  /** Opens a HEADER or TRAILER, whose fields follow until `endUnit`. */
  beginUnit(type: UnitType): void {
    assert(this.#unitStart < 0, 'a unit is open already');
    this.#reserve(3);
    this.#buffer[this.#length] = type;
    this.#length += 3;
    this.#unitStart = this.#length;
  }

  /** Closes it. Throws FramingError when the fields take more than the format allows; nothing of the unit remains. */
  endUnit(): void {
    const size = this.#length - this.#unitStart;
    if (size > MAX_FIELDS_BYTES) {
      this.#length = this.#unitStart - 3;
      this.#unitStart = -1;
      throw tooLarge(`a header or trailer of ${size} bytes is above the limit of ${MAX_FIELDS_BYTES} bytes`);
    }
    this.#buffer[this.#unitStart - 2] = 0x40 | (size >> 8);
    this.#buffer[this.#unitStart - 1] = size & 0xff;
    this.#unitStart = -1;
  }

  /** The head of a MESSAGE; its `size` bytes follow as a piece of their own, not copied here. */
  messageHead(size: number): void {
    this.u8(UnitType.MESSAGE);
    this.varint(size);
  }

  /** A whole MESSAGE. For small ones: a copy costs less than a second piece. */
  message(body: Uint8Array): void {
    this.messageHead(body.length);
    this.write(body);
  }

  u8(value: number): void {
    this.#reserve(1);
    this.#buffer[this.#length++] = value;
  }

  /** RFC 9000 §16, in the shortest form. `value` is a non-negative safe integer. */
  varint(value: number): void {
    this.#reserve(MAX_VARINT_BYTES);
    const buffer = this.#buffer;
    if (value < 0x40) {
      buffer[this.#length++] = value;
    } else if (value < 0x4000) {
      buffer[this.#length++] = 0x40 | (value >> 8);
      buffer[this.#length++] = value;
    } else if (value < 0x4000_0000) {
      this.#u32(0x8000_0000 + value);
    } else {
      assert(value <= Number.MAX_SAFE_INTEGER, 'a varint is a non-negative safe integer');
      const high = Math.floor(value / 0x1_0000_0000);
      this.#u32(0xc000_0000 + high);
      this.#u32(value % 0x1_0000_0000);
    }
  }

  write(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** UTF-8 after its length. Short ASCII, which is nearly all of it, without an encoder call. */
  text(value: string): void {
    const size = value.length;
    if (size < SHORT_TEXT && this.#asciiText(value, size)) return;
    const bytes = encoder.encode(value);
    this.varint(bytes.length);
    this.write(bytes);
  }

  /** ASCII without a length before it. */
  ascii(value: string): void {
    const size = value.length;
    this.#reserve(size);
    for (let index = 0; index < size; index++) this.#buffer[this.#length++] = value.charCodeAt(index);
  }

  varintField(tag: number, value: number): void {
    this.u8(tag);
    this.u8(varintLength(value));
    this.varint(value);
  }

  textField(tag: number, value: string): void {
    this.u8(tag);
    this.text(value);
  }

  bytesField(tag: number, value: Uint8Array): void {
    this.u8(tag);
    this.varint(value.length);
    this.write(value);
  }

  #asciiText(value: string, size: number): boolean {
    this.#reserve(size + 1);
    const buffer = this.#buffer;
    let position = this.#length + 1;
    for (let index = 0; index < size; index++) {
      const unit = value.charCodeAt(index);
      if (unit >= 0x80) return false;
      buffer[position++] = unit;
    }
    buffer[this.#length] = size;
    this.#length = position;
    return true;
  }

  #u32(value: number): void {
    const buffer = this.#buffer;
    buffer[this.#length++] = value >>> 24;
    buffer[this.#length++] = value >>> 16;
    buffer[this.#length++] = value >>> 8;
    buffer[this.#length++] = value;
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes;
    if (needed <= this.#buffer.length) return;
    const grown = new Uint8Array(Math.max(needed, this.#buffer.length * 2));
    grown.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = grown;
  }
}

export function varintLength(value: number): number {
  if (value < 0x40) return 1;
  if (value < 0x4000) return 2;
  return value < 0x4000_0000 ? 4 : 8;
}

const encoder = new TextEncoder();

/** Holds a usual call whole; grows to the largest header and small message that it met. */
const INITIAL_BYTES = 4_096;

/** One byte of varint says the length of what is shorter. */
const SHORT_TEXT = 0x40;
