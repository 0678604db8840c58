/**
 * Cuts a call's stream into units, however the transport cut it into chunks. A unit that lies whole in one chunk is
 * given as a view of it; one that does not is put together in an array of its own. A large message owns its memory, so the
 * others of its chunk are copied (`owned-memory.ts`). Its declared length is checked first
 * [RPC-2], and the array grows with what comes, so that a length alone costs next to nothing. Throws FramingError; after that the stream is not to be read any further.
 */
import { assert } from '../../base/assert.js';
import { giveMemory, isMinorPart, MIN_OWNED_BYTES } from '../../base/owned-memory.js';
import { withRoom } from '../../base/with-room.js';
import { malformed, tooLarge } from './framing-error.js';
import {
  type CallUnitType,
  isUnitType,
  MAX_FIELDS_BYTES,
  MAX_VARINT_BYTES,
  type Unit,
  UnitType,
} from './unit.js';

export class UnitReader {
  #maxMessageBytes: number;
  #limitName: string;
  #chunk: Uint8Array = NO_BYTES;
  #offset = 0;
  /** The bytes of a unit's head of which the rest is in a later chunk. */
  #head: Uint8Array | undefined;
  #headLength = 0;
  #type: CallUnitType = UnitType.HEADER;
  /** Room for the first bytes of a unit whose rest is to come. */
  #body: Uint8Array | undefined;
  #bodyBytes = 0;
  #bodyFilled = 0;

  /** `limitName`: what errors call the limit, so that whoever meets one knows what to change. */
  constructor(maxMessageBytes: number, limitName = 'the limit') {
    this.#maxMessageBytes = maxMessageBytes;
    this.#limitName = limitName;
  }

  /** Another limit for the messages that follow: known when the header is read. */
  limitMessages(maxMessageBytes: number, limitName: string): void {
    this.#maxMessageBytes = maxMessageBytes;
    this.#limitName = limitName;
  }

  /** Gives the next bytes of the stream. Only after `next` has answered undefined, which it does at the beginning. */
  push(chunk: Uint8Array): void {
    assert(this.#offset === this.#chunk.length, 'the chunk before this one was not read to its end');
    this.#chunk = chunk;
    this.#offset = 0;
  }

  /** The next whole unit, or undefined when it takes more bytes. */
  next(): Unit | undefined {
    if (this.#body !== undefined) return this.#fill(this.#body);
    if (this.#offset === this.#chunk.length) return undefined;
    return this.#headLength > 0 ? this.#nextWithSplitHead() : this.#nextInChunk();
  }

  /** The stream may end here: it is not in the middle of a unit. */
  get isAtBoundary(): boolean {
    return this.#body === undefined && this.#headLength === 0 && this.#offset === this.#chunk.length;
  }

  #nextInChunk(): Unit | undefined {
    const chunk = this.#chunk;
    const available = chunk.length - this.#offset;
    const varintBytes = available < 2 ? MAX_VARINT_BYTES : 1 << ((chunk[this.#offset + 1] ?? 0) >> 6);
    if (available < 1 + varintBytes) return this.#nextWithSplitHead();
    const start = this.#offset;
    this.#offset += 1 + varintBytes;
    return this.#unit(chunk[start] ?? 0, decodeVarint(chunk, start + 1));
  }

  #nextWithSplitHead(): Unit | undefined {
    const head = (this.#head ??= new Uint8Array(1 + MAX_VARINT_BYTES));
    while (this.#offset < this.#chunk.length) {
      head[this.#headLength++] = this.#chunk[this.#offset++] ?? 0;
      if (this.#headLength === 1) checkType(head[0] ?? 0);
      if (this.#headLength >= 2 && this.#headLength === 1 + (1 << ((head[1] ?? 0) >> 6))) {
        this.#headLength = 0;
        return this.#unit(head[0] ?? 0, decodeVarint(head, 1));
      }
    }
    return undefined;
  }

  /** The head says `type` and `size`; the reader stands behind it. */
  #unit(type: number, size: number): Unit | undefined {
    checkType(type);
    if (type === UnitType.MESSAGE) {
      if (size > this.#maxMessageBytes) {
        throw tooLarge(
          `a message of ${size} bytes is above ${this.#limitName} of ${this.#maxMessageBytes} bytes`,
        );
      }
    } else if (size > MAX_FIELDS_BYTES) {
      throw tooLarge(`a header or trailer of ${size} bytes is above the limit of ${MAX_FIELDS_BYTES} bytes`);
    }
    const chunk = this.#chunk;
    if (size <= chunk.length - this.#offset) {
      // Not subarray: of a Buffer that makes a Buffer, and decoders treat those differently.
      const body = new Uint8Array(chunk.buffer, chunk.byteOffset + this.#offset, size);
      this.#offset += size;
      return { type, body: type === UnitType.MESSAGE ? this.#owning(body) : body };
    }
    this.#type = type;
    this.#bodyBytes = size;
    this.#bodyFilled = 0;
    return this.#fill(NO_BYTES);
  }

  /** `body` as its reader may have it: with the memory that it is in, or copied from memory that others use. */
  #owning(body: Uint8Array): Uint8Array {
    if (body.buffer.byteLength < MIN_OWNED_BYTES) return body;
    if (isMinorPart(body)) return body.slice();
    this.#chunk = this.#offset < this.#chunk.length ? this.#chunk.slice(this.#offset) : NO_BYTES;
    this.#offset = 0;
    giveMemory(body);
    return body;
  }

  #fill(body: Uint8Array): Unit | undefined {
    const chunk = this.#chunk;
    const filled = this.#bodyFilled;
    const take = Math.min(this.#bodyBytes - filled, chunk.length - this.#offset);
    // [RPC-2] At most four times as many as have come.
    const roomy = withRoom(body, filled, filled + take, this.#bodyBytes);
    roomy.set(chunk.subarray(this.#offset, this.#offset + take), filled);
    this.#offset += take;
    this.#bodyFilled = filled + take;
    if (this.#bodyFilled < this.#bodyBytes) {
      this.#body = roomy;
      return undefined;
    }
    this.#body = undefined;
    giveMemory(roomy);
    return { type: this.#type, body: roomy };
  }
}

function checkType(type: number): asserts type is CallUnitType {
  if (!isUnitType(type)) throw malformed(`unit type 0x${type.toString(16)} is not known`);
}

/** RFC 9000 §16. The caller has made sure that all of it is there. */
function decodeVarint(bytes: Uint8Array, offset: number): number {
  const first = bytes[offset] ?? 0;
  const length = 1 << (first >> 6);
  let value = first & 0x3f;
  for (let index = 1; index < length; index++) value = value * 256 + (bytes[offset + index] ?? 0);
  if (value > Number.MAX_SAFE_INTEGER) throw malformed('a length is above 2^53-1');
  return value;
}

const NO_BYTES = new Uint8Array(0);
