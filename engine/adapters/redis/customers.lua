-- A page of the customers of one partition.
--
-- KEYS[1] due     sorted set that holds every customer
-- ARGV[1] cursor  '' or what the last page returned
-- ARGV[2] count   about how many to return
--
-- Returns {cursor, {customer, score, customer, score, ...}}; the cursor is '' after the last page.
-- A scan's cursor means nothing to another server process (each hashes with its own seed), so it carries
-- the process it came from, and after a restart or failover the scan begins again rather than miss somebody.

local process = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
local owner, position = string.match(ARGV[1], '^(%w+):(%d+)$')
if owner ~= process then
  position = '0'
end
local page = redis.call('ZSCAN', KEYS[1], position, 'COUNT', ARGV[2])
if page[1] == '0' then
  return {'', page[2]}
end
return {process .. ':' .. page[1], page[2]}
