-- Names this process of the server, unless another sender was faster.
--
-- KEYS[1] run: the name of the process
-- ARGV[1] what was found there, '' for nothing
-- ARGV[2] the name instead

if (redis.call('GET', KEYS[1]) or '') == ARGV[1] then
  redis.call('SET', KEYS[1], ARGV[2])
end
