/**
 * What keeps one call of undeclared idempotency from running twice, one for each such call: it may start, or gets the
 * answer of the attempt that did, now or when that is there, or is refused [AMO-2]. Of a unary call that starts it sees
 * to it that the answer is kept for the client that asks again [AMO-5]; an answer that the handler did not give is kept
 * for nobody.
 */
import { type MetadataLimit } from '../framing/metadata-limit.js';
import { type RequestHeader } from '../framing/request-header.js';
import { decodeTrailer, type Trailer } from '../framing/trailer.js';
import { UnitType } from '../framing/unit.js';
import { UnitReader } from '../framing/unit-reader.js';
import { type RunningReply } from './reply-cache.js';
import { type ClientInstance } from './server-connection.js';
import { type ServerRuntime } from './server-runtime.js';
import { type ServedMethod } from './service-registry.js';

export interface RepeatedCall {
  /** All bytes of the answer that was given before, and how it ends. */
  onReply(bytes: Uint8Array, trailer: Trailer): void;
  /** Its handler runs for an attempt before this one: `onReply` or `onNotAgain` follows. */
  onReplyAwaited(): void;
  /** Neither started again nor answered. */
  onNotAgain(details: string): void;
}

export class AtMostOnce {
  readonly #call: RepeatedCall;
  readonly #runtime: ServerRuntime;
  /** Where this one's answer is kept. */
  #reply: RunningReply | undefined;
  /** What was written of it before its end. */
  #early: Uint8Array | undefined;
  /** The answer that this one waits for. */
  #awaited: RunningReply | undefined;
  /** What was counted as started. */
  #started: { readonly client: ClientInstance; readonly sequence: number } | undefined;

  constructor(call: RepeatedCall, runtime: ServerRuntime) {
    this.#call = call;
    this.#runtime = runtime;
  }

  /** True when the handler may start, once for the request; else the call has been told what it gets instead. */
  mayStart(header: RequestHeader, method: ServedMethod, client: ClientInstance, receivedAt: number): boolean {
    const { replies, environment } = this.#runtime;
    const key = client.replyKey(header.sequence, header.path);
    const known = replies.find(key, environment.clock.now());
    if (known instanceof Uint8Array) {
      this.#onReply(known);
      return false;
    }
    if (known !== undefined) {
      this.#awaited = known;
      known.join(this.#onReply);
      this.#call.onReplyAwaited();
      return false;
    }
    const refusal = client.start(header, receivedAt);
    if (refusal !== undefined) {
      this.#call.onNotAgain(`request ${client.requestId(header.sequence)} is not started again: ${refusal}`);
      return false;
    }
    this.#started = { client, sequence: header.sequence };
    if (!method.isStreaming) this.#reply = replies.begin(key);
    return true;
  }

  /** It has not started after all: another attempt may. */
  takeBack(): void {
    const started = this.#started;
    if (started !== undefined) started.client.takeBack(started.sequence);
    this.#reply?.abandon(this.#runtime.environment.clock.now());
    this.#reply = undefined;
  }

  /** A client that was lost may come back for the answer. */
  get isKept(): boolean {
    return this.#reply !== undefined;
  }

  /** Another attempt of the call waits for the answer. */
  get isAwaited(): boolean {
    return this.#reply?.hasListeners === true;
  }

  /** A header was written early: it belongs to the answer. */
  onHeaderWritten(bytes: Uint8Array): void {
    if (this.#reply !== undefined) this.#early = bytes.slice();
  }

  /** The handler's answer, all that comes behind an early header. */
  readonly keep = (pieces: readonly Uint8Array[]): void => {
    const reply = this.#reply;
    const early = this.#early;
    this.#reply = undefined;
    const all = early === undefined ? pieces : [early, ...pieces];
    reply?.complete(all, this.#runtime.environment.clock.now());
  };

  /** The call is over: it waits no longer, and an answer that was not given will not be. */
  end(): void {
    this.#awaited?.leave(this.#onReply);
    this.#reply?.abandon(this.#runtime.environment.clock.now());
  }

  readonly #onReply = (bytes: Uint8Array | undefined): void => {
    this.#awaited = undefined;
    if (bytes === undefined) this.#call.onNotAgain(NO_REPLY);
    else this.#call.onReply(bytes, trailerOf(bytes, this.#runtime.sendMetadataLimit));
  };
}

/** Of an answer as it was written by us, within `limit`. */
function trailerOf(bytes: Uint8Array, limit: MetadataLimit): Trailer {
  const reader = new UnitReader(bytes.length);
  reader.push(bytes);
  let unit = reader.next();
  while (unit !== undefined && unit.type !== UnitType.TRAILER) unit = reader.next();
  return decodeTrailer(unit?.body ?? new Uint8Array(), limit);
}

const NO_REPLY = 'it was started before, by an attempt that was cancelled or whose answer is not kept';
