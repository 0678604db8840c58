-- Operations on words of 32 bits, which each version of Lua has under another name: 5.2 in bit32, Wireshark in bit, 5.4
-- in the language. Results may be signed (those of bit are): who goes on with arithmetic takes them modulo 2^32.

local ops = bit32 or bit or load([[
  local M = 0xffffffff
  local function whole(x) return math.tointeger(x) & M end
  return {
    band = function(a, b) return whole(a) & whole(b) end,
    bnot = function(a) return ~whole(a) & M end,
    bor = function(a, b) return whole(a) | whole(b) end,
    bxor = function(first, ...)
      local result = whole(first)
      for i = 1, select('#', ...) do result = result ~ whole((select(i, ...))) end
      return result
    end,
    lshift = function(a, n) return whole(a) << n & M end,
    rshift = function(a, n) return whole(a) >> n end,
    rol = function(a, n) a = whole(a) return (a << n | a >> (32 - n)) & M end,
    ror = function(a, n) a = whole(a) return (a >> n | a << (32 - n)) & M end,
  }
]])()

return {
  band = ops.band,
  bnot = ops.bnot,
  bor = ops.bor,
  bxor = ops.bxor,
  lshift = ops.lshift,
  rshift = ops.rshift,
  rol = ops.rol or ops.lrotate,
  ror = ops.ror or ops.rrotate,
}
