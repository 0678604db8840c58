-- The frames of a payload (PROTOCOL §6), one branch of the tree for each, and what the streams in them say.

local bits = require('udprpc.bits')
local calls = require('udprpc.calls')
local connections = require('udprpc.connections')
local constants = require('udprpc.constants')
local names = require('udprpc.fields')
local Reader = require('udprpc.reader')

local fields, experts = names.fields, names.experts
local types = constants.frames

local M = {}

-- What has a head of varints and nothing else.
local VARINTS = {
  RESET_STREAM = { 'stream_id', 'reset_code', 'final_size' },
  STOP_SENDING = { 'stream_id', 'reset_code' },
  MAX_DATA = { 'limit' },
  MAX_STREAM_DATA = { 'stream_id', 'limit' },
  MAX_STREAMS = { 'limit' },
  DATA_BLOCKED = { 'limit' },
  STREAM_DATA_BLOCKED = { 'stream_id', 'limit' },
  STREAMS_BLOCKED = { 'limit' },
  RETIRE_CONNECTION_ID = { 'sequence' },
  ACK_FREQUENCY = { 'sequence', 'ack_threshold', 'reordering_threshold' },
  PING = {},
  HANDSHAKE_DONE = {},
}

local show = {}

for name, wanted in pairs(VARINTS) do
  show[types[name]] = function(reader, tree)
    local values = {}
    for _, field in ipairs(wanted) do values[field] = reader:add_varint(tree, fields[field]) end
    local code = values.reset_code
    if code then return name .. ' ' .. values.stream_id .. ' ' .. (names.reset_names[code] or code) end
    return values.stream_id and name .. ' ' .. values.stream_id or name
  end
end

-- One line, however long it is.
show[types.PADDING] = function(reader, tree)
  local start = reader.at - 1
  local _, last = reader.text:find('^%z*', reader.at)
  reader:skip(last - reader.at)
  tree:add(fields.padding, reader:since(start), last - start)
  return nil
end

show[types.ACK] = function(reader, tree)
  local largest = reader:add_varint(tree, fields.largest)
  reader:add_varint(tree, fields.ack_delay)
  local count = reader:add_varint(tree, fields.range_count)
  local high = largest
  for i = 0, count do
    local start = reader.at
    if i > 0 then high = high - reader:varint() - 2 end
    local low = high - reader:varint()
    if low < 0 then Reader.fail('an ACK range is below 0') end
    tree:add(fields.ack_range, reader:since(start), ('%.0f-%.0f'):format(low, high))
    high = low
  end
  return ('ACK %.0f'):format(largest)
end

-- A unit lies in this frame's data, or was put together of several.
local function reader_of(unit, data, data_offset)
  local at = unit.start - data_offset
  if at >= 0 and at + #unit.text <= #data.text then
    return Reader.new(unit.text, data.tvb, data.base + at)
  end
  return Reader.new(unit.text, ByteArray.new(unit.text, true):tvb('Unit in several frames'), 0)
end

-- Shows each unit; a malformed one hides none of the others.
local function show_units(units, data, data_offset, tree, show_unit)
  local words = {}
  for _, unit in ipairs(units) do
    if unit.text then
      local is_whole, result = pcall(show_unit, unit, reader_of(unit, data, data_offset))
      if is_whole then
        words[#words + 1] = result
      elseif type(result) == 'table' then
        tree:add_proto_expert_info(experts.malformed, 'Malformed unit: ' .. result.malformed)
      else
        error(result, 0)
      end
    else
      local kind = names.unit_names[unit.kind] or unit.kind
      tree:add(data:range(0, data:left()), ('%s of %.0f bytes ends here'):format(kind, unit.body_bytes))
    end
  end
  return words
end

show[types.HANDSHAKE] = function(reader, tree, packet)
  local offset = reader:add_varint(tree, fields.offset)
  local length = reader:add_varint(tree, fields.data_length)
  local data = reader:part(length)
  if length > 0 then tree:add(fields.data, data:range(0, length)) end
  local units = packet:units_at(reader.at, function()
    return connections.receive_handshake(packet, offset, data.text)
  end)
  show_units(units, data, offset, tree, function(unit, of_unit) calls.show_handshake(unit, of_unit, tree) end)
  return 'HANDSHAKE'
end

local function show_stream(reader, tree, packet, pinfo, type)
  local flags = constants.stream_flags
  local function has(flag) return bits.band(type, flag) ~= 0 end
  local id = reader:add_varint(tree, fields.stream_id)
  local offset = has(flags.OFFSET) and reader:add_varint(tree, fields.offset) or 0
  local length = has(flags.LENGTH) and reader:add_varint(tree, fields.data_length) or reader:left()
  if has(flags.FIN) then tree:add(fields.fin, reader:range(reader.at, 0), true) end
  local data = reader:part(length)
  if length > 0 then tree:add(fields.data, data:range(0, length)) end
  local connection = packet.connection
  local call = connection.calls[id] or {}
  connection.calls[id] = call
  local units = packet:units_at(reader.at, function()
    return connections.receive_stream(packet, id, offset, data.text)
  end)
  local words = show_units(units, data, offset, tree, function(unit, of_unit)
    return calls.show_unit(call, packet.from, unit, of_unit, pinfo, tree)
  end)
  local said = #words > 0 and ' (' .. table.concat(words, ', ') .. ')' or ''
  return ('STREAM %.0f%s%s'):format(id, said, has(flags.FIN) and ' FIN' or '')
end

for flags = 0, 7 do show[types.STREAM + flags] = show_stream end

show[types.NEW_TOKEN] = function(reader, tree)
  local length = reader:add_varint(tree, fields.data_length)
  if length == 0 then Reader.fail('its token is empty') end
  reader:add_bytes(tree, fields.token, length)
  return 'NEW_TOKEN'
end

show[types.NEW_CONNECTION_ID] = function(reader, tree, packet)
  reader:add_varint(tree, fields.sequence)
  reader:add_varint(tree, fields.retire_prior_to)
  local length = reader:add_u8(tree, fields.id_length)
  local id = reader:add_bytes(tree, fields.new_id, length)
  local token = reader:add_bytes(tree, fields.reset_token, constants.reset_token_bytes)
  connections.learn_id(packet.connection, packet.from, id)
  connections.learn_reset_token(packet.connection, token)
  return 'NEW_CONNECTION_ID'
end

local function show_path(name)
  return function(reader, tree)
    reader:add_bytes(tree, fields.challenge, constants.path_bytes)
    return name
  end
end
show[types.PATH_CHALLENGE] = show_path('PATH_CHALLENGE')
show[types.PATH_RESPONSE] = show_path('PATH_RESPONSE')

local function show_close(code_field)
  return function(reader, tree)
    local code, item = reader:add_varint(tree, code_field)
    local reason = reader:add_text(tree, fields.reason, (reader:add_varint(tree, fields.reason_length)))
    item:add_proto_expert_info(experts.closed)
    local name = code_field == fields.transport_code and names.transport_error_names[code]
    return ('CLOSE %s %s'):format(name or code, reason)
  end
end
show[types.CLOSE_TRANSPORT] = show_close(fields.transport_code)
show[types.CLOSE_APPLICATION] = show_close(fields.application_code)

for name, type in pairs(types) do
  if show[type] == nil then error('udprpc: frames.lua does not know ' .. name) end
end

-- All frames of a packet; returns a few words about them.
function M.show_all(packet, reader, pinfo, tree)
  local words = {}
  while reader:left() > 0 do
    local start = reader.at
    local type = reader:peek()
    if show[type] == nil then Reader.fail(('there is no frame of type 0x%02x'):format(type)) end
    local branch = tree:add(fields.frame, reader:range(start, 1), type)
    reader:skip(1)
    local is_whole, result = pcall(show[type], reader, branch, packet, pinfo, type)
    branch:set_len(reader.at - start)
    if not is_whole then error(result, 0) end
    words[#words + 1] = result
  end
  return words
end

return M
