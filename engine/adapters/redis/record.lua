-- Writes down how outreach ended. What keys hold, see claim.lua.
--
-- KEYS[1]     doubts, see claim.lua
-- KEYS[2...]  one per outreach
-- ARGV[1] seconds that this is kept
-- ARGV[2...] for each outreach: outcome, moment in ms, reason, "<purpose> <id>"
--
-- What was sent stays sent, whatever another sender says later.

for i = 2, #KEYS do
  local at = (i - 2) * 4 + 2
  local outcome, moment, reason, member = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  local held = redis.call('GET', KEYS[i]) or ''
  if string.sub(held, 1, 7) ~= 'e sent ' then
    redis.call('SET', KEYS[i], table.concat({'e', outcome, moment, reason}, ' '), 'EX', ARGV[1])
    if outcome == 'in_doubt' then
      redis.call('ZADD', KEYS[1], 'NX', moment, member)
      redis.call('EXPIRE', KEYS[1], ARGV[1])
    end
  end
end
