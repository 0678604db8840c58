/**
 * Which packets of a space are lost, and when the next one will be [REC-1] (RFC 9002 §6.1): a pure function of what is
 * outstanding. Both thresholds rise with the packet number, so what is lost is always the oldest part of what is
 * outstanding, and looking stops at the first packet that is not.
 */
import { GRANULARITY_MS } from './rtt-estimator.js';
import { type SentPacketLog } from './sent-packet-log.js';

/** `skipped`: numbers that were never used, flat: first, last, first, last, …, rising. */
export function detectLoss(
  outstanding: SentPacketLog,
  skipped: readonly number[],
  largestAcked: number,
  packetThreshold: number,
  lossDelayMs: number,
  now: number,
): LossVerdict {
  let lostBelow = 0;
  for (let cursor = outstanding.start; cursor < outstanding.end; cursor = outstanding.next(cursor + 1)) {
    const { packetNumber, sentAt } = outstanding.at(cursor);
    if (packetNumber > largestAcked) break;
    // The same sum decides and is handed out as the timeout: a timer set to it finds the packet lost.
    const lossTime = sentAt + lossDelayMs;
    const isBehind =
      largestAcked - packetNumber - countSkipped(skipped, packetNumber, largestAcked) >= packetThreshold;
    if (lossTime > now && !isBehind) return { lostBelow, lossTime };
    lostBelow = packetNumber + 1;
  }
  return { lostBelow, lossTime: undefined };
}

/** What was never sent overtook nothing. */
function countSkipped(skipped: readonly number[], above: number, below: number): number {
  let count = 0;
  for (let i = skipped.length - 2; i >= 0; i -= 2) {
    const first = skipped[i] ?? 0;
    if (first < above) break;
    if (first < below) count += (skipped[i + 1] ?? 0) - first + 1;
  }
  return count;
}

export interface LossVerdict {
  /** Every outstanding packet with a smaller number is lost. */
  readonly lostBelow: number;
  /** When the oldest of the others will be, if it is not acknowledged by then; undefined when only time cannot tell. */
  readonly lossTime: number | undefined;
}

/**
 * How long after it was sent a packet may still arrive once a later one was acknowledged: a round trip and the share
 * `slack` of one (RFC 9002 §6.1.2: 1/8).
 */
export function lossDelay(latestRtt: number, smoothedRtt: number, slack: number): number {
  return Math.max((1 + slack) * Math.max(latestRtt, smoothedRtt), GRANULARITY_MS);
}
