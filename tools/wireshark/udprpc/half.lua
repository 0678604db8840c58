-- One direction of a stream, put together as its receiver does: bytes come out in order and once. What was not captured is
-- waited for in vain: then `receive` keeps so much and returns nothing more.

local Half = {}
Half.__index = Half

local MAX_WAITING_BYTES = 4 * 1024 * 1024
local MAX_WAITING_PIECES = 1000

function Half.new()
  return setmetatable({ next = 0, waiting = {}, waiting_bytes = 0, waiting_pieces = 0 }, Half)
end

-- Returns what can be read now and could not before, perhaps nothing.
function Half:receive(offset, data)
  if offset > self.next then
    self:keep(offset, data)
    return ''
  end
  local fresh = { data:sub(self.next - offset + 1) }
  self.next = self.next + #fresh[1]
  while self.waiting_pieces > 0 do
    local piece = self:waiting_at(self.next)
    if piece == nil then break end
    fresh[#fresh + 1] = piece
    self.next = self.next + #piece
  end
  return table.concat(fresh)
end

function Half:keep(offset, data)
  local known = self.waiting[offset]
  if known and #known >= #data then return end
  if self.waiting_bytes + #data > MAX_WAITING_BYTES then return end
  if known == nil then
    if self.waiting_pieces == MAX_WAITING_PIECES then return end
    self.waiting_pieces = self.waiting_pieces + 1
  end
  self.waiting[offset] = data
  self.waiting_bytes = self.waiting_bytes + #data - (known and #known or 0)
end

-- What goes on at the position, taken out; pieces that are over are dropped on the way.
function Half:waiting_at(position)
  for offset, data in pairs(self.waiting) do
    if offset <= position then
      self.waiting[offset] = nil
      self.waiting_pieces, self.waiting_bytes = self.waiting_pieces - 1, self.waiting_bytes - #data
      if offset + #data > position then return data:sub(position - offset + 1) end
    end
  end
  return nil
end

return Half
