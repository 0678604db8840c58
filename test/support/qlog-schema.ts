/**
 * What draft-ietf-quic-qlog-main-schema-04 and quic-events-03 ask of a JSON-SEQ file, written from their CDDL and not
 * from our code: the fields that each event must and may have, and of what kind each is. Events that are not of the
 * drafts are listed as ours.
 */
type Kind = 'number' | 'string' | 'boolean' | 'hex' | 'object' | 'code' | readonly string[];

interface Shape {
  readonly required: Readonly<Record<string, Kind>>;
  readonly optional: Readonly<Record<string, Kind>>;
}

export interface QlogEvent {
  readonly time: number;
  readonly name: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface QlogFile {
  readonly header: Readonly<Record<string, unknown>>;
  readonly events: readonly QlogEvent[];
}

const STATES = [
  ...['attempted', 'peer_validated', 'handshake_started', 'early_write', 'handshake_complete'],
  ...['handshake_confirmed', 'closing', 'draining', 'closed'],
];
const PACKET: Shape = {
  required: { header: 'object', raw: 'object', frames: 'object' },
  optional: {},
};
const EVENTS: Readonly<Record<string, Shape>> = {
  'connectivity:connection_started': {
    required: { src_ip: 'string', dst_ip: 'string' },
    optional: {
      ip_version: ['v4', 'v6'],
      protocol: 'string',
      src_port: 'number',
      dst_port: 'number',
      src_cid: 'hex',
      dst_cid: 'hex',
    },
  },
  'connectivity:connection_closed': {
    required: {},
    optional: {
      owner: ['local', 'remote'],
      connection_code: 'code',
      application_code: 'code',
      reason: 'string',
      trigger: [
        ...['clean', 'handshake_timeout', 'idle_timeout', 'error', 'stateless_reset'],
        ...['version_mismatch', 'application'],
      ],
    },
  },
  'connectivity:connection_id_updated': {
    required: { owner: ['local', 'remote'] },
    optional: { old: 'hex', new: 'hex' },
  },
  'connectivity:connection_state_updated': { required: { new: STATES }, optional: { old: STATES } },
  'connectivity:mtu_updated': { required: { new: 'number' }, optional: { old: 'number', done: 'boolean' } },
  /** Ours: the drafts leave migration to be inferred. */
  'connectivity:path_updated': { required: { old: 'string', new: 'string' }, optional: {} },
  'security:key_updated': {
    required: { key_type: ['client_1rtt_secret', 'server_1rtt_secret'] },
    optional: {
      old: 'hex',
      new: 'hex',
      key_phase: 'number',
      trigger: ['tls', 'remote_update', 'local_update'],
    },
  },
  'transport:version_information': { required: {}, optional: { chosen_version: 'hex' } },
  'transport:parameters_set': {
    required: {},
    optional: {
      owner: ['local', 'remote'],
      original_destination_connection_id: 'hex',
      retry_source_connection_id: 'hex',
      initial_source_connection_id: 'hex',
      max_idle_timeout: 'number',
      max_udp_payload_size: 'number',
      max_ack_delay: 'number',
      active_connection_id_limit: 'number',
      initial_max_data: 'number',
      initial_max_stream_data_bidi_local: 'number',
      initial_max_stream_data_bidi_remote: 'number',
      initial_max_streams_bidi: 'number',
      // "any number of unspecified fields": ours.
      congestion_control: 'string',
      receive_buffer_bytes: 'number',
    },
  },
  'transport:packet_sent': PACKET,
  'transport:packet_received': PACKET,
  'transport:packet_dropped': {
    required: {},
    optional: {
      raw: 'object',
      trigger: [
        ...['key_unavailable', 'unknown_connection_id', 'header_parse_error', 'payload_decrypt_error'],
        ...['protocol_violation', 'dos_prevention', 'unsupported_version', 'unexpected_packet'],
        ...['unexpected_source_connection_id', 'unexpected_version', 'duplicate', 'invalid_initial'],
      ],
      details: 'string',
    },
  },
  'recovery:metrics_updated': {
    required: {},
    optional: {
      min_rtt: 'number',
      smoothed_rtt: 'number',
      latest_rtt: 'number',
      rtt_variance: 'number',
      pto_count: 'number',
      congestion_window: 'number',
      bytes_in_flight: 'number',
      pacing_rate: 'number',
    },
  },
  'recovery:congestion_state_updated': { required: { new: 'string' }, optional: { old: 'string' } },
  'recovery:loss_timer_updated': {
    required: { event_type: ['set', 'expired', 'cancelled'] },
    optional: {
      timer_type: ['ack', 'pto'],
      packet_number_space: ['initial', 'handshake', 'application_data'],
      delta: 'number',
    },
  },
  'recovery:packet_lost': { required: {}, optional: { header: 'object' } },
  'generic:warning': { required: { message: 'string' }, optional: {} },
};

const FRAMES: Readonly<Record<string, readonly string[]>> = {
  padding: ['payload_length'],
  ping: [],
  ack: ['ack_delay', 'acked_ranges'],
  crypto: ['offset', 'length'],
  stream: ['stream_id', 'offset', 'length'],
  reset_stream: ['stream_id', 'error_code', 'final_size'],
  stop_sending: ['stream_id', 'error_code'],
  max_data: ['maximum'],
  max_stream_data: ['stream_id', 'maximum'],
  max_streams: ['stream_type', 'maximum'],
  data_blocked: ['limit'],
  stream_data_blocked: ['stream_id', 'limit'],
  streams_blocked: ['stream_type', 'limit'],
  new_connection_id: ['sequence_number', 'retire_prior_to', 'connection_id'],
  new_token: ['token'],
  retire_connection_id: ['sequence_number'],
  path_challenge: ['data'],
  path_response: ['data'],
  connection_close: ['error_space', 'error_code'],
  handshake_done: [],
  /** Of draft-ietf-quic-ack-frequency, for which qlog has no words yet. */
  ack_frequency: ['sequence_number', 'ack_eliciting_threshold', 'reordering_threshold'],
};

/** RFC 7464: each record is RS, one JSON text, LF. Throws where it is not so. */
export function parseQlog(text: string): QlogFile {
  if (text === '') throw new Error('no records');
  const records = text.split('\u001e').slice(1);
  if (!text.startsWith('\u001e') || records.some((record) => !record.endsWith('\n')))
    throw new Error('a record is RS, JSON, LF');
  const [header, ...events] = records.map((record) => JSON.parse(record) as Record<string, unknown>);
  return { header: header ?? {}, events: events as unknown as QlogEvent[] };
}

/** Everything in it that the drafts do not allow, in words. */
export function qlogFaults({ header, events }: QlogFile): string[] {
  const faults = headerFaults(header);
  let before = 0;
  for (const event of events) {
    if (typeof event.time !== 'number' || event.time < before)
      faults.push(`${event.name}: time ${event.time}`);
    before = event.time;
    const shape = EVENTS[event.name];
    if (shape === undefined) faults.push(`no such event: ${event.name}`);
    else faults.push(...shapeFaults(event, shape));
    for (const frame of (event.data['frames'] ?? []) as Record<string, unknown>[])
      faults.push(...frameFaults(frame));
    const packet = event.data['header'] as Record<string, unknown> | undefined;
    if (packet === undefined) continue;
    if (!['initial', '1RTT'].includes(String(packet['packet_type'])))
      faults.push(`${event.name}: packet_type`);
    if (typeof packet['packet_number'] !== 'number') faults.push(`${event.name}: packet_number`);
  }
  return faults;
}

function headerFaults(header: QlogFile['header']): string[] {
  const trace = header['trace'] as Record<string, Record<string, unknown>> | undefined;
  const fields = trace?.['common_fields'];
  const isRight =
    header['qlog_version'] === '0.3' &&
    header['qlog_format'] === 'JSON-SEQ' &&
    ['client', 'server'].includes(String(trace?.['vantage_point']?.['type'])) &&
    fields?.['time_format'] === 'relative' &&
    typeof fields['reference_time'] === 'number' &&
    isKind(fields['ODCID'], 'hex');
  return isRight ? [] : [`header ${JSON.stringify(header)}`];
}

function shapeFaults({ name, data }: QlogEvent, { required, optional }: Shape): string[] {
  const missing = Object.keys(required).filter((field) => !(field in data));
  const wrong = Object.entries(data).filter(([field, value]) => {
    const kind = required[field] ?? optional[field];
    return kind === undefined || !isKind(value, kind);
  });
  return [
    ...missing.map((field) => `${name} without ${field}`),
    ...wrong.map(([field, value]) => `${name}: ${field} is ${JSON.stringify(value)}`),
  ];
}

function frameFaults(frame: Readonly<Record<string, unknown>>): string[] {
  const type = String(frame['frame_type']);
  const required = FRAMES[type];
  if (required === undefined) return [`no such frame: ${type}`];
  return required
    .filter((field) => frame[field] === undefined)
    .map((field) => `frame ${type} without ${field}`);
}

function isKind(value: unknown, kind: Kind): boolean {
  if (typeof kind === 'object') return kind.includes(String(value));
  if (kind === 'hex') return typeof value === 'string' && /^([0-9a-f]{2})+$/.test(value);
  if (kind === 'code')
    return typeof value === 'number' || (typeof value === 'string' && /^[a-z_]+$/.test(value));
  if (kind === 'number') return typeof value === 'number' && Number.isFinite(value) && value >= 0;
  return typeof value === kind && value !== null;
}
