/**
 * The messages of an HTTP/2 stream as they are asked for: the stream flows only while somebody waits, so a slow reader
 * closes its peer's window and fills no memory of ours. Whoever owns the stream says when it has ended without its end.
 */
import { type Http2Stream } from 'node:http2';
import { type MessageReader } from './message-reader.js';

export class IncomingMessages implements AsyncIterableIterator<Uint8Array, void, undefined> {
  readonly #stream: Http2Stream;
  readonly #reader: MessageReader;
  /** Of the one `next` that has no answer yet: it is not called again before that. */
  #waiting: Waiting | undefined;
  #hasEnded = false;
  #isOver = false;
  #failure: { readonly error: unknown } | undefined;

  constructor(stream: Http2Stream, reader: MessageReader) {
    this.#stream = stream;
    this.#reader = reader;
    stream.pause();
    stream.on('data', (chunk: Buffer) => {
      if (this.#isOver) return;
      // Not a Buffer: its `slice` is no copy.
      reader.push(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length));
      this.#readOn();
    });
    stream.on('end', () => {
      this.#hasEnded = true;
      this.#readOn();
    });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<Uint8Array, void>> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#readOn();
    });
  }

  /** Nobody reads on: what else comes is thrown away. */
  return(): Promise<IteratorResult<Uint8Array, void>> {
    this.#isOver = true;
    this.#readOn();
    if (!this.#stream.destroyed) this.#stream.resume();
    return Promise.resolve(DONE);
  }

  /** The stream has gone before its end: `next` rejects with it, behind what has come whole. */
  fail(error: unknown): void {
    this.#failure ??= { error };
    this.#readOn();
  }

  #readOn(): void {
    const waiting = this.#waiting;
    if (waiting === undefined) {
      if (!this.#hasEnded && !this.#isOver) this.#stream.pause();
      return;
    }
    try {
      const message = this.#isOver ? undefined : this.#reader.next();
      if (message !== undefined) {
        this.#waiting = undefined;
        waiting.resolve({ done: false, value: message });
      } else if (this.#isOver || this.#hasEnded) {
        if (!this.#isOver) this.#reader.end();
        this.#isOver = true;
        this.#waiting = undefined;
        waiting.resolve(DONE);
      } else if (this.#failure !== undefined) {
        throw this.#failure.error;
      } else {
        this.#stream.resume();
      }
    } catch (error) {
      this.#isOver = true;
      this.#waiting = undefined;
      waiting.reject(error);
    }
  }
}

interface Waiting {
  resolve(result: IteratorResult<Uint8Array, void>): void;
  reject(error: unknown): void;
}

const DONE = { done: true, value: undefined } as const;
