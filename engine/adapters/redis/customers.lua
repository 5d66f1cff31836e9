-- A page of the customers of one partition.
--
-- KEYS[1] states  hash that has every customer
-- ARGV[1] cursor  '' or what the last page returned
-- ARGV[2] count   about how many to return
--
-- Returns {cursor, {customer, ...}}; the cursor is '' after the last page.
-- A scan's cursor means nothing to another server process (each hashes with its own seed), so it carries
-- the process it came from, and after a restart or failover the scan begins again rather than miss somebody.

local process = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
local owner, position = string.match(ARGV[1], '^(%w+):(%d+)$')
if owner ~= process then
  position = '0'
end
local page = redis.call('HSCAN', KEYS[1], position, 'COUNT', ARGV[2])
local customers = {}
for i = 1, #page[2], 2 do
  customers[#customers + 1] = page[2][i]
end
if page[1] == '0' then
  return {'', customers}
end
return {process .. ':' .. page[1], customers}
