-- Values of customers, for the owner of the partition only.
--
-- KEYS[1] m
-- KEYS[2] values
-- ARGV[1] the seal of the owner
-- ARGV[2...] customers
--
-- Returns the seal as stored where it is another one, else {{value, ...}, ...}: a list for each thousand customers.

local CHUNK = 1000

local found = redis.call('GET', KEYS[1]) or ''
if found ~= ARGV[1] then
  return found
end
local chunks = {}
for first = 2, #ARGV, CHUNK do
  chunks[#chunks + 1] = redis.call('HMGET', KEYS[2], unpack(ARGV, first, math.min(first + CHUNK - 1, #ARGV)))
end
return chunks
