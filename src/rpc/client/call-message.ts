/**
 * What a call says to a person when it fails: one line with the facts that are known where it ends. Pure.
 */
import { type Status } from 'nice-grpc-common';
import { type RpcError, statusName } from '../rpc-error.js';
import { type Attempt } from './attempt.js';
import { type Channel } from './channel.js';

/** As nice-grpc writes them, and how often it was tried. */
export function callFailedMessage(path: string, code: Status, details: string, attempts: number): string {
  const after = attempts > 1 ? ` (${attempts} attempts)` : '';
  return `${path} ${statusName(code)}: ${details}${after}`;
}

export interface DeadlineFacts {
  readonly elapsedMs: number;
  readonly attempts: number;
  /** The one that ran. */
  readonly attempt: Attempt | undefined;
  readonly channel: Channel;
  /** How the one before it failed. */
  readonly lastError: RpcError | undefined;
}

/** `after 2000 ms: 3 attempts to 10.0.0.5:7000, no packet received`. */
export function deadlineMessage({ elapsedMs, attempts, attempt, channel, lastError }: DeadlineFacts): string {
  const elapsed = `after ${Math.max(0, Math.round(elapsedMs))} ms`;
  if (attempts === 0) return `${elapsed}: it was over before the first attempt`;
  const count = attempts === 1 ? '1 attempt' : `${attempts} attempts`;
  const transport = attempt?.transport;
  const stats = transport?.stats() ?? channel.stats();
  let what = 'no packet received';
  if (stats === undefined && lastError !== undefined) what = `the last failed: ${lastError.details}`;
  else if (stats?.isSuspect === true)
    what = `no answer, and nothing received for ${Math.round(stats.lastReceivedAgoMs)} ms`;
  else if (attempt?.isWaiting === true && channel.state === 'ready') what = 'no free stream';
  else if (channel.state === 'ready' || (stats !== undefined && stats.datagramsReceived > 0))
    what = 'no answer';
  return `${elapsed}: ${count} to ${transport?.peer ?? channel.peer ?? channel.target}, ${what}`;
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
