-- What calls say on their streams (PROTOCOL §12), unit by unit, and what the handshake stream says (§8.1).

local constants = require('udprpc.constants')
local names = require('udprpc.fields')
local Reader = require('udprpc.reader')

local fields = names.fields
local units = constants.units
local request_tags, trailer_tags = constants.request_header_tags, constants.trailer_tags

local M = {}

local function all_varint(field)
  return function(reader, tree) return (reader:add_varint(tree, field)) end
end

local function all_text(field)
  return function(reader, tree) return reader:add_text(tree, field, reader:left()) end
end

local function is_there(field)
  return function(_, tree, range) tree:add(field, range, true) end
end

local function metadata(reader, tree)
  local length = reader:varint()
  local key = reader:add_text(tree, fields.metadata_key, length)
  if key:sub(-4) == '-bin' then
    reader:add_bytes(tree, fields.metadata_bytes, reader:left())
  else
    reader:add_text(tree, fields.metadata_value, reader:left())
  end
end

local REQUEST = {
  [request_tags.PATH] = all_text(fields.method),
  [request_tags.TIMEOUT] = all_varint(fields.timeout),
  [request_tags.REQUEST_ID] = function(reader, tree)
    reader:add_bytes(tree, fields.instance, constants.client_instance_bytes)
    reader:add_varint(tree, fields.request_sequence)
  end,
  [request_tags.ATTEMPT] = all_varint(fields.attempt),
  [request_tags.AGE] = all_varint(fields.age),
  [request_tags.IDEMPOTENT] = is_there(fields.idempotent),
  [constants.metadata_tag] = metadata,
}

local TRAILER = {
  [trailer_tags.STATUS] = all_varint(fields.call_status),
  [trailer_tags.DETAILS] = all_text(fields.details),
  [trailer_tags.NOT_STARTED] = is_there(fields.not_started),
  [trailer_tags.RECONNECT] = is_there(fields.reconnect),
  [trailer_tags.STATUS_DETAILS] = function(reader, tree)
    reader:add_bytes(tree, fields.status_details, reader:left())
  end,
  [trailer_tags.RETRY_AFTER] = all_varint(fields.retry_after),
  [trailer_tags.DO_NOT_RETRY] = is_there(fields.do_not_retry),
  [constants.metadata_tag] = metadata,
}

local GO_AWAY = { [constants.go_away_tags.LAST_STREAM_ID] = all_varint(fields.last_stream_id) }
local RESPONSE = { [constants.metadata_tag] = metadata }

-- Returns what each field came to, by tag.
local function show_fields(reader, tree, shown)
  local values = {}
  while reader:left() > 0 do
    local start = reader.at
    local tag = reader:u8()
    local value = reader:part((reader:varint()))
    local show = shown[tag]
    if show then
      values[tag] = show(value, tree, reader:since(start))
    else
      tree:add(fields.unknown_field, reader:since(start))
    end
  end
  return values
end

-- Protobuf's own dissector knows more when it was told where .proto files are.
local function show_message(call, from, reader, pinfo, tree)
  if reader:left() == 0 then return end
  local length = reader:left()
  local start = reader:skip(length)
  local range = reader:range(start, length)
  tree:add(fields.message, range)
  if call.method == nil then return end
  local half = from == 'client' and 'request' or 'response'
  pinfo.private['pb_msg_type'] = 'application/grpc,/' .. call.method .. ',' .. half
  pcall(Dissector.call, Dissector.get('protobuf'), range:tvb(), pinfo, tree)
end

local function show_header(call, from, reader, tree)
  if from == 'server' then
    show_fields(reader, tree, RESPONSE)
    return 'HEADER'
  end
  local values = show_fields(reader, tree, REQUEST)
  call.method = values[request_tags.PATH]
  return call.method or 'HEADER'
end

local function show_trailer(reader, tree, range)
  local status = show_fields(reader, tree, TRAILER)[trailer_tags.STATUS]
  if status == nil then
    status = constants.statuses.OK
    tree:add(fields.call_status, range, Reader.unsigned64(status)):set_generated()
  end
  return names.status_names[status] or tostring(status)
end

-- One unit that is whole; returns what is worth a word in the list of packets, or nil.
function M.show_unit(call, from, unit, reader, pinfo, tree)
  local name = names.unit_names[unit.kind] or 'unknown unit'
  local range = reader:range(0, reader:left())
  local branch = tree:add(fields.unit, range, unit.kind)
  branch:append_text(', ' .. unit.body_bytes .. ' bytes')
  reader:skip(1)
  reader:add_varint(branch, fields.unit_length)
  if call.method and not (unit.kind == units.HEADER and from == 'client') then
    branch:add(fields.method, range, call.method):set_generated()
  end
  if unit.kind == units.HEADER then return show_header(call, from, reader, branch) end
  if unit.kind == units.TRAILER then return show_trailer(reader, branch, range) end
  if unit.kind == units.GO_AWAY then
    show_fields(reader, branch, GO_AWAY)
  elseif unit.kind == units.MESSAGE then
    show_message(call, from, reader, pinfo, branch)
    return nil
  end
  return name
end

local function show_parameter(reader, tree)
  local start = reader.at
  local id = reader:varint()
  local value = reader:part((reader:varint()))
  local name = names.parameter_names[id]
  local item = tree:add(fields.parameter, reader:since(start), Reader.unsigned64(id))
  if value:left() == 0 then return end
  if name == nil or name == 'INCARNATION' or name:match('CONNECTION_ID$') then
    item:add(fields.parameter_bytes, value:range(0, value:left()))
  elseif name == 'VERSIONS' then
    while value:left() >= 4 do item:add(fields.supported_version, value:range(value:skip(4), 4)) end
  else
    value:add_varint(item, fields.parameter_number)
  end
end

-- One part of the handshake stream.
function M.show_handshake(unit, reader, tree)
  if unit.kind == 'parameters' then
    local branch = tree:add(reader:range(0, reader:left()), 'Transport parameters')
    reader:varint()
    while reader:left() > 0 do show_parameter(reader, branch) end
    return
  end
  local branch = tree:add(fields.record, reader:range(0, reader:left()), unit.kind)
  branch:append_text(', ' .. unit.body_bytes .. ' bytes')
  reader:skip(unit.head_bytes)
  if unit.kind == 22 and reader:left() > 0 then reader:add_u8(branch, fields.tls_message) end
end

return M
