-- Marks claimed outreach as being handed over. What keys hold, see claim.lua.
--
-- KEYS[...] one per outreach
-- ARGV[1] token
-- ARGV[2] seconds that this is kept
--
-- Returns per outreach 1, or 0 where the claim is not this token's.

local answers = {}
for i = 1, #KEYS do
  local held = redis.call('GET', KEYS[i]) or ''
  local _, run, token, doubt = string.match(held, '^([ch]) (%x+) (%S+) (%S+)$')
  answers[i] = 0
  if token == ARGV[1] then
    redis.call('SET', KEYS[i], table.concat({'h', run, token, doubt}, ' '), 'EX', ARGV[2])
    answers[i] = 1
  end
end
return answers
