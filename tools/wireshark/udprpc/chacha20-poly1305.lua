-- ChaCha20-Poly1305 (RFC 8439), opening only.

local bits = require('udprpc.bits')
local band, bxor, rshift, rol = bits.band, bits.bxor, bits.rshift, bits.rol
local char, concat, floor = string.char, table.concat, math.floor

local WORD = 4294967296

local function word_at(text, position)
  local a, b, c, d = text:byte(position, position + 3)
  return a + 256 * (b + 256 * (c + 256 * d))
end

local function text_of(x)
  return char(band(x, 255), band(rshift(x, 8), 255), band(rshift(x, 16), 255), band(rshift(x, 24), 255))
end

local function quarter(s, a, b, c, d)
  local w, x, y, z = s[a], s[b], s[c], s[d]
  w = (w + x) % WORD; z = rol(bxor(z, w), 16)
  y = (y + z) % WORD; x = rol(bxor(x, y), 12)
  w = (w + x) % WORD; z = rol(bxor(z, w), 8)
  y = (y + z) % WORD; x = rol(bxor(x, y), 7)
  s[a], s[b], s[c], s[d] = w, x, y, z
end

-- The 16 words of one block.
local function block_of(key, nonce, counter)
  local start = { 0x61707865, 0x3320646e, 0x79622d32, 0x6b206574 }
  for i = 0, 7 do start[5 + i] = word_at(key, 1 + 4 * i) end
  start[13] = counter
  for i = 0, 2 do start[14 + i] = word_at(nonce, 1 + 4 * i) end
  local s = { table.unpack(start) }
  for _ = 1, 10 do
    quarter(s, 1, 5, 9, 13)
    quarter(s, 2, 6, 10, 14)
    quarter(s, 3, 7, 11, 15)
    quarter(s, 4, 8, 12, 16)
    quarter(s, 1, 6, 11, 16)
    quarter(s, 2, 7, 12, 13)
    quarter(s, 3, 8, 9, 14)
    quarter(s, 4, 5, 10, 15)
  end
  for i = 1, 16 do s[i] = (s[i] + start[i]) % WORD end
  return s
end

-- Numbers of 130 bits as ten limbs of 13, the lowest first: products and their sums stay far below 2^53.
local LIMB = 8192

local function limbs_of(...)
  local limbs, rest, unit = {}, 0, 1
  for i = 1, select('#', ...) do
    rest, unit = rest + select(i, ...) * unit, unit * 256
    while unit >= LIMB do
      limbs[#limbs + 1] = rest % LIMB
      rest, unit = floor(rest / LIMB), floor(unit / LIMB)
    end
  end
  if #limbs < 10 then limbs[#limbs + 1] = rest end
  return limbs
end

-- Modulo 2^130 - 5: what is above comes back five times.
local function carried(limbs)
  local carry = 0
  for i = 1, 10 do
    local value = limbs[i] + carry
    carry = floor(value / LIMB)
    limbs[i] = value % LIMB
  end
  limbs[1] = limbs[1] + 5 * carry
  return limbs
end

local function multiplied(x, r)
  local product = {}
  for i = 1, 10 do
    local sum = 0
    for j = 1, 10 do
      sum = sum + (j <= i and x[j] * r[i - j + 1] or 5 * x[j] * r[i - j + 11])
    end
    product[i] = sum
  end
  return carried(carried(product))
end

local function clamped(text)
  local digits = { text:byte(1, 16) }
  for _, i in ipairs({ 4, 8, 12, 16 }) do digits[i] = band(digits[i], 15) end
  for _, i in ipairs({ 5, 9, 13 }) do digits[i] = band(digits[i], 252) end
  return limbs_of(table.unpack(digits))
end

-- Between 0 and 2^130 - 6.
local function reduced(limbs)
  for _ = 1, 3 do carried(limbs) end
  local plus_five, carry = {}, 5
  for i = 1, 10 do
    local value = limbs[i] + carry
    carry = floor(value / LIMB)
    plus_five[i] = value % LIMB
  end
  return carry > 0 and plus_five or limbs
end

-- `key`: 32 bytes. `message`: whole blocks of 16.
local function poly1305(key, message)
  local r, sum = clamped(key), { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }
  for position = 1, #message, 16 do
    local a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p = message:byte(position, position + 15)
    local block = limbs_of(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, 1)
    for limb = 1, 10 do sum[limb] = sum[limb] + block[limb] end
    sum = multiplied(sum, r)
  end
  sum = reduced(sum)
  local tag, rest, unit, carry, limb = {}, 0, 1, 0, 1
  for i = 17, 32 do
    while unit < 256 do
      rest, unit, limb = rest + sum[limb] * unit, unit * LIMB, limb + 1
    end
    carry = carry + rest % 256 + key:byte(i)
    tag[#tag + 1] = char(carry % 256)
    carry, rest, unit = floor(carry / 256), floor(rest / 256), floor(unit / 256)
  end
  return concat(tag)
end

local function whole_blocks(text) return text .. ('\0'):rep(-#text % 16) end

local M = {}

-- As that of aes-gcm.lua.
function M.opener(key)
  return function(nonce, aad, ciphertext, tag)
    local first, once = block_of(key, nonce, 0), {}
    for i = 1, 8 do once[i] = text_of(first[i]) end
    local lengths = text_of(#aad) .. text_of(0) .. text_of(#ciphertext) .. text_of(0)
    if poly1305(concat(once), whole_blocks(aad) .. whole_blocks(ciphertext) .. lengths) ~= tag then return nil end
    local text, plain = ciphertext .. ('\0'):rep(-#ciphertext % 64), {}
    for position = 1, #text, 64 do
      local keystream = block_of(key, nonce, (position - 1) / 64 + 1)
      for i = 1, 16 do plain[#plain + 1] = text_of(bxor(keystream[i], word_at(text, position + 4 * i - 4))) end
    end
    return concat(plain):sub(1, #ciphertext)
  end
end

return M
