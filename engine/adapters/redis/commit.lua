-- One batch of one partition, written as a whole or not at all. Everything it refuses, it refuses before the first write.
--
-- KEYS[1] meta          hash: one JSON value per field of Meta
-- KEYS[2] due           sorted set: every customer -> soonest wake-up in ms, +inf where there is none
-- KEYS[3] outbox        hash: outreach id -> encoded outreach
-- KEYS[4] outbox:order  list of the ids in the outbox, oldest first
-- KEYS[5] erased        sorted set: digest of an erased customer -> moment of the erasure in ms
-- KEYS[6...]            on a cluster every other key that is touched, so that a slot on the move refuses the whole
--                       script; not read here (elsewhere the time to send them is saved)
-- ARGV[1] MessagePack map, see `Change` in change.py
-- ARGV[2] the bytes of states, outbox entries and outcome records, end to end; `lengths` in the map cuts them
--
-- Returns nil, or {seq, offsets} as stored when they are not what the map expects.

local CHUNK = 1000 -- even, and well below what fits on Lua's stack

local change = cmsgpack.unpack(ARGV[1])
local meta, due, outbox, order, erased = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]

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

local state_key, history_key = change.prefix .. 'c:', change.prefix .. 'h:'

local states = {}
for i, customer in ipairs(change.states) do
  states[2 * i - 1], states[2 * i] = state_key .. customer, next_value()
end
each_chunk(states, function(...) redis.call('MSET', ...) end)

local function never(customers)
  local wakes = {}
  for i, customer in ipairs(customers) do
    wakes[2 * i - 1], wakes[2 * i] = '+inf', customer
  end
  return wakes
end
each_chunk(change.wakes, function(...) redis.call('ZADD', due, ...) end)
each_chunk(never(change.unscheduled), function(...) redis.call('ZADD', due, 'NX', ...) end)
each_chunk(never(change.unwake), function(...) redis.call('ZADD', due, 'XX', ...) end)
for _, customer in ipairs(change.deleted) do
  redis.call('UNLINK', state_key .. customer, history_key .. customer)
  redis.call('ZREM', due, customer)
end

-- Published outreach is nearly always the oldest, so it goes in one piece; anything else is looked for one by one.
if #change.trim > 0 then
  local published, oldest, walked = {}, {}
  for _, id in ipairs(change.trim) do
    published[id] = true
  end
  repeat
    walked = #oldest
    for _, id in ipairs(redis.call('LRANGE', order, walked, walked + CHUNK - 1)) do
      if not published[id] then break end
      published[id] = nil
      oldest[#oldest + 1] = id
    end
  until #oldest < walked + CHUNK
  each_chunk(oldest, function(...) redis.call('HDEL', outbox, ...) end)
  redis.call('LTRIM', order, #oldest, -1)
  for id in pairs(published) do
    if redis.call('HDEL', outbox, id) == 1 then
      redis.call('LREM', order, 1, id)
    end
  end
end

-- An id that is waiting already is not put there twice.
each_chunk(change.outbox, function(...)
  local waiting = redis.call('HMGET', outbox, ...)
  local entries, ids = {}, {}
  for i, id in ipairs({...}) do
    local entry = next_value()
    if not waiting[i] then
      entries[#entries + 1], entries[#entries + 2] = id, entry
      ids[#ids + 1] = id
    end
  end
  if #ids > 0 then
    redis.call('HSET', outbox, unpack(entries))
    redis.call('RPUSH', order, unpack(ids))
  end
end)

for _, customer in ipairs(change.outcomes) do
  local history = history_key .. customer
  if redis.call('LPUSH', history, next_value()) > change.history_length then
    redis.call('LTRIM', history, 0, change.history_length - 1)
  end
  redis.call('EXPIRE', history, change.history_seconds)
end

if #change.erased > 0 then
  each_chunk(change.erased, function(...) redis.call('ZADD', erased, 'GT', ...) end)
  redis.call('ZREMRANGEBYSCORE', erased, '-inf', change.erased_after)
  redis.call('EXPIRE', erased, change.erased_seconds)
end

redis.call('HSET', meta, unpack(change.meta))
return nil
