-- SHA-256, SHA-384, HMAC, HKDF-Expand-Label and CRC-32 on strings: Wireshark gives Lua none of them in all the versions
-- that are about. Keys are derived a few times for each connection, so plain is enough.

local bits = require('udprpc.bits')
local band, bnot, bor, bxor = bits.band, bits.bnot, bits.bor, bits.bxor
local lshift, rshift, ror = bits.lshift, bits.rshift, bits.ror

local WORD = 4294967296

-- Words of 64 bits in hexadecimal, as their high and low halves.
local function words(text)
  local halves = { high = {}, low = {} }
  for high, low in text:gmatch('(%x%x%x%x%x%x%x%x)(%x%x%x%x%x%x%x%x)') do
    halves.high[#halves.high + 1] = tonumber(high, 16)
    halves.low[#halves.low + 1] = tonumber(low, 16)
  end
  return halves
end

-- FIPS 180-4: fractions of the roots of primes. The words of SHA-256 are the upper halves of those of SHA-512.
local K = words([[
  428a2f98d728ae22 7137449123ef65cd b5c0fbcfec4d3b2f e9b5dba58189dbbc 3956c25bf348b538 59f111f1b605d019
  923f82a4af194f9b ab1c5ed5da6d8118 d807aa98a3030242 12835b0145706fbe 243185be4ee4b28c 550c7dc3d5ffb4e2
  72be5d74f27b896f 80deb1fe3b1696b1 9bdc06a725c71235 c19bf174cf692694 e49b69c19ef14ad2 efbe4786384f25e3
  0fc19dc68b8cd5b5 240ca1cc77ac9c65 2de92c6f592b0275 4a7484aa6ea6e483 5cb0a9dcbd41fbd4 76f988da831153b5
  983e5152ee66dfab a831c66d2db43210 b00327c898fb213f bf597fc7beef0ee4 c6e00bf33da88fc2 d5a79147930aa725
  06ca6351e003826f 142929670a0e6e70 27b70a8546d22ffc 2e1b21385c26c926 4d2c6dfc5ac42aed 53380d139d95b3df
  650a73548baf63de 766a0abb3c77b2a8 81c2c92e47edaee6 92722c851482353b a2bfe8a14cf10364 a81a664bbc423001
  c24b8b70d0f89791 c76c51a30654be30 d192e819d6ef5218 d69906245565a910 f40e35855771202a 106aa07032bbd1b8
  19a4c116b8d2d0c8 1e376c085141ab53 2748774cdf8eeb99 34b0bcb5e19b48a8 391c0cb3c5c95a63 4ed8aa4ae3418acb
  5b9cca4f7763e373 682e6ff3d6b2b8a3 748f82ee5defb2fc 78a5636f43172f60 84c87814a1f0ab72 8cc702081a6439ec
  90befffa23631e28 a4506cebde82bde9 bef9a3f7b2c67915 c67178f2e372532b ca273eceea26619c d186b8c721c0c207
  eada7dd6cde0eb1e f57d4f7fee6ed178 06f067aa72176fba 0a637dc5a2c898a6 113f9804bef90dae 1b710b35131c471b
  28db77f523047d84 32caab7b40c72493 3c9ebe0a15c9bebc 431d67c49c100d4c 4cc5d4becb3e42b6 597f299cfc657e2a
  5fcb6fab3ad6faec 6c44198c4a475817
]])

local START_256 = words([[
  6a09e667f3bcc908 bb67ae8584caa73b 3c6ef372fe94f82b a54ff53a5f1d36f1 510e527fade682d1 9b05688c2b3e6c1f
  1f83d9abfb41bd6b 5be0cd19137e2179
]])
local START_384 = words([[
  cbbb9d5dc1059ed8 629a292a367cd507 9159015a3070dd17 152fecd8f70e5939 67332667ffc00b31 8eb44a8768581511
  db0c2e0d64f98fa7 47b5481dbefa4fa4
]])

local function big_endian(value, count)
  local digits = {}
  for i = count, 1, -1 do
    digits[i] = string.char(value % 256)
    value = math.floor(value / 256)
  end
  return table.concat(digits)
end

local function word_at(text, position)
  local a, b, c, d = text:byte(position, position + 3)
  return ((a * 256 + b) * 256 + c) * 256 + d
end

local function padded(message, block)
  local length_bytes = block / 8
  local zeros = (block - 1 - length_bytes - #message) % block
  return message .. '\128' .. ('\0'):rep(zeros + length_bytes - 8) .. big_endian(#message * 8, 8)
end

local function sha256(message)
  local h = { table.unpack(START_256.high) }
  local text = padded(message, 64)
  for block = 1, #text, 64 do
    local w = {}
    for i = 1, 16 do w[i] = word_at(text, block + 4 * i - 4) end
    for i = 17, 64 do
      local x, y = w[i - 15], w[i - 2]
      local s0 = bxor(ror(x, 7), ror(x, 18), rshift(x, 3))
      local s1 = bxor(ror(y, 17), ror(y, 19), rshift(y, 10))
      w[i] = (w[i - 16] + s0 + w[i - 7] + s1) % WORD
    end
    local a, b, c, d, e, f, g, last = table.unpack(h)
    for i = 1, 64 do
      local choice = bxor(band(e, f), band(bnot(e), g))
      local t1 = last + bxor(ror(e, 6), ror(e, 11), ror(e, 25)) + choice + K.high[i] + w[i]
      local majority = bxor(band(a, b), band(a, c), band(b, c))
      local t2 = bxor(ror(a, 2), ror(a, 13), ror(a, 22)) + majority
      last, g, f, e, d, c, b, a = g, f, e, (d + t1) % WORD, c, b, a, (t1 + t2) % WORD
    end
    for i, value in ipairs({ a, b, c, d, e, f, g, last }) do h[i] = (h[i] + value) % WORD end
  end
  for i = 1, 8 do h[i] = big_endian(h[i], 4) end
  return table.concat(h)
end

-- Of 64 bits, as two halves; both are results, from 0 to 2^32 - 1.
local function rotated(high, low, count)
  if count >= 32 then
    high, low, count = low, high, count - 32
  end
  return bor(rshift(high, count), lshift(low, 32 - count)) % WORD,
    bor(rshift(low, count), lshift(high, 32 - count)) % WORD
end

local function shifted(high, low, count)
  return rshift(high, count) % WORD, bor(rshift(low, count), lshift(high, 32 - count)) % WORD
end

-- The exclusive or of two rotations and of a third, or of a shift.
local function mixed(high, low, first, second, third, last)
  local h1, l1 = rotated(high, low, first)
  local h2, l2 = rotated(high, low, second)
  local h3, l3 = last(high, low, third)
  return bxor(h1, h2, h3) % WORD, bxor(l1, l2, l3) % WORD
end

local function sum(high, low)
  return (high + math.floor(low / WORD)) % WORD, low % WORD
end

local function sha384_block(h, text, block)
  local wh, wl = {}, {}
  for i = 1, 16 do
    wh[i], wl[i] = word_at(text, block + 8 * i - 8), word_at(text, block + 8 * i - 4)
  end
  for i = 17, 80 do
    local h0, l0 = mixed(wh[i - 15], wl[i - 15], 1, 8, 7, shifted)
    local h1, l1 = mixed(wh[i - 2], wl[i - 2], 19, 61, 6, shifted)
    wh[i], wl[i] = sum(wh[i - 16] + h0 + wh[i - 7] + h1, wl[i - 16] + l0 + wl[i - 7] + l1)
  end
  local v = { high = { table.unpack(h.high) }, low = { table.unpack(h.low) } }
  local vh, vl = v.high, v.low
  for i = 1, 80 do
    local h1, l1 = mixed(vh[5], vl[5], 14, 18, 41, rotated)
    local choice_high = bxor(band(vh[5], vh[6]), band(bnot(vh[5]), vh[7])) % WORD
    local choice_low = bxor(band(vl[5], vl[6]), band(bnot(vl[5]), vl[7])) % WORD
    local t1h = vh[8] + h1 + choice_high + K.high[i] + wh[i]
    local t1l = vl[8] + l1 + choice_low + K.low[i] + wl[i]
    local h0, l0 = mixed(vh[1], vl[1], 28, 34, 39, rotated)
    local majority_high = bxor(band(vh[1], vh[2]), band(vh[1], vh[3]), band(vh[2], vh[3])) % WORD
    local majority_low = bxor(band(vl[1], vl[2]), band(vl[1], vl[3]), band(vl[2], vl[3])) % WORD
    for k = 8, 2, -1 do
      vh[k], vl[k] = vh[k - 1], vl[k - 1]
    end
    vh[5], vl[5] = sum(vh[5] + t1h, vl[5] + t1l)
    vh[1], vl[1] = sum(t1h + h0 + majority_high, t1l + l0 + majority_low)
  end
  for i = 1, 8 do
    h.high[i], h.low[i] = sum(h.high[i] + vh[i], h.low[i] + vl[i])
  end
end

local function sha384(message)
  local h = { high = { table.unpack(START_384.high) }, low = { table.unpack(START_384.low) } }
  local text = padded(message, 128)
  for block = 1, #text, 128 do sha384_block(h, text, block) end
  local parts = {}
  for i = 1, 6 do parts[i] = big_endian(h.high[i], 4) .. big_endian(h.low[i], 4) end
  return table.concat(parts)
end

local HASHES = {
  sha256 = { digest = sha256, block_bytes = 64 },
  sha384 = { digest = sha384, block_bytes = 128 },
}

local M = {}

function M.digest(name, message) return HASHES[name].digest(message) end

-- RFC 2104.
function M.hmac(name, key, message)
  local hash = HASHES[name]
  if #key > hash.block_bytes then key = hash.digest(key) end
  key = key .. ('\0'):rep(hash.block_bytes - #key)
  local function masked(mask)
    return (key:gsub('.', function(char) return string.char(band(bxor(char:byte(), mask), 255)) end))
  end
  return hash.digest(masked(0x5c) .. hash.digest(masked(0x36) .. message))
end

-- RFC 8446 §7.1 with an empty context; `length` is at most that of the hash.
function M.expand_label(name, secret, label, length)
  local full = 'tls13 ' .. label
  local info = big_endian(length, 2) .. string.char(#full) .. full .. '\0' .. '\1'
  return M.hmac(name, secret, info):sub(1, length)
end

local CRC_TABLE = {}
for byte = 0, 255 do
  local value = byte
  for _ = 1, 8 do
    value = bxor(rshift(value, 1), band(value, 1) == 1 and 0xedb88320 or 0)
  end
  CRC_TABLE[byte] = value
end

-- That of zlib, which goes on from `before`: 0 to begin with.
function M.crc32(text, before)
  local crc = bnot(before)
  for i = 1, #text do crc = bxor(rshift(crc, 8), CRC_TABLE[band(bxor(crc, text:byte(i)), 255)]) end
  return bnot(crc) % WORD
end

M.big_endian = big_endian

return M
