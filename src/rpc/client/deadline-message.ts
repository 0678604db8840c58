/**
 * What a call says whose deadline has passed: how long it was, to whom its attempts went, and the most telling thing
 * that is known of why none was answered. Words only; who counts and measures is the call's business.
 */
import { type AttemptRecord } from '../attempt-record.js';
import { type TransportStats } from '../stream-transport.js';

export interface PassedDeadline {
  readonly elapsedMs: number;
  /** All attempts, the one that was running too; empty when the time was over before the first. */
  readonly history: readonly AttemptRecord[];
  /** What the last of them that failed said. */
  readonly lastFailure: string | undefined;
  /** Where attempts go that have no connection: the peer or the target, as far as it is known. */
  readonly target: string;
  /** Of the connection that the last attempt is on, or of the one that the channel has. */
  readonly stats: TransportStats | undefined;
  /** The channel has a connection that is ready. */
  readonly isReady: boolean;
  /** The last attempt waits for a stream. */
  readonly isWaiting: boolean;
}

/** `after 2000 ms: 3 attempts to 10.0.0.5:7000, no packet received`. */
export function deadlineMessage(passed: PassedDeadline): string {
  const { elapsedMs, history, target } = passed;
  const elapsed = `after ${Math.max(0, Math.round(elapsedMs))} ms`;
  if (history.length === 0) return `${elapsed}: it was over before the first attempt`;
  const count = history.length === 1 ? '1 attempt' : `${history.length} attempts`;
  const peers = new Set(history.map(({ peer }) => peer ?? target));
  return `${elapsed}: ${count} to ${[...peers].join(' and ')}, ${whatIsKnown(passed)}`;
}

function whatIsKnown({ lastFailure, stats, isReady, isWaiting }: PassedDeadline): string {
  if (stats === undefined && lastFailure !== undefined) return `the last failed: ${lastFailure}`;
  if (stats?.isSuspect === true)
    return `no answer, and nothing received for ${Math.round(stats.lastReceivedAgoMs)} ms`;
  if (isWaiting && isReady) return 'no free stream';
  if (isReady || (stats !== undefined && stats.datagramsReceived > 0)) return 'no answer';
  return 'no packet received';
}
