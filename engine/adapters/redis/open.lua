-- What the owner of a partition begins with, of one moment.
--
-- KEYS[1] m
-- KEYS[2] days
-- KEYS[3] erased
-- KEYS[4] meta  what format 2 had
--
-- Returns {m, {day, ...}, {digest, moment, ...}, {seq, format} of format 2}.

return {
  redis.call('GET', KEYS[1]) or '',
  redis.call('SMEMBERS', KEYS[2]),
  redis.call('ZRANGE', KEYS[3], 0, -1, 'WITHSCORES'),
  redis.call('HMGET', KEYS[4], 'seq', 'format'),
}
