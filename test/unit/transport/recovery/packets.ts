/** Sent packets and ACK ranges for the tests of recovery. */
import { TransportError, type TransportErrorCode } from '../../../../src/transport/transport-error.js';
import { PacketSpace, type SentPacket } from '../../../../src/transport/recovery/sent-packet.js';

export function sentPacket(
  packetNumber: number,
  sentAt: number,
  fields: Partial<SentPacket> = {},
): SentPacket {
  return {
    space: PacketSpace.PROTECTED,
    packetNumber,
    sentAt,
    bytes: 1_200,
    isAckEliciting: true,
    isInFlight: true,
    frames: [],
    ...fields,
  };
}

export function ackOnlyPacket(packetNumber: number, sentAt: number): SentPacket {
  return sentPacket(packetNumber, sentAt, { bytes: 40, isAckEliciting: false, isInFlight: false });
}

/** The ranges of an ACK frame (flat, descending) that acknowledges exactly these packets. */
export function rangesOf(packetNumbers: Iterable<number>): number[] {
  const ranges: number[] = [];
  for (const number of [...new Set(packetNumbers)].sort((a, b) => b - a)) {
    if (ranges[ranges.length - 2] === number + 1) ranges[ranges.length - 2] = number;
    else ranges.push(number, number);
  }
  return ranges;
}

export function numbersOf(packets: readonly SentPacket[]): number[] {
  return packets.map((packet) => packet.packetNumber);
}

/** The code of the TransportError that `action` throws; undefined when it throws none. */
export function errorCodeOf(action: () => void): TransportErrorCode | undefined {
  try {
    action();
  } catch (error) {
    if (error instanceof TransportError) return error.code;
    throw error;
  }
  return undefined;
}
