/**
 * The receiving half of a unary call's stream: header, one message, end, and nothing else. It stops after the header,
 * so that a call that is refused for what it says costs no memory for its message. Throws FramingError. [RPC-1]
 */
import { assert } from '../../base/assert.js';
import { malformed } from '../framing/framing-error.js';
import { decodeRequestHeader, type RequestHeader } from '../framing/request-header.js';
import { UnitType } from '../framing/unit.js';
import { UnitReader } from '../framing/unit-reader.js';

export class RequestStream {
  readonly #reader: UnitReader;
  #header: RequestHeader | undefined;
  #message: Uint8Array | undefined;

  constructor(maxMessageBytes: number) {
    this.#reader = new UnitReader(maxMessageBytes);
  }

  /** The next bytes; `read` follows, again after it gave the header. */
  push(chunk: Uint8Array): void {
    this.#reader.push(chunk);
  }

  /** The header, once, when it has come; undefined when all that was pushed is read. */
  read(): RequestHeader | undefined {
    for (let unit = this.#reader.next(); unit !== undefined; unit = this.#reader.next()) {
      switch (unit.type) {
        case UnitType.HEADER:
          if (this.#header !== undefined) throw malformed('a request has one header');
          this.#header = decodeRequestHeader(unit.body);
          return this.#header;
        case UnitType.MESSAGE:
          if (this.#header === undefined) throw malformed('a request begins with its header');
          if (this.#message !== undefined) throw malformed('a unary request has one message');
          this.#message = unit.body;
          break;
        case UnitType.TRAILER:
          throw malformed('a request has no trailer');
      }
    }
    return undefined;
  }

  /** The stream has ended: its message. */
  end(): Uint8Array {
    if (!this.#reader.isAtBoundary) throw malformed('a request ends in the middle of a unit');
    if (this.#message === undefined) throw malformed('a unary request has one message');
    assert(this.#header !== undefined, 'there is no message before a header');
    return this.#message;
  }
}
