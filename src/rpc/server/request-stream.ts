/**
 * The receiving half of a call's stream: header, messages, end, and nothing else. It stops after the header, so that a
 * call that is refused for what it says costs no memory for its messages, and after each message. Throws FramingError.
 * [RPC-1]
 */
import { malformed } from '../framing/framing-error.js';
import { type MetadataLimit } from '../framing/metadata-limit.js';
import { decodeRequestHeader, type RequestHeader } from '../framing/request-header.js';
import { UnitType } from '../framing/unit.js';
import { UnitReader } from '../framing/unit-reader.js';

export class RequestStream {
  readonly #reader: UnitReader;
  readonly #metadataLimit: MetadataLimit;
  #hasHeader = false;

  constructor(maxMessageBytes: number, metadataLimit: MetadataLimit) {
    this.#reader = new UnitReader(maxMessageBytes, LIMIT_NAME);
    this.#metadataLimit = metadataLimit;
  }

  /** The next bytes, after `readHeader` or `readMessage` has answered undefined. */
  push(chunk: Uint8Array): void {
    this.#reader.push(chunk);
  }

  /** The method of that path has a limit of its own. Before its first message is read. */
  limitMessages(maxMessageBytes: number, path: string): void {
    this.#reader.limitMessages(maxMessageBytes, `${LIMIT_NAME} for ${path}`);
  }

  /** The header, once, when it has come; undefined when all that was pushed is read. */
  readHeader(): RequestHeader | undefined {
    const unit = this.#reader.next();
    if (unit === undefined) return undefined;
    if (unit.type !== UnitType.HEADER) throw malformed('a request begins with its header');
    this.#hasHeader = true;
    return decodeRequestHeader(unit.body, this.#metadataLimit);
  }

  /** The next message, after the header; undefined when all that was pushed is read. */
  readMessage(): Uint8Array | undefined {
    const unit = this.#reader.next();
    if (unit === undefined) return undefined;
    if (unit.type === UnitType.HEADER) throw malformed('a request has one header');
    if (unit.type === UnitType.TRAILER) throw malformed('a request has no trailer');
    return unit.body;
  }

  /** The stream has ended. */
  end(): void {
    if (!this.#reader.isAtBoundary) throw malformed('a request ends in the middle of a unit');
    if (!this.#hasHeader) throw malformed('a request begins with its header');
  }
}

const LIMIT_NAME = "the server's maxReceiveMessageBytes";
