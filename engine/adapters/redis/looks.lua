-- Lists of looks of some days.
--
-- KEYS[1] m
-- KEYS[2...] t:<day>
-- ARGV[1] the seal of the owner
-- ARGV[2] '1' where the seal must be the one stored
-- ARGV[3...] for each day, the place in its list to begin at
--
-- Returns the seal as stored where it is another one, else {{looks, ...}, ...}: a list for each day.

local found = redis.call('GET', KEYS[1]) or ''
if ARGV[2] == '1' and found ~= ARGV[1] then
  return found
end
local days = {}
for i = 2, #KEYS do
  days[i - 1] = redis.call('LRANGE', KEYS[i], ARGV[i + 1], -1)
end
return days
