-- Reads what Wireshark shows, field by field: each value goes into the tree together with where it stands. What ends too
-- early ends the reading, by an error with `malformed`, which whoever shows a packet catches.

local Reader = {}
Reader.__index = Reader

-- `text` stands in `tvb` from `base`.
function Reader.new(text, tvb, base)
  return setmetatable({ text = text, tvb = tvb, base = base, at = 0 }, Reader)
end

function Reader:left() return #self.text - self.at end

function Reader.fail(reason) error({ malformed = reason }, 0) end

function Reader:range(start, length) return self.tvb:range(self.base + start, length) end

-- From `start` to where the reader is.
function Reader:since(start) return self:range(start, self.at - start) end

function Reader:skip(length)
  if length > self:left() then Reader.fail('it is cut short') end
  local start = self.at
  self.at = start + length
  return start
end

function Reader:peek() return self.text:byte(self.at + 1) end

function Reader:u8()
  local start = self:skip(1)
  return self.text:byte(start + 1), start
end

-- The value and where it begins.
function Reader:varint()
  local first = self:peek()
  if first == nil then Reader.fail('it is cut short') end
  local length = math.floor(2 ^ math.floor(first / 64))
  local start = self:skip(length)
  local value = first % 64
  for i = start + 2, start + length do value = value * 256 + self.text:byte(i) end
  return value, start
end

function Reader:bytes(length)
  local start = self:skip(length)
  return self.text:sub(start + 1, self.at), start
end

-- The next so many bytes as a reader of their own.
function Reader:part(length)
  local text, start = self:bytes(length)
  return Reader.new(text, self.tvb, self.base + start)
end

local function unsigned64(value)
  return UInt64(value % 4294967296, math.floor(value / 4294967296) % 4294967296)
end

-- The value, and the item of the tree.
function Reader:add_varint(tree, field)
  local value, start = self:varint()
  return value, tree:add(field, self:since(start), unsigned64(value))
end

function Reader:add_u8(tree, field)
  local value, start = self:u8()
  return value, tree:add(field, self:since(start), value)
end

-- Nothing is shown of nothing.
function Reader:add_bytes(tree, field, length)
  local text, start = self:bytes(length)
  local item = length > 0 and tree:add(field, self:since(start)) or nil
  return text, item
end

function Reader:add_text(tree, field, length)
  local text, start = self:bytes(length)
  if length > 0 then tree:add(field, self:since(start), (text:gsub('%z', '\\0'))) end
  return text
end

Reader.unsigned64 = unsigned64

return Reader
