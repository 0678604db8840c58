/**
 * Where the answer of a call goes: to a promise (one response) or to an iterable (a stream of them).
 */
import { type AttemptFailure } from './attempt.js';

export interface ResponseSink {
  /** Messages are given out as they come. */
  readonly isStream: boolean;
  /** It takes another message now. One more than it wants may come. */
  readonly wantsMessage: boolean;
  /** An attempt begins: what came of the one before does not count. */
  onAttempt(): void;
  /** Throws FramingError for one that must not be, or cannot be read. */
  onMessage(body: Uint8Array): void;
  /** The server's word is OK: undefined, or why what it has sent is no answer. `onDone` or `onFailed` follows. */
  complete(): AttemptFailure | undefined;
  onDone(): void;
  /** An RpcError, or what the caller's own request threw. Instead of `onDone`. */
  onFailed(error: unknown): void;
}
