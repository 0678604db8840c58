-- Shows udprpc (PROTOCOL.md) in Wireshark and tshark, from 4.0 on; how to use it stands in tools/README.md. Datagrams are
-- known by the version in long headers, and by connection IDs once those were seen. What was sealed by TLS is opened with
-- the key log of either side (preference "Key log file", `-o udprpc.key_log_file:FILE`).

local directory = debug.getinfo(1, 'S').source:match('^@(.*[/\\])') or './'
package.path = directory .. '?.lua;' .. package.path

local udprpc = Proto('udprpc', 'udprpc')

local bits = require('udprpc.bits')
local connections = require('udprpc.connections')
local constants = require('udprpc.constants')
local frames = require('udprpc.frames')
local headers = require('udprpc.headers')
local keys = require('udprpc.keys')
local names = require('udprpc.fields')
local Reader = require('udprpc.reader')

local fields, experts = names.fields, names.experts
local versions = constants.versions

for _, field in pairs(fields) do udprpc.fields[#udprpc.fields + 1] = field end
udprpc.experts = experts
udprpc.prefs.key_log_file =
  Pref.string('Key log file', '', 'What tls.keyLogFile of a server or a channel names')

-- By frame of the capture and offset in the datagram: what was found at the first look.
local packets = {}

function udprpc.init()
  packets = {}
  connections.reset()
  keys.reset(udprpc.prefs.key_log_file or '')
end

local Packet = {}
Packet.__index = Packet

-- Streams are put together once: later looks get what the first one got.
function Packet:units_at(offset, receive)
  self.units[offset] = self.units[offset] or receive()
  return self.units[offset]
end

-- The packet at `offset`, or nil and why there is none.
local function packet_at(bytes, offset, size, frame_number)
  local key = frame_number .. ':' .. offset
  local packet = packets[key]
  if packet then return packet end
  local reason
  packet, reason = headers.read(bytes, offset, size)
  if packet == nil then return nil, reason end
  packet.units = {}
  setmetatable(packet, Packet)
  if packet.kind == 'HELLO' or packet.kind == 'PROTECTED' then connections.open(packet, bytes) end
  if packet.kind == 'RETRY' then connections.open_retry(packet, bytes) end
  packets[key] = packet
  return packet
end

local function show_ids(packet, tvb, tree)
  if packet.kind == 'PROTECTED' then
    tree:add(fields.destination, tvb(packet.id_at, #packet.destination))
    return
  end
  tree:add(fields.version, tvb(packet.start + 1, 4))
  local at = packet.ids_at + 1
  for _, name in ipairs({ 'destination', 'source' }) do
    if #packet[name] > 0 then tree:add(fields[name], tvb(at, #packet[name])) end
    at = at + #packet[name] + 1
  end
end

local function show_number(packet, tvb, tree)
  local range = tvb(packet.number_at, packet.number_bytes)
  tree:add(fields.truncated_number, range)
  if packet.number == nil then return end
  tree:add(fields.number, range, Reader.unsigned64(packet.number)):set_generated()
  tree:add(fields.connection, range, packet.connection.index or 0):set_generated()
  tree:add(fields.from, range, packet.from):set_generated()
  if packet.generation then tree:add(fields.generation, range, packet.generation):set_generated() end
end

-- Where the payload is read: in the datagram, or in what came out of it.
local function payload_reader(packet, tvb)
  if packet.status ~= 'decrypted' then return Reader.new(packet.payload, tvb, packet.payload_at) end
  return Reader.new(packet.payload, ByteArray.new(packet.payload, true):tvb('Decrypted packet'), 0)
end

local function show_status(packet, range, tree)
  local item = tree:add(fields.status, range, packet.status)
  item:set_generated()
  if packet.status == 'checksum bad' or packet.status == 'does not open' then
    item:add_proto_expert_info(experts.dropped)
  end
end

local function show_payload(packet, tvb, pinfo, tree)
  local captured_end = math.min(packet.packet_end, tvb:len())
  local range = tvb(packet.payload_at, captured_end - packet.payload_at)
  show_status(packet, range, tree)
  if packet.payload == nil then
    if range:len() > 0 then tree:add(fields.encrypted, range) end
    return { packet.status }
  end
  local is_whole, words = true, {}
  if #packet.payload > 0 then
    is_whole, words = pcall(frames.show_all, packet, payload_reader(packet, tvb), pinfo, tree)
  end
  local protection_bytes = packet.connection.is_secure and constants.tag_bytes or constants.checksum_bytes
  if packet.packet_end <= captured_end then
    tree:add(fields.protection, tvb(packet.packet_end - protection_bytes, protection_bytes))
  end
  if is_whole then return words end
  if type(words) ~= 'table' then error(words, 0) end
  tree:add_proto_expert_info(experts.malformed, 'Malformed frame: ' .. words.malformed)
  return { 'malformed' }
end

local function show_versions(packet, tvb, tree)
  for at = packet.ids_end, math.min(packet.packet_end, tvb:len()) - 4, 4 do
    tree:add(fields.supported_version, tvb(at, 4))
  end
end

local function show_token(packet, token_end, tvb, tree)
  if token_end > packet.token_at then tree:add(fields.token, tvb(packet.token_at, token_end - packet.token_at)) end
end

local function show_retry(packet, tvb, tree)
  local token_end, captured_end = math.min(packet.payload_at, tvb:len()), math.min(packet.packet_end, tvb:len())
  show_token(packet, token_end, tvb, tree)
  local protection = tvb(token_end, captured_end - token_end)
  if packet.connection then
    tree:add(fields.connection, protection, packet.connection.index or 0):set_generated()
    tree:add(fields.from, protection, packet.from):set_generated()
  end
  show_status(packet, protection, tree)
  if packet.packet_end <= captured_end then tree:add(fields.protection, protection) end
end

-- A stateless reset looks like a packet of no connection; its last bytes are a token that somebody was given.
local function show_reset(packet, bytes, tvb, tree)
  local at = packet.packet_end - constants.reset_token_bytes
  if packet.kind ~= 'PROTECTED' or packet.packet_end > #bytes or at < packet.start then return nil end
  local connection = connections.find_reset(bytes:sub(at + 1, packet.packet_end))
  if connection == nil then return nil end
  tree:add(fields.connection, tvb(at, constants.reset_token_bytes), connection.index):set_generated()
  tree:add(fields.reset_token, tvb(at, constants.reset_token_bytes)):add_proto_expert_info(experts.closed)
  return 'stateless reset'
end

-- Returns a line about the packet.
local function show_packet(packet, bytes, tvb, pinfo, tree)
  local range = tvb(packet.start, math.min(packet.packet_end, tvb:len()) - packet.start)
  local branch = tree:add(fields.packet, range, names.packets[packet.kind])
  local reset = packet.payload == nil and show_reset(packet, bytes, tvb, branch)
  if reset then return reset end
  branch:add(fields.first, tvb(packet.start, 1))
  show_ids(packet, tvb, branch)
  if packet.kind == 'VERSION_NEGOTIATION' then show_versions(packet, tvb, branch) end
  if packet.kind == 'RETRY' then show_retry(packet, tvb, branch) end
  if packet.kind == 'HELLO' then show_token(packet, packet.length_at, tvb, branch) end
  if packet.number_at == nil then return packet.kind end
  if packet.length then
    branch:add(fields.length, tvb(packet.length_at, packet.length_bytes), Reader.unsigned64(packet.length))
  end
  if packet.key_phase then branch:add(fields.key_phase, tvb(packet.start, 1), packet.key_phase) end
  show_number(packet, tvb, branch)
  local words = table.concat(show_payload(packet, tvb, pinfo, branch), ', ')
  local number = ('%.0f'):format(packet.number or packet.truncated_number)
  branch:append_text(' ' .. number .. ': ' .. words)
  return packet.kind .. ' ' .. number .. (words ~= '' and ': ' .. words or '')
end

function udprpc.dissector(tvb, pinfo, tree)
  local bytes, size = tvb:raw(), tvb:reported_len()
  local root = tree:add(udprpc, tvb())
  local lines, offset = {}, 0
  while offset < #bytes do
    local packet, reason = packet_at(bytes, offset, size, pinfo.number)
    if packet == nil then
      root:add(tvb(offset), 'No packet'):add_proto_expert_info(experts.malformed, 'No packet: ' .. reason)
      lines[#lines + 1] = 'no packet: ' .. reason
      break
    end
    lines[#lines + 1] = show_packet(packet, bytes, tvb, pinfo, root)
    offset = packet.packet_end
  end
  -- At last, in the place of what protobuf says of itself.
  pinfo.cols.protocol = 'udprpc'
  pinfo.cols.info = table.concat(lines, '; ')
  return tvb:len()
end

-- Ours for certain: a long header with one of our versions, or IDs that were seen in one.
local function is_ours(tvb)
  local packet = headers.read(tvb:raw(), 0, tvb:reported_len())
  if packet == nil then return false end
  if packet.version == versions.PLAINTEXT or packet.version == versions.TLS then return true end
  return connections.find(packet.destination) ~= nil
end

udprpc:register_heuristic('udp', function(tvb, pinfo, tree)
  if tvb:len() == 0 or not is_ours(tvb) then return false end
  -- From here on all of it, stateless resets too.
  pinfo.conversation = udprpc
  udprpc.dissector(tvb, pinfo, tree)
  return true
end)

DissectorTable.get('udp.port'):add_for_decode_as(udprpc)
