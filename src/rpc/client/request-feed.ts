/**
 * The messages of a streamed request, from the caller's iterable to the attempt that runs: the next one is asked for
 * when the one before was taken by the transport, so a generator runs no further ahead than there is credit. What was
 * sent is kept, up to a limit, so that another attempt can begin with it; beyond the limit there is no other attempt.
 * Whatever ends the call, the iterable is told by `return`, so that `finally` blocks run.
 */
import { type Clock } from '../../base/clock.js';
import { TurnShare } from '../turn-share.js';
import { type Attempt } from './attempt.js';
import { type UnitWriter } from '../framing/unit-writer.js';
import { joinPieces, sizeOf } from '../pieces.js';

export interface FeedOwner {
  /** The pieces of a message; throws what the codec throws. */
  encodeMessage(message: unknown): readonly Uint8Array[];
  /** Of the message that is about to be sent. False when the call has ended for it. */
  mayEncode(bytes: number): boolean;
  onMessageSent(): void;
  /** The message could not be encoded. */
  onUnencodable(error: unknown): void;
  /** The caller's iterable threw. */
  onRequestFailed(error: unknown): void;
}

export class RequestFeed {
  readonly #owner: FeedOwner;
  readonly #iterable: AsyncIterable<unknown> | Iterable<unknown>;
  readonly #writer: UnitWriter;
  #iterator: AsyncIterator<unknown> | Iterator<unknown> | undefined;
  readonly #share: TurnShare;
  #attempt: Attempt | undefined;
  #isAsking = false;
  /** The iterable has no more. */
  #isComplete = false;
  #isOver = false;
  /** Messages that were sent, as units; undefined when they are not kept any more. */
  #sent: Uint8Array[] | undefined = [];
  #sentBytes = 0;
  /** How many of these the attempt has. */
  #position = 0;

  constructor(
    owner: FeedOwner,
    iterable: AsyncIterable<unknown> | Iterable<unknown>,
    writer: UnitWriter,
    clock: Clock,
  ) {
    this.#owner = owner;
    this.#iterable = iterable;
    this.#writer = writer;
    this.#share = new TurnShare(clock, () => {
      if (this.#attempt !== undefined) this.onWritable(this.#attempt);
    });
  }

  /** Another attempt could be given the request from its beginning. */
  get canReplay(): boolean {
    return this.#sent !== undefined;
  }

  /** The attempt has room for a message: the first time it is given all from the beginning. */
  onWritable(attempt: Attempt): void {
    if (this.#isOver) return;
    if (attempt !== this.#attempt) {
      this.#attempt = attempt;
      this.#position = 0;
    }
    while (this.#sent !== undefined && this.#position < this.#sent.length) {
      if (!attempt.mayWrite) return;
      const unit = this.#sent[this.#position++];
      if (unit !== undefined) attempt.writePieces([unit], false);
    }
    if (!attempt.mayWrite) return;
    if (this.#isComplete) attempt.writePieces([], true);
    else this.#ask();
  }

  /** There will be no other attempt: what was sent need not be kept. */
  commit(): void {
    this.#sent = undefined;
  }

  /** Nothing more is wanted, now or later: the server reads no more, or the call has ended. Idempotent. */
  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#sent = undefined;
    this.#attempt = undefined;
    if (!this.#isComplete) this.#closeIterator();
  }

  #ask(): void {
    if (this.#isAsking || this.#share.isSpent) return;
    this.#isAsking = true;
    let next: Promise<IteratorResult<unknown>>;
    try {
      this.#iterator ??= iteratorOf(this.#iterable);
      next = Promise.resolve(this.#iterator.next());
    } catch (error) {
      this.#onFailed(error);
      return;
    }
    next.then(this.#onNext, this.#onFailed);
  }

  readonly #onNext = (result: IteratorResult<unknown>): void => {
    this.#isAsking = false;
    if (this.#isOver) return;
    if (result.done === true) {
      this.#isComplete = true;
    } else if (!this.#take(result.value)) {
      return;
    }
    if (this.#attempt !== undefined) this.onWritable(this.#attempt);
  };

  readonly #onFailed = (error: unknown): void => {
    this.#isAsking = false;
    // It has ended by that: there is nothing to close.
    this.#isComplete = true;
    if (!this.#isOver) this.#owner.onRequestFailed(error);
  };

  /** False when the call has ended for it. */
  #take(message: unknown): boolean {
    let pieces: readonly Uint8Array[];
    try {
      pieces = this.#owner.encodeMessage(message);
    } catch (error) {
      this.#owner.onUnencodable(error);
      return false;
    }
    const bytes = sizeOf(pieces);
    if (!this.#owner.mayEncode(bytes)) return false;
    const writer = this.#writer;
    writer.clear();
    writer.messageHead(bytes);
    if (bytes <= MAX_COPIED_BYTES) {
      for (const piece of pieces) writer.write(piece);
      this.#send([writer.bytes], writer.length);
    } else {
      this.#send([writer.bytes, ...pieces], writer.length + bytes);
    }
    this.#owner.onMessageSent();
    this.#share.spend();
    return !this.#isOver;
  }

  #send(pieces: readonly Uint8Array[], bytes: number): void {
    const attempt = this.#attempt?.mayWrite === true ? this.#attempt : undefined;
    // Between two attempts it is kept, however large, for the one that comes.
    const isKept = attempt === undefined || this.#sentBytes + bytes <= MAX_KEPT_BYTES;
    if (isKept && this.#sent !== undefined) {
      this.#sentBytes += bytes;
      this.#sent.push(joinPieces(pieces, bytes));
    } else {
      this.#sent = undefined;
    }
    this.#position++;
    attempt?.writePieces(pieces, false);
  }

  /** A generator that waits for something goes on waiting; what comes of it is nobody's business any more. */
  #closeIterator(): void {
    const iterator = this.#iterator;
    if (iterator?.return === undefined) return;
    try {
      Promise.resolve(iterator.return()).catch(ignore);
    } catch {
      // The call has ended already: whoever wrote the iterable may throw as he likes.
    }
  }
}

function iteratorOf(
  iterable: AsyncIterable<unknown> | Iterable<unknown>,
): AsyncIterator<unknown> | Iterator<unknown> {
  return Symbol.asyncIterator in iterable ? iterable[Symbol.asyncIterator]() : iterable[Symbol.iterator]();
}

const ignore = (): void => undefined;

/** Up to here a copy into the writer costs less than more pieces. */
const MAX_COPIED_BYTES = 2_048;

/** As much of a request is kept for another attempt. gRPC for Go and Java keep as much of a call. */
const MAX_KEPT_BYTES = 262_144;
