-- A page of the customers of one partition.
--
-- KEYS[1] values  hash that has every customer
-- ARGV[1] position  '0' or what the last page returned
-- ARGV[2] count     about how many to return
--
-- Returns {position, {customer, ...}}; the position is '0' after the last page. It means nothing to another process.
-- In a script so that the values themselves do not cross the wire.

local page = redis.pcall('HSCAN', KEYS[1], ARGV[1], 'COUNT', ARGV[2], 'NOVALUES')
if not page.err then
  return page
end
-- Valkey before 8 and Redis before 7.4 know no NOVALUES, which copies no values: a third of the time.
page = redis.call('HSCAN', KEYS[1], ARGV[1], 'COUNT', ARGV[2])
local customers = {}
for i = 1, #page[2], 2 do
  customers[#customers + 1] = page[2][i]
end
return {page[1], customers}
