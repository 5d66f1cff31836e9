-- One batch of one partition, written as a whole or not at all. Everything it refuses, it refuses before the first write.
--
-- KEYS[1] meta          hash: one JSON value per field of Meta
-- KEYS[2] due           sorted set: every customer -> soonest wake-up in ms, +inf where there is none
-- KEYS[3] outbox        hash: outreach id -> encoded outreach
-- KEYS[4] outbox:order  list of the ids in the outbox, oldest first
-- KEYS[5...]            on a cluster every other key that is touched, so that a slot on the move refuses the whole
--                       script; not read here (declaring them doubles the cost of a commit)
-- ARGV[1] MessagePack map, see `Change` in store.py
-- ARGV[2] the bytes of states, outbox entries and outcome records, end to end; `lengths` in the map cuts them
--
-- Returns nil, or {seq, offsets} as stored when they are not what the map expects.

local CHUNK = 1000 -- even, and well below what fits on Lua's stack

local change = cmsgpack.unpack(ARGV[1])
local meta, due, outbox, order = KEYS[1], KEYS[2], KEYS[3], KEYS[4]

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

local states, newcomers = {}, {}
for i, customer in ipairs(change.states) do
  states[2 * i - 1], states[2 * i] = change.prefix .. 'c:' .. customer, next_value()
  newcomers[2 * i - 1], newcomers[2 * i] = '+inf', customer
end
each_chunk(states, function(...) redis.call('MSET', ...) end)
each_chunk(change.wakes, function(...) redis.call('ZADD', due, ...) end)
each_chunk(newcomers, function(...) redis.call('ZADD', due, 'NX', ...) end)
for _, customer in ipairs(change.unwake) do
  redis.call('ZADD', due, 'XX', '+inf', customer)
end

for _, customer in ipairs(change.deleted) do
  redis.call('UNLINK', change.prefix .. 'c:' .. customer, change.prefix .. 'h:' .. customer)
  redis.call('ZREM', due, customer)
end

for _, id in ipairs(change.trim) do
  if redis.call('HDEL', outbox, id) == 1 then
    redis.call('LREM', order, 1, id)
  end
end
for _, id in ipairs(change.outbox) do
  if redis.call('HSETNX', outbox, id, next_value()) == 1 then
    redis.call('RPUSH', order, id)
  end
end

for _, customer in ipairs(change.outcomes) do
  local history = change.prefix .. 'h:' .. customer
  redis.call('LPUSH', history, next_value())
  redis.call('LTRIM', history, 0, change.history_length - 1)
  redis.call('EXPIRE', history, change.history_seconds)
end

redis.call('HSET', meta, unpack(change.meta))
return nil
