/**
 * What an attempt of a call leaves behind for the error, should the call fail: to whom it went, how it ended, and how
 * the connection fared meanwhile. Every call begins a record and nearly none reads it, so beginning costs one object of
 * numbers; everything else is asked for at the end.
 */
import { type Status } from 'nice-grpc-common';
import { NO_PACKET_COUNTS, type PacketCounts, type StreamTransport } from './stream-transport.js';

/** One attempt, as `RpcError.history` tells of it. */
export interface AttemptRecord {
  /** From 1. */
  readonly attempt: number;
  /** `ip:port`; undefined when it was sent on no connection. */
  readonly peer: string | undefined;
  readonly code: Status;
  readonly details: string;
  /** False only when the server certainly never started the handler for it. */
  readonly maybeExecuted: boolean;
  /** From when it was begun, the wait for a connection included. */
  readonly durationMs: number;
  /** The connection's smoothed round-trip time at the end; undefined before the first measurement. */
  readonly rttMs: number | undefined;
  /** Of its connection while it had a stream on it, whatever calls they were for. */
  readonly packetsSent: number;
  readonly packetsReceived: number;
  readonly packetsLost: number;
}

/** How an attempt ended. */
export type AttemptOutcome = Pick<AttemptRecord, 'attempt' | 'code' | 'details' | 'maybeExecuted'>;

/** The state of things when an attempt got its stream. */
export interface RecordStart {
  readonly transport: StreamTransport;
  readonly packetsSent: number;
  readonly packetsReceived: number;
  readonly packetsLost: number;
}

/** When the attempt has its stream, before it writes. */
export function beginRecord(transport: StreamTransport): RecordStart {
  const { packetsSent, packetsReceived, packetsLost } = transport.packetCounts;
  return { transport, packetsSent, packetsReceived, packetsLost };
}

/** `start`: undefined for an attempt that never got a stream. `begunAt`: when the attempt was begun. */
export function endRecord(
  start: RecordStart | undefined,
  outcome: AttemptOutcome,
  begunAt: number,
  now: number,
): AttemptRecord {
  const { attempt, code, details, maybeExecuted } = outcome;
  const counts: PacketCounts = start?.transport.packetCounts ?? NO_PACKET_COUNTS;
  const before: PacketCounts = start ?? NO_PACKET_COUNTS;
  return {
    attempt,
    peer: start?.transport.peer,
    code,
    details,
    maybeExecuted,
    durationMs: now - begunAt,
    rttMs: start?.transport.stats().smoothedRttMs,
    packetsSent: counts.packetsSent - before.packetsSent,
    packetsReceived: counts.packetsReceived - before.packetsReceived,
    packetsLost: counts.packetsLost - before.packetsLost,
  };
}
