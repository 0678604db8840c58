-- Every field that can be filtered for. Names are those of PROTOCOL.md and of src, whose numbers are in constants.lua.

local constants = require('udprpc.constants')

-- Numbers to names, as Wireshark wants them.
local function names(values)
  local inverse = {}
  for name, value in pairs(values) do inverse[value] = name end
  return inverse
end

local frame_names = names(constants.frames)
for flags = 1, 7 do frame_names[constants.frames.STREAM + flags] = 'STREAM' end

local PACKETS = { [0] = 'PROTECTED', [1] = 'HELLO', [2] = 'RETRY', [3] = 'VERSION_NEGOTIATION', [4] = 'UNKNOWN_VERSION' }
local RECORDS = { [20] = 'change_cipher_spec', [21] = 'alert', [22] = 'handshake', [23] = 'application_data' }
local TLS_MESSAGES = { [1] = 'ClientHello', [2] = 'ServerHello' }

local function integer(name, title, values) return ProtoField.uint64('udprpc.' .. name, title, base.DEC, values) end
local function byte(name, title, values) return ProtoField.uint8('udprpc.' .. name, title, base.HEX, values) end
local function octets(name, title) return ProtoField.bytes('udprpc.' .. name, title) end
local function text(name, title) return ProtoField.string('udprpc.' .. name, title) end
local function version(name, title)
  return ProtoField.uint32('udprpc.' .. name, title, base.HEX, names(constants.versions))
end

local fields = {
  packet = byte('packet', 'Packet', PACKETS),
  first = byte('first', 'First byte'),
  version = version('version', 'Version'),
  supported_version = version('supported_version', 'Supported version'),
  destination = octets('dcid', 'Destination connection ID'),
  source = octets('scid', 'Source connection ID'),
  token = octets('token', 'Token'),
  length = integer('length', 'Length'),
  key_phase = byte('key_phase', 'Key phase'),
  truncated_number = ProtoField.uint32('udprpc.packet_number.sent', 'Packet number, as sent'),
  number = integer('packet_number', 'Packet number'),
  connection = ProtoField.uint32('udprpc.connection', 'Connection'),
  from = text('from', 'Sent by'),
  generation = ProtoField.uint32('udprpc.key_generation', 'Key generation'),
  status = text('protection', 'Protection'),
  protection = octets('protection.bytes', 'Checksum or tag'),
  encrypted = octets('encrypted', 'Payload that cannot be read'),
  reset_token = octets('stateless_reset_token', 'Stateless reset token'),

  frame = byte('frame', 'Frame', frame_names),
  padding = ProtoField.uint32('udprpc.padding_bytes', 'Bytes of padding'),
  largest = integer('ack.largest', 'Largest'),
  ack_delay = integer('ack.delay', 'Delay, in microseconds'),
  range_count = integer('ack.range_count', 'Range count'),
  ack_range = text('ack.range', 'Range'),
  stream_id = integer('stream_id', 'Stream ID'),
  reset_code = integer('reset_code', 'Code', names(constants.reset_codes)),
  final_size = integer('final_size', 'Final size'),
  offset = integer('offset', 'Offset'),
  data_length = integer('data_length', 'Length of data'),
  fin = ProtoField.bool('udprpc.fin', 'FIN'),
  data = octets('data', 'Data'),
  limit = integer('limit', 'Limit'),
  sequence = integer('sequence', 'Sequence'),
  retire_prior_to = integer('retire_prior_to', 'Retire prior to'),
  id_length = byte('new_id_length', 'Length of ID'),
  new_id = octets('new_id', 'Connection ID'),
  challenge = octets('path_challenge', 'Bytes of the challenge'),
  transport_code = integer('close.code', 'Code', names(constants.transport_errors)),
  application_code = integer('close.application_code', 'Code', names(constants.close_codes)),
  reason_length = integer('close.reason_length', 'Length of reason'),
  reason = text('close.reason', 'Reason'),
  ack_threshold = integer('ack_frequency.ack_threshold', 'ACK threshold'),
  reordering_threshold = integer('ack_frequency.reordering_threshold', 'Reordering threshold'),

  parameter = integer('parameter', 'Parameter', names(constants.transport_parameters)),
  parameter_number = integer('parameter.number', 'Value'),
  parameter_bytes = octets('parameter.bytes', 'Value'),
  record = byte('tls.record', 'TLS record', RECORDS),
  tls_message = byte('tls.message', 'TLS message', TLS_MESSAGES),

  unit = byte('unit', 'Unit', names(constants.units)),
  unit_length = integer('unit.length', 'Length'),
  method = text('method', 'Method'),
  timeout = integer('timeout_ms', 'Timeout, in ms'),
  instance = octets('request_id.instance', 'Client instance'),
  request_sequence = integer('request_id.sequence', 'Request sequence'),
  attempt = integer('attempt', 'Attempt'),
  age = integer('age_ms', 'Age, in ms'),
  idempotent = ProtoField.bool('udprpc.idempotent', 'Declared idempotent'),
  metadata_key = text('metadata.key', 'Key'),
  metadata_value = text('metadata.value', 'Value'),
  metadata_bytes = octets('metadata.bytes', 'Value'),
  call_status = integer('status', 'Status', names(constants.statuses)),
  details = text('details', 'Details'),
  not_started = ProtoField.bool('udprpc.not_started', 'Not started'),
  reconnect = ProtoField.bool('udprpc.reconnect', 'Reconnect'),
  status_details = octets('status_details', 'Status details'),
  retry_after = integer('retry_after_ms', 'Retry after, in ms'),
  do_not_retry = ProtoField.bool('udprpc.do_not_retry', 'Do not retry'),
  last_stream_id = integer('last_stream_id', 'Last stream ID'),
  unknown_field = octets('unknown_field', 'Field of an unknown tag'),
  message = octets('message', 'Message'),
}

local experts = {
  malformed = ProtoExpert.new('udprpc.malformed', 'Malformed', expert.group.MALFORMED, expert.severity.ERROR),
  dropped = ProtoExpert.new('udprpc.dropped', 'Its receiver drops it', expert.group.CHECKSUM, expert.severity.WARN),
  closed = ProtoExpert.new('udprpc.closed', 'The connection ends', expert.group.SEQUENCE, expert.severity.NOTE),
}

return {
  fields = fields,
  experts = experts,
  frame_names = frame_names,
  packets = { PROTECTED = 0, HELLO = 1, RETRY = 2, VERSION_NEGOTIATION = 3, UNKNOWN_VERSION = 4 },
  status_names = names(constants.statuses),
  unit_names = names(constants.units),
  reset_names = names(constants.reset_codes),
  parameter_names = names(constants.transport_parameters),
  transport_error_names = names(constants.transport_errors),
}
