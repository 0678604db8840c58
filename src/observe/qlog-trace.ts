/**
 * One connection as a qlog trace: JSON-SEQ records (RFC 7464) after draft-ietf-quic-qlog-main-schema-04 and
 * quic-events-03, which is version 0.3, the one that qvis reads. Turns what the connection tells its observer into
 * records and hands them to a sink; where they end up, and what is done when there is no room, is the sink's matter.
 * Same calls, same records: it reads no clock.
 */
import {
  type ConnectionFacts,
  type ConnectionObserver,
} from '../transport/connection/connection-observer.js';
import { type DropReason } from '../transport/connection/connection-stats.js';
import { type Players } from '../transport/connection/players.js';
import { type Address } from '../transport/path/path.js';
import { PacketSpace, type SentPacket } from '../transport/recovery/sent-packet.js';
import { type ConnectionClosed } from '../transport/transport-error.js';
import { type TransportParameters } from '../transport/wire/transport-parameters.js';
import { closedData, DROP_TRIGGERS, localParameters, peerParameters, startedData } from './qlog-data.js';
import { hex, qlogFrames } from './qlog-frames.js';
import { QlogState, toMicros } from './qlog-state.js';

export interface QlogSink {
  /** One whole record. False: there was no room for it, and it is lost. */
  write(record: string): boolean;
  /** Nothing more comes. */
  end(): void;
}

export interface QlogTraceOptions {
  readonly facts: ConnectionFacts;
  /** Ours, where the driver knows it. */
  readonly localAddress?: Address | undefined;
  /** Milliseconds since 1970 of the instant at which the connection was made, so that several logs line up. */
  readonly referenceTime: number;
  readonly sink: QlogSink;
}

export class QlogTrace implements ConnectionObserver {
  readonly #sink: QlogSink;
  readonly #startedAt: number;
  readonly #state: QlogState;
  #hasReceived = false;
  #droppedRecords = 0;

  constructor({ facts, localAddress, referenceTime, sink }: QlogTraceOptions, now: number) {
    this.#sink = sink;
    this.#startedAt = now;
    this.#state = new QlogState(facts.remoteId, this.#emit);
    this.#write(header(facts, referenceTime));
    this.#emit('connectivity:connection_started', startedData(facts, localAddress), now);
    this.#emit('connectivity:connection_state_updated', { new: 'attempted' }, now);
    const version = facts.version.toString(16).padStart(8, '0');
    this.#emit('transport:version_information', { chosen_version: version }, now);
    this.#emit('transport:parameters_set', localParameters(facts), now);
  }

  onPacketSent(
    space: PacketSpace,
    packetNumber: number,
    payload: Uint8Array,
    bytes: number,
    now: number,
  ): void {
    this.#emit('transport:packet_sent', packetData(space, packetNumber, payload, bytes), now);
  }

  onPacketReceived(
    space: PacketSpace,
    packetNumber: number,
    payload: Uint8Array,
    bytes: number,
    now: number,
  ): void {
    this.#emit('transport:packet_received', packetData(space, packetNumber, payload, bytes), now);
    if (this.#hasReceived) return;
    this.#hasReceived = true;
    this.#emit('connectivity:connection_state_updated', { new: 'handshake_started' }, now);
  }

  onPacketDropped(reason: DropReason, bytes: number, now: number): void {
    // `trigger` is one of qlog's few words; ours says more.
    const data = { raw: { length: bytes }, trigger: DROP_TRIGGERS[reason], details: reason };
    this.#emit('transport:packet_dropped', data, now);
  }

  onRetry(sourceId: Uint8Array, bytes: number, now: number): void {
    const header = { packet_type: 'retry', scid: hex(sourceId) };
    this.#emit('transport:packet_received', { header, raw: { length: bytes }, frames: [] }, now);
  }

  onPacketsLost(packets: readonly SentPacket[], now: number): void {
    for (const { space, packetNumber } of packets) {
      this.#emit('recovery:packet_lost', { header: packetHeader(space, packetNumber) }, now);
    }
  }

  onRecoveryTimeout(probeSpace: PacketSpace | undefined, now: number): void {
    const data =
      probeSpace === undefined
        ? { timer_type: 'ack', event_type: 'expired' }
        : { timer_type: 'pto', packet_number_space: PACKET_NUMBER_SPACES[probeSpace], event_type: 'expired' };
    this.#emit('recovery:loss_timer_updated', data, now);
    this.#state.onTimerExpired();
  }

  onPeerParameters(parameters: TransportParameters, now: number): void {
    this.#emit('transport:parameters_set', peerParameters(parameters), now);
  }

  onClosed(closed: ConnectionClosed, now: number): void {
    this.#emit('connectivity:connection_closed', closedData(closed), now);
    const state = closed.by === 'local' ? 'closing' : 'draining';
    this.#emit('connectivity:connection_state_updated', { new: state }, now);
  }

  onStep(players: Players, now: number): void {
    this.#state.onStep(players, now);
  }

  onForgotten(now: number): void {
    this.#emit('connectivity:connection_state_updated', { new: 'closed' }, now);
    this.#sink.end();
  }

  readonly #emit = (name: string, data: object, now: number): void => {
    const time = toMicros(now - this.#startedAt);
    if (this.#droppedRecords > 0) {
      // What is missing must be said where it is missing.
      const message = `${this.#droppedRecords} records dropped: they came faster than they could be written`;
      if (!this.#sink.write(record({ time, name: 'generic:warning', data: { message } }))) {
        this.#droppedRecords++;
        return;
      }
      this.#droppedRecords = 0;
    }
    this.#write({ time, name, data });
  };

  #write(value: object): void {
    if (!this.#sink.write(record(value))) this.#droppedRecords++;
  }
}

/** RFC 7464 §2.2. */
function record(value: object): string {
  return `\u001e${JSON.stringify(value)}\n`;
}

function header({ role, originalDestinationId }: ConnectionFacts, referenceTime: number): object {
  const id = hex(originalDestinationId);
  return {
    qlog_version: '0.3',
    qlog_format: 'JSON-SEQ',
    title: `udprpc ${role} ${id}`,
    trace: {
      title: `udprpc ${role} ${id}`,
      vantage_point: { name: 'udprpc', type: role },
      common_fields: {
        ODCID: id,
        group_id: id,
        protocol_type: ['QUIC'],
        time_format: 'relative',
        reference_time: toMicros(referenceTime),
      },
    },
  };
}

function packetData(space: PacketSpace, packetNumber: number, payload: Uint8Array, bytes: number): object {
  return {
    header: packetHeader(space, packetNumber),
    raw: { length: bytes, payload_length: payload.length },
    frames: qlogFrames(payload, space),
  };
}

function packetHeader(space: PacketSpace, packetNumber: number): object {
  return { packet_type: PACKET_TYPES[space], packet_number: packetNumber };
}

/** QUIC's names for what comes next to ours: HELLO packets are its Initial ones. */
const PACKET_TYPES = { [PacketSpace.HELLO]: 'initial', [PacketSpace.PROTECTED]: '1RTT' } as const;
const PACKET_NUMBER_SPACES = {
  [PacketSpace.HELLO]: 'initial',
  [PacketSpace.PROTECTED]: 'application_data',
} as const;
