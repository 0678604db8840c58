-- Packet headers (PROTOCOL §4): what kind of packet begins at an offset, and where its parts stand. Offsets count from 0.

local bits = require('udprpc.bits')
local constants = require('udprpc.constants')

local band = bits.band
local header = constants.header
local versions = constants.versions

local M = {}

local function number_at(bytes, offset, count)
  local value = 0
  for i = offset + 1, offset + count do value = value * 256 + bytes:byte(i) end
  return value
end

local function varint_at(bytes, offset)
  local first = bytes:byte(offset + 1)
  if first == nil then return nil end
  local count = math.floor(2 ^ math.floor(first / 64))
  if offset + count > #bytes then return nil end
  return number_at(bytes, offset, count) - math.floor(first / 64) * math.floor(64 * 256 ^ (count - 1)), count
end

local function add_packet_number(packet, bytes, first)
  packet.number_bytes = band(first, header.PACKET_NUMBER_LENGTH_MASK) + 1
  packet.payload_at = packet.number_at + packet.number_bytes
  if packet.payload_at > math.min(packet.packet_end, #bytes) then return nil, 'it ends within its packet number' end
  packet.truncated_number = number_at(bytes, packet.number_at, packet.number_bytes)
  return packet
end

-- `size`: of the datagram, also where less was captured: the last packet ends there.
local function read_short(bytes, offset, first, size)
  if band(first, header.FIXED) == 0 then return nil, 'its fixed bit is 0' end
  local id_at = offset + 1
  if id_at + constants.connection_id_bytes > #bytes then return nil, 'it is too short for a header' end
  local packet = { kind = 'PROTECTED', id_at = id_at, number_at = id_at + constants.connection_id_bytes, packet_end = size }
  packet.destination = bytes:sub(id_at + 1, packet.number_at)
  packet.key_phase = band(first, header.KEY_PHASE) == 0 and 0 or 1
  return add_packet_number(packet, bytes, first)
end

local function read_hello(packet, bytes, first)
  local token_bytes, token_length_bytes = varint_at(bytes, packet.ids_end)
  if token_bytes == nil then return nil, 'it ends within its header' end
  packet.token_length_bytes, packet.token_at = token_length_bytes, packet.ids_end + token_length_bytes
  packet.length_at = packet.token_at + token_bytes
  packet.length, packet.length_bytes = varint_at(bytes, packet.length_at)
  if packet.length == nil then return nil, 'it ends within its header' end
  packet.kind, packet.number_at = 'HELLO', packet.length_at + packet.length_bytes
  packet.packet_end = packet.number_at + packet.length
  return add_packet_number(packet, bytes, first)
end

-- [HDR-9] Up to the end of the datagram; protected as a HELLO packet of number 0 without a payload would be.
local function read_retry(packet)
  local protection_bytes = packet.version == versions.TLS and constants.tag_bytes or constants.checksum_bytes
  packet.kind, packet.number, packet.number_bytes = 'RETRY', 0, 1
  packet.token_at, packet.payload_at = packet.ids_end, packet.packet_end - protection_bytes
  if packet.payload_at <= packet.token_at then return nil, 'it ends within its token' end
  return packet
end

-- The frozen fields [VER-1].
local function read_long(bytes, offset, first, size)
  if offset + constants.shortest_long_header > #bytes then return nil, 'it is too short for a header' end
  local packet = { version = number_at(bytes, offset + 1, 4), ids_at = offset + 5, packet_end = size }
  local at = packet.ids_at
  for _, name in ipairs({ 'destination', 'source' }) do
    local length = bytes:byte(at + 1)
    if length == nil then return nil, 'it ends within its connection IDs' end
    if length > constants.max_connection_id_bytes then return nil, 'its connection ID is too long' end
    if at + 1 + length > #bytes then return nil, 'it ends within its connection IDs' end
    packet[name] = bytes:sub(at + 2, at + 1 + length)
    at = at + 1 + length
  end
  packet.ids_end = at
  if packet.version == versions.NEGOTIATION then
    packet.kind = 'VERSION_NEGOTIATION'
  elseif packet.version ~= versions.PLAINTEXT and packet.version ~= versions.TLS then
    packet.kind = 'UNKNOWN_VERSION'
  elseif band(first, header.FIXED) == 0 then
    return nil, 'its fixed bit is 0'
  elseif band(first, header.TYPE_MASK) == header.TYPE_HELLO then
    return read_hello(packet, bytes, first)
  elseif band(first, header.TYPE_MASK) == header.TYPE_RETRY then
    return read_retry(packet)
  else
    return nil, 'there is no packet of its type'
  end
  return packet
end

-- The packet that begins at `offset` of what was captured of a datagram; or nil, and why it is none.
function M.read(bytes, offset, size)
  local first = bytes:byte(offset + 1)
  local read = band(first, header.FORM) == 0 and read_short or read_long
  local packet, reason = read(bytes, offset, first, size)
  if packet then
    packet.first, packet.start = first, offset
    if packet.packet_end > size then return nil, 'it goes beyond the datagram' end
  end
  return packet, reason
end

-- [PKN-3]
function M.whole_number(truncated, count, largest)
  local window = math.floor(256 ^ count)
  local expected = largest + 1
  local candidate = expected - expected % window + truncated
  if candidate <= expected - window / 2 then return candidate + window end
  if candidate > expected + window / 2 and candidate >= window then return candidate - window end
  return candidate
end

return M
