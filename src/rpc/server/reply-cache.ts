/**
 * Answers of unary calls of undeclared idempotency, by request ID: a call that comes again, on whatever connection,
 * is answered with the bytes of the first answer, and while its handler runs it waits for them [AMO-5]. Only answers are
 * kept here; that a request was started is known longer, by `StartedRequests`. Time is looked at when something is
 * done, without timers: an idle server keeps what it has, which is no more than the limit.
 */
import { assert } from '../../base/assert.js';
import { RingQueue } from '../../base/ring-queue.js';
import { joinPieces, sizeOf } from '../pieces.js';

export interface ReplyCacheLimits {
  readonly maxCachedReplyBytes: number;
  readonly maxReplyCacheBytes: number;
}

/** Given the answer, all that went on the stream, or undefined when there is none to give. Must not throw. */
export type ReplyListener = (reply: Uint8Array | undefined) => void;

export class ReplyCache {
  readonly #limits: ReplyCacheLimits;
  readonly #known = new Map<string, Uint8Array | RunningReply>();
  /** Those that are kept, oldest first: all for as long. */
  readonly #byAge = new RingQueue<KeptReply>();
  #keptBytes = 0;

  constructor(limits: ReplyCacheLimits) {
    this.#limits = limits;
  }

  /** What the kept answers take, bookkeeping included. */
  get keptBytes(): number {
    return this.#keptBytes;
  }

  /** The answer, the call that will have one, or undefined: nothing is known here. */
  find(requestId: string, now: number): Uint8Array | RunningReply | undefined {
    this.#dropExpired(now);
    return this.#known.get(requestId);
  }

  /** The handler of a request that `find` does not know is about to start. */
  begin(requestId: string): RunningReply {
    assert(!this.#known.has(requestId), 'a request is started once');
    const running = new RunningReply(requestId, this.#onEnd);
    this.#known.set(requestId, running);
    return running;
  }

  readonly #onEnd: ReplyEnd = ({ requestId, hasListeners }, pieces, now) => {
    this.#dropExpired(now);
    this.#known.delete(requestId);
    if (pieces === undefined) return undefined;
    const size = sizeOf(pieces);
    const { maxCachedReplyBytes, maxReplyCacheBytes } = this.#limits;
    const cost = size + ENTRY_BYTES;
    const isKept = size <= maxCachedReplyBytes && cost <= maxReplyCacheBytes;
    if (!isKept && !hasListeners) return undefined;
    // An array of its own: a view would keep the whole of somebody's buffer.
    const bytes = joinPieces(pieces, size);
    if (!isKept) return bytes;
    while (this.#keptBytes + cost > maxReplyCacheBytes) this.#dropOldest();
    this.#known.set(requestId, bytes);
    this.#byAge.push({ requestId, bytes, expiresAt: now + KEPT_MS });
    this.#keptBytes += cost;
    return bytes;
  };

  #dropExpired(now: number): void {
    for (let oldest = this.#byAge.peek(); oldest !== undefined; oldest = this.#byAge.peek()) {
      if (oldest.expiresAt > now) return;
      this.#dropOldest();
    }
  }

  #dropOldest(): void {
    const oldest = this.#byAge.shift();
    assert(oldest !== undefined, 'what is counted is kept');
    this.#known.delete(oldest.requestId);
    this.#keptBytes -= oldest.bytes.length + ENTRY_BYTES;
  }
}

/** A call whose handler runs. It ends once: with an answer, or without. */
export class RunningReply {
  readonly requestId: string;
  readonly #onEnd: ReplyEnd;
  #listeners: Set<ReplyListener> | undefined;
  #hasEnded = false;

  constructor(requestId: string, onEnd: ReplyEnd) {
    this.requestId = requestId;
    this.#onEnd = onEnd;
  }

  /** The same call came again and waits for the answer: somebody wants it, whatever became of the first client. */
  get hasListeners(): boolean {
    return this.#listeners !== undefined && this.#listeners.size > 0;
  }

  join(listener: ReplyListener): void {
    assert(!this.#hasEnded, 'only a running call is joined');
    (this.#listeners ??= new Set()).add(listener);
  }

  /** It waits no longer. */
  leave(listener: ReplyListener): void {
    this.#listeners?.delete(listener);
  }

  /** All that goes on the stream, in pieces; they are copied, if anybody may want them. */
  complete(pieces: readonly Uint8Array[], now: number): void {
    this.#end(pieces, now);
  }

  /** No answer is kept: cancelled while its handler ran, or one that cannot be given twice. */
  abandon(now: number): void {
    this.#end(undefined, now);
  }

  #end(pieces: readonly Uint8Array[] | undefined, now: number): void {
    assert(!this.#hasEnded, 'a call ends once');
    this.#hasEnded = true;
    const reply = this.#onEnd(this, pieces, now);
    const listeners = this.#listeners;
    this.#listeners = undefined;
    for (const listener of listeners ?? []) listener(reply);
  }
}

/** Returns the copy of the answer, if one was made. */
type ReplyEnd = (
  running: RunningReply,
  pieces: readonly Uint8Array[] | undefined,
  now: number,
) => Uint8Array | undefined;

interface KeptReply {
  readonly requestId: string;
  readonly bytes: Uint8Array;
  readonly expiresAt: number;
}

/** Clients give up at an age of 240 s [AMO-3]; the rest is for what is still on its way then. */
const KEPT_MS = 300_000;

/** What an entry takes beside its bytes. */
const ENTRY_BYTES = 512;
