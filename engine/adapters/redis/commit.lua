-- One commit to one partition, written as a whole or not at all. It is the function of engine/adapters/memory/script.py.
--
-- Scripts are not rolled back: everything that can be refused is refused before the first write, and the first write is
-- one that a full server refuses. After it nothing may fail.
--
-- KEYS[1] m         the seal: random bits and the partition's meta
-- KEYS[2] values    hash: customer -> encoded value
-- KEYS[3] days      set: the days that have looks
-- KEYS[4] outbox    hash: seq of a commit -> the outreach it decided
-- KEYS[5] erased    sorted set: digest of an erased customer -> moment of the erasure in ms
-- KEYS[6] meta      what format 2 had; a tombstone that stops engines of format 2
-- KEYS[7...] t:<day>  lists of encoded looks, of the days in `days` of the map
-- ARGV[1] the seal that the commit expects, empty where nothing was stored
-- ARGV[2] the new seal
-- ARGV[3] MessagePack map, see `Change` in change.py
-- ARGV[4] bytes, end to end: values, outbox, looks, then looks to be found and replaced; `lengths` in the map cuts them
--
-- Returns false, or the seal as stored where it is not the expected one, or where other looks are there than expected.

local CHUNK = 1000 -- even, and well below what fits on Lua's stack
local TYPES = {'string', 'hash', 'set', 'hash', 'zset', 'hash'}

local found = redis.call('GET', KEYS[1]) or ''
if found ~= ARGV[1] then
  return found
end
local m, values, days, outbox, erased, old = unpack(KEYS, 1, 6)
local change = cmsgpack.unpack(ARGV[3])
for i = 1, #KEYS do
  local kind = redis.call('TYPE', KEYS[i]).ok
  if kind ~= 'none' and kind ~= (TYPES[i] or 'list') then
    return redis.error_reply('WRONGTYPE of ' .. KEYS[i])
  end
end
if found == '' then
  local known = redis.call('HMGET', old, 'seq', 'offsets')
  if (known[1] or '0') ~= change.old_seq or (known[2] or '{}') ~= change.old_offsets then
    return found
  end
end

local taken, start = 0, 1
local function next_bytes()
  taken = taken + 1
  local stop = start + change.lengths[taken]
  local bytes = string.sub(ARGV[4], start, stop - 1)
  start = stop
  return bytes
end

local function with_bytes(names)
  local pairs = {}
  for i = 1, #names do
    pairs[2 * i - 1], pairs[2 * i] = names[i], next_bytes()
  end
  return pairs
end

local function each_chunk(command, key, list, option)
  for first = 1, #list, CHUNK do
    local last = math.min(first + CHUNK - 1, #list)
    if option then
      redis.call(command, key, option, unpack(list, first, last))
    else
      redis.call(command, key, unpack(list, first, last))
    end
  end
end

local new_values, new_outbox, new_looks = with_bytes(change.values), with_bytes(change.outbox), {}
for i = 1, #change.looks do
  new_looks[i] = next_bytes()
end
local replaced = {}
for i = 1, #change.rewritten, 2 do
  local key, place, before, after = KEYS[6 + change.rewritten[i]], change.rewritten[i + 1], next_bytes(), next_bytes()
  if redis.call('LINDEX', key, place) ~= before then
    return found
  end
  replaced[#replaced + 1] = {key, place, after}
end

redis.call('SET', m, ARGV[2])
if found == '' then
  redis.call('HSET', old, 'seq', '-1', 'format', change.format)
end
each_chunk('HSET', values, new_values)
each_chunk('HDEL', values, change.deleted)
for _, one in ipairs(replaced) do
  redis.call('LSET', unpack(one))
end
for i = 1, #change.days_gone do
  redis.call('DEL', KEYS[6 + change.days_gone[i]])
  redis.call('SREM', days, change.days[change.days_gone[i]])
end
for i = 1, #new_looks do
  redis.call('RPUSH', KEYS[6 + change.looks[i]], new_looks[i])
  redis.call('SADD', days, change.days[change.looks[i]])
end
each_chunk('HSET', outbox, new_outbox)
each_chunk('HDEL', outbox, change.trim)
if #change.erased > 0 then
  each_chunk('ZADD', erased, change.erased, 'GT')
  redis.call('ZREMRANGEBYSCORE', erased, '-inf', change.erased_after)
  redis.call('EXPIRE', erased, change.erased_seconds)
end
return false
