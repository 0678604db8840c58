/**
 * Was everything lost for so long that what the window knows is worthless (RFC 9002 §7.6)? Answered from the packets
 * that one pass of loss detection found lost, oldest first. A missing number between two of them is taken for a packet
 * that arrived: it may have been lost earlier or never used, but a mistake here only leaves the window larger.
 */
import { type SentPacket } from './sent-packet.js';

/** `sinceMs`: only packets sent after it count, the time of the first RTT sample. `periodMs`: how long is persistent. */
export function isPersistentCongestion(
  lost: readonly SentPacket[],
  sinceMs: number,
  periodMs: number,
): boolean {
  let periodStart: number | undefined;
  let previousNumber = -1;
  for (const packet of lost) {
    if (packet.packetNumber !== previousNumber + 1) periodStart = undefined;
    previousNumber = packet.packetNumber;
    // What was lost for its size neither starts nor ends a period; the others beside it may.
    if (!packet.isAckEliciting || packet.isMtuProbe === true || packet.sentAt <= sinceMs) continue;
    periodStart ??= packet.sentAt;
    if (packet.sentAt - periodStart > periodMs) return true;
  }
  return false;
}
