/** The data of the events that come once or seldom in a connection's life, as qlog words them. */
import { type ConnectionFacts } from '../transport/connection/connection-observer.js';
import { type DropReason } from '../transport/connection/connection-stats.js';
import { type Address } from '../transport/path/path.js';
import { SERVER_STREAMS } from '../transport/stream/stream-limits.js';
import { type ConnectionClosed, TransportErrorCode } from '../transport/transport-error.js';
import { type TransportParameters } from '../transport/wire/transport-parameters.js';
import { hex, qlogErrorCode } from './qlog-frames.js';

export function startedData(
  { localId, remoteId, remote }: ConnectionFacts,
  localAddress: Address | undefined,
): object {
  return {
    ip_version: remote.ip.includes(':') ? 'v6' : 'v4',
    src_ip: localAddress?.ip ?? '',
    dst_ip: remote.ip,
    protocol: 'udprpc',
    ...(localAddress && { src_port: localAddress.port }),
    dst_port: remote.port,
    src_cid: hex(localId),
    dst_cid: hex(remoteId),
  };
}

export function localParameters({ role, localId, options }: ConnectionFacts): object {
  return {
    owner: 'local',
    initial_source_connection_id: hex(localId),
    max_idle_timeout: options.idleTimeoutMs,
    max_ack_delay: options.maxAckDelayMs,
    initial_max_data: options.connectionWindow,
    initial_max_stream_data_bidi_local: options.streamWindow,
    initial_max_stream_data_bidi_remote: options.streamWindow,
    initial_max_streams_bidi: role === 'server' ? options.maxStreams : SERVER_STREAMS,
    congestion_control: options.congestionControl,
  };
}

export function peerParameters(parameters: TransportParameters): object {
  const { originalDestinationConnectionId, retrySourceConnectionId, receiveBufferBytes } = parameters;
  return {
    owner: 'remote',
    ...(originalDestinationConnectionId && {
      original_destination_connection_id: hex(originalDestinationConnectionId),
    }),
    ...(retrySourceConnectionId && { retry_source_connection_id: hex(retrySourceConnectionId) }),
    initial_source_connection_id: hex(parameters.sourceConnectionId),
    max_idle_timeout: parameters.idleTimeoutMs,
    max_udp_payload_size: parameters.maxDatagramSize,
    max_ack_delay: parameters.maxAckDelayMs,
    active_connection_id_limit: parameters.activeConnectionIdLimit,
    initial_max_data: parameters.initialMaxData,
    initial_max_stream_data_bidi_local: parameters.initialMaxStreamData,
    initial_max_stream_data_bidi_remote: parameters.initialMaxStreamData,
    initial_max_streams_bidi: parameters.initialMaxStreams,
    ...(receiveBufferBytes !== undefined && { receive_buffer_bytes: receiveBufferBytes }),
  };
}

export function closedData({ by, code, isApplication, reason }: ConnectionClosed): object {
  return {
    owner: by === 'peer' || by === 'reset' ? 'remote' : 'local',
    ...(isApplication ? { application_code: code } : { connection_code: qlogErrorCode(code) }),
    reason,
    trigger: closeTrigger(by, code, isApplication),
  };
}

function closeTrigger(by: ConnectionClosed['by'], code: number, isApplication: boolean): string {
  switch (by) {
    case 'idle':
      return 'idle_timeout';
    case 'handshakeTimeout':
      return 'handshake_timeout';
    case 'versionMismatch':
      return 'version_mismatch';
    case 'reset':
      return 'stateless_reset';
    case 'refused':
      return 'error';
    case 'local':
    case 'peer':
      if (isApplication) return 'application';
      return code === TransportErrorCode.NO_ERROR ? 'clean' : 'error';
  }
}

/** The words of qlog that come nearest. */
export const DROP_TRIGGERS: Readonly<Record<DropReason, string>> = {
  malformedHeader: 'header_parse_error',
  unknownType: 'unexpected_packet',
  unknownConnection: 'unknown_connection_id',
  foreignConnectionId: 'unknown_connection_id',
  otherAddress: 'unexpected_packet',
  notAuthentic: 'payload_decrypt_error',
  duplicate: 'duplicate',
  undecryptable: 'key_unavailable',
  helloAfterConfirmation: 'unexpected_packet',
  connectionEnded: 'unexpected_packet',
  badHello: 'invalid_initial',
  refused: 'dos_prevention',
  addressNotProven: 'dos_prevention',
  unexpectedRetry: 'unexpected_packet',
  unknownVersion: 'unsupported_version',
};
