-- Cuts the bytes of a half into what they are made of: units of a call (PROTOCOL §12.1); transport parameters and
-- then records of TLS in a handshake stream (§8.1). Each comes out as soon as it is whole, with the offset where it
-- begins; what is too long to be shown is counted only.

local constants = require('udprpc.constants')

local Units = {}
Units.__index = Units

local MAX_SHOWN_BYTES = 65536

-- `read_head` (text) returns kind, bytes of the head, bytes of the body; nothing while the head is incomplete.
local function new(read_head)
  return setmetatable({ read_head = read_head, pieces = {}, size = 0, wanted = 1, start = 0, skip = 0 }, Units)
end

local function varint_at(text, position)
  local first = text:byte(position)
  if first == nil then return nil end
  local length = 2 ^ math.floor(first / 64)
  if #text < position + length - 1 then return nil end
  local value = first % 64
  for i = position + 1, position + length - 1 do value = value * 256 + text:byte(i) end
  return value, length
end

local function call_head(text)
  local length, length_bytes = varint_at(text, 2)
  if length == nil then return nil end
  return text:byte(1), 1 + length_bytes, length
end

function Units.of_call() return new(call_head) end

function Units.of_handshake()
  local has_parameters = false
  return new(function(text)
    if has_parameters then
      if #text < 5 then return nil end
      return text:byte(1), 5, text:byte(4) * 256 + text:byte(5)
    end
    local length, length_bytes = varint_at(text, 1)
    if length == nil then return nil end
    has_parameters = true
    return 'parameters', length_bytes, length
  end)
end

-- Returns the units that end in what was added: { kind, start, head_bytes, body_bytes, text: all of it, or nil }.
function Units:push(text)
  local whole = {}
  if self.skip > 0 then
    local skipped = math.min(self.skip, #text)
    self.skip, text = self.skip - skipped, text:sub(skipped + 1)
    if self.skip > 0 then return whole end
    whole[1] = self:finish(nil)
  end
  self.pieces[#self.pieces + 1] = text
  self.size = self.size + #text
  while self.size >= self.wanted and self.skip == 0 do
    local joined = table.concat(self.pieces)
    self.pieces = { joined }
    if not self:cut(joined, whole) then break end
  end
  return whole
end

-- One unit off the beginning; false when more bytes are needed.
function Units:cut(text, whole)
  if self.head == nil then
    local kind, head_bytes, body_bytes = self.read_head(text)
    if kind == nil then
      self.wanted = self.size + 1
      return false
    end
    self.head = { kind = kind, start = self.start, head_bytes = head_bytes, body_bytes = body_bytes }
  end
  local all = self.head.head_bytes + self.head.body_bytes
  if self.size < all and all > MAX_SHOWN_BYTES then
    self.skip, self.pieces, self.size, self.wanted = all - self.size, {}, 0, 1
    return false
  end
  if self.size < all then
    self.wanted = all
    return false
  end
  local rest = text:sub(all + 1)
  self.pieces, self.size, self.wanted = { rest }, #rest, 1
  whole[#whole + 1] = self:finish(text:sub(1, all))
  return true
end

function Units:finish(text)
  local unit = self.head
  unit.text = text
  self.head, self.start = nil, unit.start + unit.head_bytes + unit.body_bytes
  return unit
end

-- Whether a call's unit is of a known type: else the stream is none of calls.
function Units.is_known(kind)
  for _, value in pairs(constants.units) do
    if value == kind then return true end
  end
  return false
end

return Units
