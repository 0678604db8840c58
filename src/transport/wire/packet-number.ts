/**
 * Packet numbers travel as their low 1 to 4 bytes and are completed against the largest one received
 * (PROTOCOL §4.4, RFC 9000 §17.1, A.2, A.3). `-1` stands for "none yet" on both sides.
 */
import { assert } from '../../base/assert.js';

/** After the packet with this number the connection closes: numbers never wrap [PKN-1]. */
export const MAX_PACKET_NUMBER = Number.MAX_SAFE_INTEGER;

export type PacketNumberLength = 1 | 2 | 3 | 4;

/** Bytes needed so that the peer, who has at least `largestAcked` (-1: nothing), completes it rightly [PKN-2]. */
export function packetNumberLength(packetNumber: number, largestAcked: number): PacketNumberLength {
  const unacknowledged = packetNumber - largestAcked;
  assert(unacknowledged > 0, 'a packet number is above the largest acknowledged');
  if (unacknowledged < 0x80) return 1;
  if (unacknowledged < 0x8000) return 2;
  if (unacknowledged < 0x80_0000) return 3;
  assert(unacknowledged < 0x8000_0000, 'fewer than 2^31 packets are unacknowledged');
  return 4;
}

/** The number nearest to the one expected next whose low `length` bytes are `truncated` [PKN-3]. */
export function decodePacketNumber(
  truncated: number,
  length: PacketNumberLength,
  largestReceived: number,
): number {
  const window = 2 ** (8 * length);
  const halfWindow = window / 2;
  const expected = Math.min(largestReceived + 1, MAX_PACKET_NUMBER);
  const candidate = expected - (expected % window) + truncated;
  if (candidate <= expected - halfWindow && candidate <= MAX_PACKET_NUMBER - window)
    return candidate + window;
  if (candidate > expected + halfWindow && candidate >= window) return candidate - window;
  return candidate;
}
