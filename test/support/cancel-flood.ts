/** A client that makes calls only to cancel them, as fast as it is let; it keeps to its credit of streams. */
import { performance } from 'node:perf_hooks';
import { setImmediate } from 'node:timers/promises';
import { FrameType } from '../../src/transport/wire/frame-type.js';
import { DEFAULT_TRANSPORT_OPTIONS } from '../../src/transport/connection/transport-options.js';
import { type WatchedConnection } from './connection-watch.js';
import { frameBytes } from './frame-bytes.js';
import { type HostileSocket } from './hostile-socket.js';
import { joined, messageUnit, requestHeader } from './raw-caller.js';

export interface CancelFlood {
  readonly cancelled: number;
  readonly ms: number;
}

/** Until the server has closed the connection, as it counts it, or `longestMs` are over. */
export async function cancelFlood(
  socket: HostileSocket,
  connection: WatchedConnection,
  perSecond: number,
  longestMs: number,
): Promise<CancelFlood> {
  let streams = DEFAULT_TRANSPORT_OPTIONS.maxStreams;
  let heard: number[] = [];
  socket.onPacket = ({ packetNumber, frames }) => {
    heard.push(packetNumber);
    for (const frame of frames) {
      if (frame.type === FrameType.MAX_STREAMS) streams = Math.max(streams, frame.limit);
    }
  };
  let cancelled = 0;
  let ms = 0;
  for (const startedAt = performance.now(); connection.closed === undefined && ms < longestMs;) {
    const due = (ms * perSecond) / 1_000;
    while (cancelled < Math.min(due, streams)) {
      const count = Math.min(CALLS_PER_DATAGRAM, streams - cancelled);
      await socket.send(...Array.from({ length: count }, () => cancelledCall(cancelled++)).flat());
    }
    if (heard.length > 0) {
      const newest = heard.slice(-ACKED_PACKETS).map((number) => [number, number] as const);
      heard = [];
      await socket.send(frameBytes.ack(...newest));
    }
    await setImmediate();
    ms = performance.now() - startedAt;
  }
  return { cancelled, ms };
}

/** A whole request, and that nobody waits for its answer. */
function cancelledCall(index: number): readonly Uint8Array[] {
  const id = 2 * index;
  const request = joined(requestHeader('Put'), messageUnit(new Uint8Array(0)));
  return [frameBytes.stream({ id, data: request, fin: true }), frameBytes.stopSending(id, CANCELLED)];
}

const CALLS_PER_DATAGRAM = 8;
/** So many have come since the last ACK at most. */
const ACKED_PACKETS = 64;
const CANCELLED = 0;
