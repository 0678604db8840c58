/**
 * Reads what stands inside a unit [RPC-3]: varints, texts, the fields of HEADER and TRAILER (tag, length varint, value).
 * Never reads past the body: a field or number that does is a FramingError. Each field is visited with `nextField`;
 * `value*` then read all of it, and a value that is longer or shorter than its kind is malformed too.
 */
import { malformed, notUnderstood } from './framing-error.js';
import { type TextMemory } from './text-memory.js';

export class FieldReader {
  readonly #body: Uint8Array;
  #offset = 0;
  #valueEnd = 0;
  #tag = 0;

  constructor(body: Uint8Array) {
    this.#body = body;
  }

  /** Goes to the next field, whatever was read of the one before. False after the last one. */
  nextField(): boolean {
    this.#offset = this.#valueEnd;
    if (this.#offset >= this.#body.length) return false;
    this.#valueEnd = this.#body.length;
    this.#tag = this.#u8();
    const length = this.varint();
    if (length > this.#body.length - this.#offset) throw malformed('a field is longer than its header');
    this.#valueEnd = this.#offset + length;
    return true;
  }

  get tag(): number {
    return this.#tag;
  }

  get isEmpty(): boolean {
    return this.#offset === this.#valueEnd;
  }

  /** A field whose meaning this version does not know: may be passed over, unless its tag forbids it. */
  skipUnknown(): void {
    if ((this.#tag & REQUIRED_BIT) !== 0) {
      throw notUnderstood(
        `field 0x${this.#tag.toString(16)} must be understood and is not known to this version`,
      );
    }
  }

  valueVarint(): number {
    const value = this.varint();
    if (this.#offset !== this.#valueEnd) throw malformed('a number is shorter than its field');
    return value;
  }

  valueText(): string {
    return this.#text(this.#valueEnd);
  }

  /** The same for a text that is likely to have come before. */
  valueTextFrom(memory: TextMemory): string {
    const start = this.#offset;
    const end = this.#valueEnd;
    const known = memory.find(this.#body, start, end);
    if (known !== undefined) {
      this.#offset = end;
      return known;
    }
    const text = this.#text(end);
    memory.remember(this.#body, start, end, text);
    return text;
  }

  /** A view of the rest of the value. */
  valueBytes(): Uint8Array {
    const bytes = this.#body.subarray(this.#offset, this.#valueEnd);
    this.#offset = this.#valueEnd;
    return bytes;
  }

  /** A part of the value: a view of the next `length` bytes. */
  bytes(length: number): Uint8Array {
    const end = this.#offset + length;
    if (end > this.#valueEnd) throw malformed('a field ends too early');
    const bytes = this.#body.subarray(this.#offset, end);
    this.#offset = end;
    return bytes;
  }

  /** A part of the value: UTF-8 after its length. */
  text(): string {
    const length = this.varint();
    if (length > this.#valueEnd - this.#offset) throw malformed('a text is longer than its field');
    return this.#text(this.#offset + length);
  }

  /** A part of the value. */
  varint(): number {
    const first = this.#u8();
    const length = 1 << (first >> 6);
    let value = first & 0x3f;
    for (let index = 1; index < length; index++) value = value * 256 + this.#u8();
    if (value > Number.MAX_SAFE_INTEGER) throw malformed('a number is above 2^53-1');
    return value;
  }

  #u8(): number {
    const value = this.#offset < this.#valueEnd ? this.#body[this.#offset++] : undefined;
    if (value === undefined) throw malformed('a header ends in the middle of a field');
    return value;
  }

  #text(end: number): string {
    const start = this.#offset;
    this.#offset = end;
    if (end - start > SHORT_TEXT) return decodeUtf8(this.#body.subarray(start, end));
    let text = '';
    for (let index = start; index < end; index++) {
      const byte = this.#body[index] ?? 0;
      if (byte >= 0x80) return decodeUtf8(this.#body.subarray(start, end));
      text += String.fromCharCode(byte);
    }
    return text;
  }
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw malformed('a text is not UTF-8');
  }
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Tags with this bit belong to fields that must not be passed over. */
const REQUIRED_BIT = 0x80;

/** Up to here building the string by hand is quicker than a call of the decoder. */
const SHORT_TEXT = 64;
