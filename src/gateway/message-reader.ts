/**
 * Messages out of the bytes of an HTTP/2 stream: each a flag, its length in four bytes, and itself (gRPC's
 * Length-Prefixed-Message). The length is held against the limit before anything is kept, and memory grows with
 * what has come, however small its pieces are. Throws GatewayError, after which nothing more is read.
 */
import { Status } from 'nice-grpc-common';
import { withRoom } from '../base/with-room.js';
import { joinPieces } from '../rpc/pieces.js';
import { GatewayError } from './grpc-status.js';

export interface MessageReaderOptions {
  /** `a request`: for errors. */
  readonly what: string;
  readonly maxBytes: number;
  /** The option that it comes from. */
  readonly limitName: string;
  /** `grpc-encoding`. Undefined: identity. */
  readonly encoding: string | undefined;
  /** What a compressed message is, which we have not said we take. */
  readonly compressedStatus: Status;
}

export class MessageReader {
  readonly #options: MessageReaderOptions;
  /** What came last and is in no message yet. */
  #rest: Uint8Array = NO_BYTES;
  /** Of the message whose prefix was read; -1: none. */
  #length = -1;
  /** Room for its first bytes where the rest is to come. */
  #body: Uint8Array = NO_BYTES;
  #filled = 0;

  constructor(options: MessageReaderOptions) {
    this.#options = options;
  }

  push(chunk: Uint8Array): void {
    this.#rest =
      this.#rest.length === 0 ? chunk : joinPieces([this.#rest, chunk], this.#rest.length + chunk.length);
  }

  /** The next message, perhaps a view of what was pushed; undefined: it has not come whole. */
  next(): Uint8Array | undefined {
    if (this.#length < 0) {
      if (this.#rest.length < PREFIX_BYTES) return undefined;
      this.#length = this.#readPrefix(this.#take(PREFIX_BYTES));
    }
    const message =
      this.#filled === 0 && this.#rest.length >= this.#length ? this.#take(this.#length) : this.#fill();
    if (message !== undefined) this.#length = -1;
    return message;
  }

  /** Nothing more will be pushed. */
  end(): void {
    if (this.#length < 0 && this.#rest.length === 0) return;
    throw new GatewayError(Status.INTERNAL, `${this.#options.what} ends in the middle of a message`);
  }

  #fill(): Uint8Array | undefined {
    const part = this.#take(Math.min(this.#length - this.#filled, this.#rest.length));
    const body = withRoom(this.#body, this.#filled, this.#filled + part.length, this.#length);
    body.set(part, this.#filled);
    this.#filled += part.length;
    const isWhole = this.#filled === this.#length;
    this.#body = isWhole ? NO_BYTES : body;
    if (!isWhole) return undefined;
    this.#filled = 0;
    return body;
  }

  #readPrefix(prefix: Uint8Array): number {
    const { what, maxBytes, limitName } = this.#options;
    const [flag = 0, a = 0, b = 0, c = 0, d = 0] = prefix;
    if (flag === 1) throw this.#compressed();
    if (flag !== 0) throw new GatewayError(Status.INTERNAL, `${what} has a message of unknown flag ${flag}`);
    const length = a * 0x1000000 + ((b << 16) | (c << 8) | d);
    if (length <= maxBytes) return length;
    const size = `a message of ${length} bytes is above the limit of ${maxBytes} bytes`;
    throw new GatewayError(Status.RESOURCE_EXHAUSTED, `${what}: ${size} (${limitName})`);
  }

  #compressed(): GatewayError {
    const { what, encoding = 'identity', compressedStatus } = this.#options;
    if (encoding === 'identity') {
      return new GatewayError(Status.INTERNAL, `${what} has a compressed message and no grpc-encoding`);
    }
    const details = `${what} is compressed (${encoding}), and the gateway takes only grpc-encoding: identity`;
    return new GatewayError(compressedStatus, details);
  }

  /** That many bytes are there. */
  #take(count: number): Uint8Array {
    const taken = this.#rest.subarray(0, count);
    this.#rest = count === this.#rest.length ? NO_BYTES : this.#rest.subarray(count);
    return taken;
  }
}

const PREFIX_BYTES = 5;
const NO_BYTES = new Uint8Array(0);
