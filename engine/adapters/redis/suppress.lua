-- Changes the suppression list. What keys hold: a hash with these fields.
--
--   <purpose>   "<before> <reason> <at>": suppressed; "*" is every purpose. Without <at>: written by an older sender
--   +<purpose>  the moment in ms when somebody said that it may go there again; "+" is said of every purpose
--   @<purpose>  the moment in ms of an operator's word; "@" of every purpose
--
-- KEYS[...] one per change
-- ARGV[...] four per change: purpose ("" is every purpose there is), what the purpose's field is to hold ("" allows it),
--           its moment in ms (0: not known), "1" for an operator's word
-- ARGV[last] by how many ms an entry may be older than the word that undid it
--
-- What was said before an operator's word does not undo it, however often it is read again. Of all other words about a
-- purpose the one said last holds.

local function allow(key, purpose)
  if purpose ~= '' then
    redis.call('HDEL', key, purpose)
    return
  end
  for _, field in ipairs(redis.call('HKEYS', key)) do
    if not string.find(field, '^[+@]') then
      redis.call('HDEL', key, field)
    end
  end
end

local clocks_differ = tonumber(ARGV[#ARGV])

for i = 1, #KEYS do
  local key, place = KEYS[i], i * 4 - 3
  local purpose, entry, at = ARGV[place], ARGV[place + 1], tonumber(ARGV[place + 2])
  local words = redis.call('HMGET', key, '@' .. purpose, '@', '+' .. purpose, '+', purpose)
  local said = {}
  for n = 1, 4 do
    said[n] = tonumber(words[n] or 0)
  end
  said[5] = tonumber(string.match(words[5] or '', ' (%d+)$') or 0)
  local heard = true
  if ARGV[place + 3] == '1' then
    redis.call('HSET', key, '@' .. purpose, ARGV[place + 2])
  elseif at > 0 then
    heard = at > math.max(said[1], said[2]) and at >= said[5]
    heard = heard and (entry == '' or at >= math.max(said[3], said[4]) - clocks_differ)
  end
  if heard and entry ~= '' then
    redis.call('HSET', key, purpose, entry)
  elseif heard then
    allow(key, purpose)
    if at >= said[3] then
      redis.call('HSET', key, '+' .. purpose, ARGV[place + 2])
    end
  end
end
