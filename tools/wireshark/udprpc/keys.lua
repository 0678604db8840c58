-- Keys of packets under TLS (PROTOCOL §5.3): those of HELLO packets from the ID that the client's go to, those of PROTECTED
-- packets from the secrets of a key log [KEY-10], generation after generation.

local constants = require('udprpc.constants')
local hash = require('udprpc.hash')
local bits = require('udprpc.bits')

local labels = constants.key_labels

local CIPHERS = {
  ['aes-128-gcm'] = require('udprpc.aes-gcm'),
  ['aes-256-gcm'] = require('udprpc.aes-gcm'),
  ['chacha20-poly1305'] = require('udprpc.chacha20-poly1305'),
}

local HELLO_SUITE = constants.suites[constants.hello_suite]

local M = {}

local function bytes_of(hex)
  return (hex:gsub('%x%x', function(pair) return string.char(tonumber(pair, 16)) end))
end

-- [KEY-3]
local function nonce_of(iv, packet_number)
  local number = hash.big_endian(packet_number, #iv)
  local nonce = {}
  for i = 1, #iv do nonce[i] = string.char(bits.bxor(iv:byte(i), number:byte(i))) end
  return table.concat(nonce)
end

-- What opens packets of one generation, and makes those of the next: a function (packet number, header, sealed).
local function opener(suite, secret)
  local key = hash.expand_label(suite.hash, secret, labels.KEY, suite.key_bytes)
  local iv = hash.expand_label(suite.hash, secret, labels.IV, constants.iv_bytes)
  local open = CIPHERS[suite.cipher].opener(key)
  local function next_opener()
    return opener(suite, hash.expand_label(suite.hash, secret, labels.UPDATE, suite.hash_bytes))
  end
  return {
    open = function(packet_number, header, sealed)
      local ciphertext_bytes = #sealed - constants.tag_bytes
      if ciphertext_bytes < 0 then return nil end
      local nonce = nonce_of(iv, packet_number)
      return open(nonce, header, sealed:sub(1, ciphertext_bytes), sealed:sub(ciphertext_bytes + 1))
    end,
    next = next_opener,
  }
end

-- [KEY-1] Those of both sides.
function M.hello(hello_id)
  local secret = hash.hmac(HELLO_SUITE.hash, bytes_of(constants.hello_salt), hello_id)
  local function of(label)
    return opener(HELLO_SUITE, hash.expand_label(HELLO_SUITE.hash, secret, label, HELLO_SUITE.hash_bytes))
  end
  return { client = of(labels.CLIENT_HELLO), server = of(labels.SERVER_HELLO) }
end

-- [HDR-9] The same key for all; the ID that the hello went to stands before the header.
function M.retry(hello_id)
  local secret = hash.hmac(HELLO_SUITE.hash, bytes_of(constants.hello_salt), '')
  local under = opener(HELLO_SUITE, hash.expand_label(HELLO_SUITE.hash, secret, labels.RETRY, HELLO_SUITE.hash_bytes))
  return function(header, sealed) return under.open(0, hello_id .. header, sealed) end
end

local Phases = {}
Phases.__index = Phases

-- [KEY-6] The generations of one side's keys, as its peer follows them. Returns the payload and its generation.
function Phases:open(packet_number, phase, header, sealed)
  if phase == self.generation % 2 then
    local payload = self.current.open(packet_number, header, sealed)
    if payload and packet_number < self.first_number then self.first_number = packet_number end
    return payload, self.generation
  end
  if self.previous and packet_number < self.first_number then
    return self.previous.open(packet_number, header, sealed), self.generation - 1
  end
  self.following = self.following or self.current.next()
  local payload = self.following.open(packet_number, header, sealed)
  if payload == nil then return nil end
  self.previous, self.current, self.following = self.current, self.following, nil
  self.generation, self.first_number = self.generation + 1, packet_number
  return payload, self.generation
end

local function phases(suite, secret)
  return setmetatable({ generation = 0, first_number = 0, current = opener(suite, secret) }, Phases)
end

-- The key log as far as it was read: it may grow while packets come.
local log = { path = '', position = 0, secrets = {} }

function M.reset(path)
  log = { path = path, position = 0, secrets = {} }
end

local function learn(line)
  local side, id, suite_name, secret = line:match('^UDPRPC_(%u+)_SECRET (%x+) ([%w_]+) (%x+)%s*$')
  local suite = suite_name and constants.suites[suite_name]
  if suite == nil or #secret ~= 2 * suite.hash_bytes then return end
  id = bytes_of(id:lower())
  log.secrets[id] = log.secrets[id] or {}
  log.secrets[id][side:lower()] = { suite = suite, secret = bytes_of(secret) }
end

-- Whole lines only: the last one may be half written.
local function read_on()
  local file = log.path ~= '' and io.open(log.path, 'rb')
  if not file then return end
  if file:seek('end') > log.position then
    file:seek('set', log.position)
    local text = file:read('*a'):match('^.*\n') or ''
    log.position = log.position + #text
    for line in text:gmatch('[^\n]+') do learn(line) end
  end
  file:close()
end

-- Of one side of the connection, or nil when the log does not have them.
function M.protected(original_id, side)
  if log.secrets[original_id] == nil or log.secrets[original_id][side] == nil then read_on() end
  local known = log.secrets[original_id] and log.secrets[original_id][side]
  return known and phases(known.suite, known.secret)
end

return M
