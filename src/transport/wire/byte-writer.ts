/**
 * Writes integers and byte strings into memory that its user owns, up to `end`. Whoever writes has looked at
 * `remaining` first: running over is our bug and fails an assertion. `end` may be moved by the owner, to keep room
 * for what protection appends.
 */
import { assert } from '../../base/assert.js';
import { MAX_VARINT } from './varint.js';

const TWO_POW_32 = 0x1_0000_0000;

export class ByteWriter {
  readonly bytes: Uint8Array;
  /** Where the next byte is written. */
  offset: number;
  end: number;

  constructor(bytes: Uint8Array, offset = 0, end: number = bytes.length) {
    assert(offset >= 0 && offset <= end && end <= bytes.length, 'a writer stays within its bytes');
    this.bytes = bytes;
    this.offset = offset;
    this.end = end;
  }

  get remaining(): number {
    return this.end - this.offset;
  }

  u8(value: number): void {
    const offset = this.take(1);
    this.bytes[offset] = value;
  }

  u16(value: number): void {
    const { bytes } = this;
    const offset = this.take(2);
    bytes[offset] = value >>> 8;
    bytes[offset + 1] = value;
  }

  u32(value: number): void {
    this.putU32(this.take(4), value);
  }

  /** The shortest form of `value`, a whole number from 0 to 2^53-1 [VAR-1]. */
  varint(value: number): void {
    const { bytes } = this;
    if (value < 0x40) {
      assert(value >= 0, 'a varint is not negative');
      bytes[this.take(1)] = value;
    } else if (value < 0x4000) {
      const offset = this.take(2);
      bytes[offset] = 0x40 | (value >>> 8);
      bytes[offset + 1] = value;
    } else if (value < 0x4000_0000) {
      this.putU32(this.take(4), value + 0x8000_0000);
    } else {
      assert(value <= MAX_VARINT, 'a varint is at most 2^53-1');
      const offset = this.take(8);
      this.putU32(offset, Math.floor(value / TWO_POW_32) + 0xc000_0000);
      this.putU32(offset + 4, value % TWO_POW_32);
    }
  }

  /** The 2-byte form of `value`, so that it can be written before it is known and patched afterwards. */
  varint2(value: number): void {
    assert(value >= 0 && value < 0x4000, 'a 2-byte varint is below 16,384');
    this.u16(0x4000 | value);
  }

  /** Copies `view`. */
  write(view: Uint8Array): void {
    this.bytes.set(view, this.take(view.length));
  }

  private take(length: number): number {
    const { offset } = this;
    const next = offset + length;
    assert(next <= this.end, 'a writer has room for what is written');
    this.offset = next;
    return offset;
  }

  private putU32(offset: number, value: number): void {
    const { bytes } = this;
    bytes[offset] = value >>> 24;
    bytes[offset + 1] = value >>> 16;
    bytes[offset + 2] = value >>> 8;
    bytes[offset + 3] = value;
  }
}
