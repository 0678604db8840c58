-- The connections of a capture: which packet is of which, who sent it, and what is inside. Built up in the order of the
-- capture, when Wireshark looks at each packet for the first time; later looks find what was found then.

local constants = require('udprpc.constants')
local hash = require('udprpc.hash')
local headers = require('udprpc.headers')
local keys = require('udprpc.keys')
local Half = require('udprpc.half')
local Units = require('udprpc.units')

local M = {}

local OTHER = { client = 'server', server = 'client' }

local connections, by_id, reset_tokens

function M.reset()
  connections, by_id, reset_tokens = 0, {}, {}
end
M.reset()

local function new_side()
  return {
    largest = { HELLO = -1, PROTECTED = -1 },
    handshake = { half = Half.new(), units = Units.of_handshake() },
    streams = {},
  }
end

local function new_connection(header)
  return {
    is_secure = header.version == constants.versions.TLS,
    original_id = header.destination,
    -- Where the client's hellos go: at first, or after the RETRY that it has followed.
    hello_id = header.destination,
    -- Those that they may go to, with their keys once these were needed.
    hello_ids = { [header.destination] = {} },
    client = new_side(),
    server = new_side(),
    calls = {},
  }
end

-- `side` is who is addressed by the ID.
function M.learn_id(connection, side, id)
  if by_id[id] == nil then by_id[id] = { connection = connection, side = side } end
end

function M.learn_reset_token(connection, token) reset_tokens[token] = connection end

-- The connection, and who sent what is addressed so; nothing for an ID that nobody has told.
function M.find(destination)
  local known = by_id[destination]
  if known then return known.connection, OTHER[known.side] end
  return nil
end

-- Of a datagram that is a stateless reset [RST-3].
function M.find_reset(token) return reset_tokens[token] end

-- [PRT-6] [RTY-4] The ID that a HELLO packet is protected by; a RETRY by that of the very first one [HDR-9].
local function hello_id_of(connection, packet)
  if packet.kind == 'RETRY' then return connection.original_id end
  local is_first = packet.from == 'client' and connection.hello_ids[packet.destination]
  return is_first and packet.destination or connection.hello_id
end

-- [PRT-6] Bytes that stand before each packet of the plaintext version; nil where they were not captured.
local function subject_of(connection, packet)
  if packet.kind ~= 'PROTECTED' then return hello_id_of(connection, packet) end
  local of_client = connection.client.handshake.parameters
  if packet.from == 'client' or of_client == nil then return of_client end
  local of_server = connection.server.handshake.parameters
  return of_server and of_client .. of_server
end

-- [PRT-1] [PRT-5]
local function open_plaintext(connection, packet, bytes)
  local payload_end = packet.packet_end - constants.checksum_bytes
  if payload_end < packet.payload_at then return 'too short' end
  local payload = bytes:sub(packet.payload_at + 1, payload_end)
  local subject = subject_of(connection, packet)
  if subject == nil or packet.packet_end > #bytes then return 'checksum not verified', payload end
  local unsent = math.floor(packet.number / 256 ^ packet.number_bytes) % 4294967296
  local sum = hash.crc32(subject .. hash.big_endian(unsent, 4) .. bytes:sub(packet.start + 1, payload_end), 0)
  if hash.big_endian(sum, 4) ~= bytes:sub(payload_end + 1, packet.packet_end) then return 'checksum bad' end
  return 'checksum good', payload
end

local function open_secure(connection, packet, bytes)
  if packet.packet_end > #bytes then return 'captured in part' end
  local header = bytes:sub(packet.start + 1, packet.payload_at)
  local sealed = bytes:sub(packet.payload_at + 1, packet.packet_end)
  local payload
  if packet.kind == 'RETRY' then
    payload = keys.retry(connection.original_id)(header, sealed)
  elseif packet.kind ~= 'PROTECTED' then
    local hello_id = hello_id_of(connection, packet)
    local known = connection.hello_ids[hello_id]
    known.keys = known.keys or keys.hello(hello_id)
    payload = known.keys[packet.from].open(packet.number, header, sealed)
  else
    local side = connection[packet.from]
    side.phases = side.phases or keys.protected(connection.original_id, packet.from)
    if side.phases == nil then return 'encrypted' end
    payload, packet.generation = side.phases:open(packet.number, packet.key_phase, header, sealed)
  end
  if payload == nil then return 'does not open' end
  return 'decrypted', payload
end

-- For the first look at a RETRY: where the client's next hellos may go.
function M.open_retry(packet, bytes)
  local connection, from = M.find(packet.destination)
  if connection == nil or from ~= 'server' then
    packet.status = 'of no connection whose beginning was captured'
    return
  end
  packet.connection, packet.from = connection, from
  local open = connection.is_secure and open_secure or open_plaintext
  packet.status, packet.payload = open(connection, packet, bytes)
  if packet.payload == nil then return end
  connection.hello_ids[packet.source] = connection.hello_ids[packet.source] or {}
  M.learn_id(connection, 'server', packet.source)
end

-- For the first look at a packet: whose it is, its number, whether it is authentic, and its payload where it can be read.
function M.open(packet, bytes)
  local connection, from = M.find(packet.destination)
  local is_new = connection == nil and packet.kind == 'HELLO'
  if is_new then
    connection, from = new_connection(packet), 'client'
  elseif connection == nil then
    packet.status = 'of no connection whose beginning was captured'
    return
  end
  packet.connection, packet.from = connection, from
  local largest = connection[from].largest
  packet.number = headers.whole_number(packet.truncated_number, packet.number_bytes, largest[packet.kind])
  local open = connection.is_secure and open_secure or open_plaintext
  packet.status, packet.payload = open(connection, packet, bytes)
  if packet.payload == nil and packet.status ~= 'encrypted' then
    -- A connection begins with a hello that is one.
    if is_new then packet.connection, packet.from, packet.number = nil, nil, nil end
    return
  end
  largest[packet.kind] = math.max(largest[packet.kind], packet.number)
  if is_new then
    connection.index, connections = connections, connections + 1
    M.learn_id(connection, 'server', packet.destination)
  end
  if packet.kind ~= 'HELLO' then return end
  M.learn_id(connection, from, packet.source)
  local is_after_retry = from == 'client' and packet.destination ~= connection.original_id
  if is_after_retry and connection.hello_ids[packet.destination] then connection.hello_id = packet.destination end
end

-- The units that become whole with the data of a HANDSHAKE frame.
function M.receive_handshake(packet, offset, data)
  local handshake = packet.connection[packet.from].handshake
  local units = handshake.units:push(handshake.half:receive(offset, data))
  for _, unit in ipairs(units) do
    if unit.kind == 'parameters' then handshake.parameters = unit.text end
  end
  return units
end

-- Those that become whole with the data of a STREAM frame.
function M.receive_stream(packet, stream_id, offset, data)
  local streams = packet.connection[packet.from].streams
  local stream = streams[stream_id]
  if stream == nil then
    stream = { half = Half.new(), units = Units.of_call() }
    streams[stream_id] = stream
  end
  return stream.units:push(stream.half:receive(offset, data))
end

return M
