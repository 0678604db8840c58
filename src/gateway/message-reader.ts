/**
 * Messages out of the bytes of an HTTP/2 stream: each a flag, its length in four bytes, and itself (gRPC's
 * Length-Prefixed-Message). The length is held against the limit before anything is kept, and memory is taken only for
 * what has come. Throws GatewayError, after which nothing more is read.
 */
import { Status } from 'nice-grpc-common';
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
  readonly #chunks: Uint8Array[] = [];
  #size = 0;
  /** Of the message whose prefix was read; -1: none. */
  #length = -1;

  constructor(options: MessageReaderOptions) {
    this.#options = options;
  }

  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#size += chunk.length;
  }

  /** The next message, perhaps a view of what was pushed; undefined: it has not come whole. */
  next(): Uint8Array | undefined {
    if (this.#length < 0) {
      if (this.#size < PREFIX_BYTES) return undefined;
      this.#length = this.#readPrefix(this.#take(PREFIX_BYTES));
    }
    if (this.#size < this.#length) return undefined;
    const message = this.#take(this.#length);
    this.#length = -1;
    return message;
  }

  /** Nothing more will be pushed. */
  end(): void {
    if (this.#length < 0 && this.#size === 0) return;
    throw new GatewayError(Status.INTERNAL, `${this.#options.what} ends in the middle of a message`);
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
    this.#size -= count;
    const [first = NO_BYTES] = this.#chunks;
    if (first.length >= count) {
      if (first.length === count) this.#chunks.shift();
      else this.#chunks[0] = first.subarray(count);
      return first.subarray(0, count);
    }
    const taken = new Uint8Array(count);
    let offset = 0;
    let used = 0;
    for (const chunk of this.#chunks) {
      const part = chunk.subarray(0, count - offset);
      taken.set(part, offset);
      offset += part.length;
      if (part.length < chunk.length) {
        this.#chunks[used] = chunk.subarray(part.length);
        break;
      }
      used++;
      if (offset === count) break;
    }
    this.#chunks.splice(0, used);
    return taken;
  }
}

const PREFIX_BYTES = 5;
const NO_BYTES = new Uint8Array(0);
