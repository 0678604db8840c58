/**
 * The sending half of a call's stream: puts an answer together and hands it to the transport in one call where there is
 * room, else keeps the rest until there is. What waits is bounded by the limit on messages, and by the call's deadline.
 */
import { type Metadata } from 'nice-grpc-common';
import { writeResponseHeader } from '../framing/response-header.js';
import { type Trailer, writeTrailer } from '../framing/trailer.js';
import { type UnitWriter } from '../framing/unit-writer.js';
import { type StreamTransport } from '../stream-transport.js';

export class ResponseStream {
  readonly #transport: StreamTransport;
  readonly #streamId: number;
  readonly #writer: UnitWriter;
  /** What the transport had no room for. */
  #unsent: Uint8Array[] | undefined;
  #endsAfterUnsent = false;
  #isDropped = false;

  constructor(transport: StreamTransport, streamId: number, writer: UnitWriter) {
    this.#transport = transport;
    this.#streamId = streamId;
    this.#writer = writer;
  }

  get isDropped(): boolean {
    return this.#isDropped;
  }

  /** Throws FramingError, and has written nothing then. */
  writeHeader(header: Metadata): void {
    const writer = this.#writer;
    writer.clear();
    writeResponseHeader(writer, header);
    this.#write([writer.bytes], false);
  }

  /** True when the transport took everything. Throws FramingError, and has written nothing then. */
  writeAnswer(
    header: Metadata | undefined,
    body: Uint8Array | undefined,
    trailer: Trailer,
    fin: boolean,
  ): boolean {
    const writer = this.#writer;
    writer.clear();
    if (header !== undefined) writeResponseHeader(writer, header);
    if (body !== undefined && body.length > MAX_COPIED_BYTES) {
      writer.messageHead(body.length);
      const bodyOffset = writer.length;
      writeTrailer(writer, trailer);
      const { bytes } = writer;
      return this.#write([bytes.subarray(0, bodyOffset), body, bytes.subarray(bodyOffset)], fin);
    }
    if (body !== undefined) writer.message(body);
    writeTrailer(writer, trailer);
    return this.#write([writer.bytes], fin);
  }

  /** Ends an answer that was written without its end. False when the transport has not taken all of it yet. */
  finish(): boolean {
    return this.#write([], true);
  }

  /** There is room again. True when the answer has ended with that. */
  onWritable(): boolean {
    const unsent = this.#unsent;
    if (unsent === undefined) return false;
    this.#unsent = undefined;
    return this.#write(unsent, this.#endsAfterUnsent) && this.#endsAfterUnsent;
  }

  /** Nothing more is written, whatever is asked. */
  drop(): void {
    this.#isDropped = true;
    this.#unsent = undefined;
  }

  #write(pieces: readonly Uint8Array[], fin: boolean): boolean {
    if (this.#isDropped) return true;
    if (this.#unsent !== undefined) {
      this.#endsAfterUnsent = fin;
      this.#keep(this.#unsent, pieces, 0);
      return false;
    }
    let size = 0;
    for (const piece of pieces) size += piece.length;
    const taken = this.#transport.writeStream(this.#streamId, pieces, fin);
    if (taken >= size) return true;
    this.#endsAfterUnsent = fin;
    this.#unsent = [];
    this.#keep(this.#unsent, pieces, taken);
    return false;
  }

  /** The writer's bytes are used again and so copied; a body is nobody else's. */
  #keep(unsent: Uint8Array[], pieces: readonly Uint8Array[], taken: number): void {
    const reused = this.#writer.bytes.buffer;
    let skip = taken;
    for (const piece of pieces) {
      if (skip >= piece.length) {
        skip -= piece.length;
        continue;
      }
      unsent.push(piece.buffer === reused ? piece.slice(skip) : piece.subarray(skip));
      skip = 0;
    }
  }
}

/** Up to here a copy into the writer costs less than two more pieces. */
const MAX_COPIED_BYTES = 2_048;
