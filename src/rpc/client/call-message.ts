/**
 * What a call says to a person when it fails: one line with the facts that are known where it ends. Pure.
 */
import { type Status } from 'nice-grpc-common';
import { type AttemptRecord } from '../attempt-record.js';
import { deadlineMessage } from './deadline-message.js';
import { statusName } from '../rpc-error.js';
import { type Attempt } from './attempt.js';
import { type Channel } from './channel.js';
import { BUDGET_SPENT } from './retry-budget.js';

/** As nice-grpc writes them, and how often it was tried. */
export function callFailedMessage(
  path: string,
  code: Status,
  details: string,
  attempts: number,
  isSuppressed: boolean,
): string {
  const count = attempts > 1 ? ` (${attempts} attempts)` : '';
  return `${path} ${statusName(code)}: ${details}${count}${isSuppressed ? `, ${BUDGET_SPENT}` : ''}`;
}

export interface DeadlineFacts {
  readonly elapsedMs: number;
  /** It was the deadline of the call inside which it was made. */
  readonly isParents: boolean;
  readonly history: readonly AttemptRecord[];
  /** The one that ran last. */
  readonly attempt: Attempt | undefined;
  readonly lastFailure: string | undefined;
}

export function callDeadlineMessage(channel: Channel, facts: DeadlineFacts): string {
  const { elapsedMs, isParents, history, attempt, lastFailure } = facts;
  const message = deadlineMessage({
    elapsedMs,
    history,
    lastFailure,
    target: channel.peer ?? channel.target,
    stats: attempt?.transport?.stats() ?? channel.stats(),
    isReady: channel.state === 'ready',
    isWaiting: attempt?.isWaiting === true,
  });
  return isParents ? `${message} (the deadline of the call that made it)` : message;
}

export function silenceMessage(timeoutMs: number): string {
  return `after ${timeoutMs} ms without a message in either direction: the idleTimeoutMs of streaming calls`;
}

export function undecodable(error: unknown): string {
  return `the response could not be decoded: ${textOf(error)}`;
}

export function unencodable(error: unknown): string {
  return `the request could not be encoded: ${textOf(error)}`;
}

export function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
