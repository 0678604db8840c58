/**
 * The bytes of a message as pieces: where the codec writes with the writer of `@bufbuild/protobuf`, as the code of ts-proto
 * does, a large `bytes` field stays the array that it is and is copied once, into the stream. What any other codec makes is
 * one piece.
 */
import { BinaryWriter } from '@bufbuild/protobuf/wire';
import { joinPieces, sizeOf } from './pieces.js';
import { type MessageCodec, wholeMessage } from './service-definition.js';

export class MessageEncoder {
  readonly #codec: MessageCodec;
  /** Whether the codec takes a writer of ours; not known before its first message. */
  #takesWriter: boolean | undefined;

  constructor(codec: MessageCodec) {
    this.#codec = codec;
  }

  /** One array that is nobody else's. Throws what the codec throws. */
  encodeWhole(message: unknown): Uint8Array {
    const pieces = this.encode(message);
    const [only] = pieces;
    if (only !== undefined && pieces.length === 1) return only;
    return joinPieces(pieces, sizeOf(pieces));
  }

  /** Pieces may be the caller's own arrays: to be written, or copied, before the caller goes on. Throws what the codec throws. */
  encode(message: unknown): readonly Uint8Array[] {
    const whole = wholeMessage(this.#codec, message) as never;
    if (this.#takesWriter !== true) {
      const made = this.#codec.encode(whole);
      this.#takesWriter ??= made instanceof BinaryWriter;
      return [made.finish()];
    }
    const writer = sharedWriter;
    try {
      const made = this.#codec.encode(whole, writer as never);
      // It makes its own after all.
      return made === writer ? writer.takePieces() : [made.finish()];
    } finally {
      writer.clear();
    }
  }
}

class PieceWriter extends BinaryWriter {
  #pieces: Uint8Array[] = [];
  #forkDepth = 0;
  #isUsed = false;

  takePieces(): readonly Uint8Array[] {
    const rest = this.finish();
    if (rest.length > 0 || this.#pieces.length === 0) this.#pieces.push(rest);
    if (rest.length > MAX_KEPT_BYTES) sharedWriter = new PieceWriter();
    this.#isUsed = false;
    return this.#pieces;
  }

  /** Also after a codec has thrown in the middle of a message. */
  clear(): void {
    if (this.#isUsed) this.finish();
    this.#isUsed = false;
    this.#pieces = [];
    this.#forkDepth = 0;
  }

  /** The length of what is between `fork` and `join` is written before it: nothing in there can be left out. */
  override fork(): this {
    this.#forkDepth++;
    return super.fork();
  }

  override join(): this {
    this.#forkDepth--;
    return super.join();
  }

  override uint32(value: number): this {
    this.#isUsed = true;
    return super.uint32(value);
  }

  override bytes(value: Uint8Array): this {
    if (value.length < MIN_PIECE_BYTES || this.#forkDepth > 0) return super.bytes(value);
    this.uint32(value.length);
    this.#pieces.push(this.finish(), value);
    return this;
  }
}

/** Messages are encoded one after the other: one writer, whose buffer is used again, does for all. */
let sharedWriter = new PieceWriter();

/** Below it a copy costs less than two more pieces. */
const MIN_PIECE_BYTES = 4_096;

/** A writer that has grown beyond this for one large message is not kept for small ones. */
const MAX_KEPT_BYTES = 65_536;
