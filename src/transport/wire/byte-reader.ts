/**
 * Reads integers and byte strings out of memory that a peer filled. Everything is checked against `end`: input that
 * is too short is the peer's fault and throws TransportError FRAME_ENCODING_ERROR, nothing else is ever thrown.
 * Every frame passes here, so integers are put together by shifts, without a DataView.
 */
import { assert } from '../../base/assert.js';
import { TransportError, TransportErrorCode } from '../transport-error.js';

const TWO_POW_32 = 0x1_0000_0000;

export class ByteReader {
  readonly bytes: Uint8Array;
  /** Where the next byte is read. */
  offset: number;
  readonly end: number;

  constructor(bytes: Uint8Array, offset = 0, end: number = bytes.length) {
    assert(offset >= 0 && offset <= end && end <= bytes.length, 'a reader stays within its bytes');
    this.bytes = bytes;
    this.offset = offset;
    this.end = end;
  }

  get remaining(): number {
    return this.end - this.offset;
  }

  u8(): number {
    const offset = this.take(1);
    return this.bytes[offset] as number;
  }

  u16(): number {
    const { bytes } = this;
    const offset = this.take(2);
    return ((bytes[offset] as number) << 8) | (bytes[offset + 1] as number);
  }

  u32(): number {
    return this.u32At(this.take(4));
  }

  /** A variable-length integer in any of its forms [VAR-1]; above 2^53-1 is an error [VAR-2]. */
  varint(): number {
    const { bytes, offset } = this;
    if (offset >= this.end) throw tooShort();
    const first = bytes[offset] as number;
    if (first < 0x40) {
      this.offset = offset + 1;
      return first;
    }
    if (first < 0x80) {
      this.take(2);
      return ((first & 0x3f) << 8) | (bytes[offset + 1] as number);
    }
    if (first < 0xc0) {
      this.take(4);
      // The top two bits are the length, so what is left never reaches the sign bit.
      return (
        ((first & 0x3f) << 24) |
        ((bytes[offset + 1] as number) << 16) |
        ((bytes[offset + 2] as number) << 8) |
        (bytes[offset + 3] as number)
      );
    }
    this.take(8);
    const high = this.u32At(offset) - 0xc000_0000;
    if (high > 0x1f_ffff) {
      throw new TransportError(TransportErrorCode.FRAME_ENCODING_ERROR, 'integer above 2^53-1');
    }
    return high * TWO_POW_32 + this.u32At(offset + 4);
  }

  /** The next `length` bytes as a view of the same memory: always a plain Uint8Array, also over a subclass. */
  view(length: number): Uint8Array {
    const offset = this.take(length);
    return new Uint8Array(this.bytes.buffer, this.bytes.byteOffset + offset, length);
  }

  skip(length: number): void {
    this.take(length);
  }

  /** Moves on by `length` and returns where it was. */
  private take(length: number): number {
    const { offset } = this;
    const next = offset + length;
    if (next > this.end) throw tooShort();
    this.offset = next;
    return offset;
  }

  private u32At(offset: number): number {
    const { bytes } = this;
    return (
      (((bytes[offset] as number) << 24) |
        ((bytes[offset + 1] as number) << 16) |
        ((bytes[offset + 2] as number) << 8) |
        (bytes[offset + 3] as number)) >>>
      0
    );
  }
}

function tooShort(): TransportError {
  return new TransportError(TransportErrorCode.FRAME_ENCODING_ERROR, 'input ends early');
}
