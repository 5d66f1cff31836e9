-- Gives claims back: it is certain that this hand-over has come to nothing. What keys hold, see claim.lua.
--
-- KEYS[...] one per outreach
-- ARGV[1] token
-- ARGV[2] seconds that this is kept
--
-- An earlier hand-over whose end is not known leaves its doubt behind.

for i = 1, #KEYS do
  local held = redis.call('GET', KEYS[i]) or ''
  local _, run, token, doubt = string.match(held, '^([ch]) (%x+) (%S+) (%S+)$')
  if token == ARGV[1] and doubt == 'd' then
    redis.call('SET', KEYS[i], table.concat({'c', run, token, doubt}, ' '), 'EX', ARGV[2])
  elseif token == ARGV[1] then
    redis.call('DEL', KEYS[i])
  end
end
