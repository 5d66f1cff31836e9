-- One batch of one partition, written as a whole or not at all. Everything it refuses, it refuses before the first write.
--
-- KEYS[1] meta      hash: one JSON value per field of Meta
-- KEYS[2] states    hash: customer -> encoded state
-- KEYS[3] due       sorted set: customer -> soonest wake-up in ms; without those who wait for nothing
-- KEYS[4] outbox    hash: seq of a commit -> the outreach it decided
-- KEYS[5] erased    sorted set: digest of an erased customer -> moment of the erasure in ms
-- KEYS[6] history   hash: customer -> outcomes of this period, newest first, each behind its length (3 bytes)
-- KEYS[7...]        the histories of other periods that may be there
-- ARGV[1] MessagePack map, see `Change` in change.py
-- ARGV[2] the bytes of states, outbox and histories, end to end; `lengths` in the map cuts them
--
-- Returns nil, or {seq, offsets} as stored when they are not what the map expects.

local CHUNK = 1000 -- even, and well below what fits on Lua's stack

local change = cmsgpack.unpack(ARGV[1])
local meta, states, due, outbox, erased, history = unpack(KEYS, 1, 6)

local found = redis.call('HMGET', meta, 'seq', 'offsets')
local seq, offsets = found[1] or '0', found[2] or '{}'
if seq ~= change.expected_seq or offsets ~= change.expected_offsets then
  return {seq, offsets}
end

local function each_chunk(list, write)
  for first = 1, #list, CHUNK do
    write(unpack(list, first, math.min(first + CHUNK - 1, #list)))
  end
end

local taken, start = 0, 1
local function next_value()
  taken = taken + 1
  local stop = start + change.lengths[taken]
  local value = string.sub(ARGV[2], start, stop - 1)
  start = stop
  return value
end

local function with_values(names)
  local pairs = {}
  for i, name in ipairs(names) do
    pairs[2 * i - 1], pairs[2 * i] = name, next_value()
  end
  return pairs
end

each_chunk(with_values(change.states), function(...) redis.call('HSET', states, ...) end)
each_chunk(with_values(change.outbox), function(...) redis.call('HSET', outbox, ...) end)
each_chunk(change.trim, function(...) redis.call('HDEL', outbox, ...) end)
each_chunk(change.wakes, function(...) redis.call('ZADD', due, ...) end)
each_chunk(change.unwake, function(...) redis.call('ZREM', due, ...) end)

each_chunk(change.deleted, function(...)
  redis.call('HDEL', states, ...)
  for i = 6, #KEYS do
    redis.call('HDEL', KEYS[i], ...)
  end
end)

-- Only so many outcomes are of interest; who has few of them is not counted.
local function newest(records)
  local stop, number = 1, 0
  while number < change.history_length and stop <= #records do
    stop, number = stop + 3 + struct.unpack('>I3', records, stop), number + 1
  end
  return string.sub(records, 1, stop - 1)
end

each_chunk(change.outcomes, function(...)
  local before, entries = redis.call('HMGET', history, ...), {}
  for i, customer in ipairs({...}) do
    local records = next_value() .. (before[i] or '')
    if #records > change.history_bytes then
      records = newest(records)
    end
    entries[2 * i - 1], entries[2 * i] = customer, records
  end
  redis.call('HSET', history, unpack(entries))
end)
if #change.outcomes > 0 then
  redis.call('EXPIREAT', history, change.history_until)
end

if #change.erased > 0 then
  each_chunk(change.erased, function(...) redis.call('ZADD', erased, 'GT', ...) end)
  redis.call('ZREMRANGEBYSCORE', erased, '-inf', change.erased_after)
  redis.call('EXPIRE', erased, change.erased_seconds)
end

redis.call('HSET', meta, unpack(change.meta))
return nil
