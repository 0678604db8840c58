/**
 * The sending half of a call's stream: puts an answer together and hands it to the transport in one call where there is
 * room, else keeps the rest until there is. What waits is bounded by the limit on messages, and by the call's deadline.
 */
import { type Metadata } from 'nice-grpc-common';
import { type MetadataLimit } from '../framing/metadata-limit.js';
import { writeResponseHeader } from '../framing/response-header.js';
import { type Trailer, writeTrailer } from '../framing/trailer.js';
import { type UnitWriter } from '../framing/unit-writer.js';
import { restOf, sizeOf } from '../pieces.js';
import { type StreamTransport } from '../stream-transport.js';

export class ResponseStream {
  readonly #transport: StreamTransport;
  readonly #streamId: number;
  readonly #writer: UnitWriter;
  readonly #metadataLimit: MetadataLimit;
  /** What the transport had no room for. */
  #unsent: Uint8Array[] | undefined;
  #isEnded = false;
  #isDropped = false;

  constructor(
    transport: StreamTransport,
    streamId: number,
    writer: UnitWriter,
    metadataLimit: MetadataLimit,
  ) {
    this.#transport = transport;
    this.#streamId = streamId;
    this.#writer = writer;
    this.#metadataLimit = metadataLimit;
  }

  get isDropped(): boolean {
    return this.#isDropped;
  }

  /** Returns what it has written, to be copied. Throws FramingError, and has written nothing then. */
  writeHeader(header: Metadata): Uint8Array {
    const writer = this.#writer;
    writer.clear();
    writeResponseHeader(writer, header, this.#metadataLimit);
    this.#write([writer.bytes], false);
    return writer.bytes;
  }

  /**
   * One message of a stream, the header before it when there is one. Its pieces are used, or copied, before it returns.
   * True when the transport took everything. Throws FramingError, and has written nothing then.
   */
  writeMessage(header: Metadata | undefined, body: readonly Uint8Array[]): boolean {
    const writer = this.#writer;
    writer.clear();
    if (header !== undefined) writeResponseHeader(writer, header, this.#metadataLimit);
    const size = sizeOf(body);
    writer.messageHead(size);
    if (size > MAX_COPIED_BYTES) return this.#write([writer.bytes, ...body], false);
    for (const piece of body) writer.write(piece);
    return this.#write([writer.bytes], false);
  }

  /**
   * The pieces of `body` are used, or copied, before it returns. `keep` is given all that is written, to be copied. True
   * when the transport took everything. Throws FramingError, and has written nothing then.
   */
  writeAnswer(
    header: Metadata | undefined,
    body: readonly Uint8Array[] | undefined,
    trailer: Trailer,
    fin: boolean,
    keep?: (pieces: readonly Uint8Array[]) => void,
  ): boolean {
    const pieces = this.#pieces(header, body, trailer);
    keep?.(pieces);
    return this.#write(pieces, fin);
  }

  /** An answer that was given before, as it was. True when the transport took everything. */
  writeReply(bytes: Uint8Array): boolean {
    return this.#write([bytes], true, true);
  }

  #pieces(
    header: Metadata | undefined,
    body: readonly Uint8Array[] | undefined,
    trailer: Trailer,
  ): readonly Uint8Array[] {
    const writer = this.#writer;
    writer.clear();
    if (header !== undefined) writeResponseHeader(writer, header, this.#metadataLimit);
    if (body === undefined) {
      writeTrailer(writer, trailer, this.#metadataLimit);
      return [writer.bytes];
    }
    const size = sizeOf(body);
    writer.messageHead(size);
    if (size <= MAX_COPIED_BYTES) {
      for (const piece of body) writer.write(piece);
      writeTrailer(writer, trailer, this.#metadataLimit);
      return [writer.bytes];
    }
    const bodyOffset = writer.length;
    writeTrailer(writer, trailer, this.#metadataLimit);
    const { bytes } = writer;
    return [bytes.subarray(0, bodyOffset), ...body, bytes.subarray(bodyOffset)];
  }

  /** Ends an answer that was written without its end. False when the transport has not taken all of it yet. */
  finish(): boolean {
    return this.#write([], true);
  }

  /** There is room again. True when all that was written is taken with that. */
  onWritable(): boolean {
    const unsent = this.#unsent;
    if (unsent === undefined) return false;
    this.#unsent = undefined;
    return this.#write(unsent, this.#isEnded, true);
  }

  /** The answer ended with what was written last. */
  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** Nothing more is written, whatever is asked. */
  drop(): void {
    this.#isDropped = true;
    this.#unsent = undefined;
  }

  /** `isOurs`: nobody else writes to these arrays. Else, as the writer's bytes are used again and a handler's array is the handler's, what must wait is copied. */
  #write(pieces: readonly Uint8Array[], fin: boolean, isOurs = false): boolean {
    this.#isEnded = fin;
    if (this.#isDropped) return true;
    const copiedCount = isOurs ? 0 : pieces.length;
    if (this.#unsent !== undefined) {
      this.#unsent.push(...restOf(pieces, 0, copiedCount));
      return false;
    }
    const size = sizeOf(pieces);
    const taken = this.#transport.writeStream(this.#streamId, pieces, fin);
    if (taken >= size) return true;
    this.#unsent = restOf(pieces, taken, copiedCount);
    return false;
  }
}

/** Up to here a copy into the writer costs less than two more pieces. */
const MAX_COPIED_BYTES = 2_048;
