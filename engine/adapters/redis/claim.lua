-- Claims outreach: one answer per key.
--
-- What a key holds: "c <run> <token> <doubt>" claimed, "h <run> <token> <doubt>" being handed over, or
-- "e <outcome> <at> <reason>" ended. Run is the server's run id at the claim, token the claiming sender,
-- doubt "d" where an earlier hand-over has no known end, else "-".
--
-- KEYS[1]     doubts: sorted set of "<purpose> <id>" by the moment in ms when the doubt was found
-- KEYS[2...]  one per outreach
-- ARGV[1] token
-- ARGV[2] now, ms
-- ARGV[3] seconds that all of this is kept
-- ARGV[4...] for each outreach: "<purpose> <id>", and "1" where this sender has had no answer to its last claim
--
-- Returns per outreach "c" claimed, "d" claimed in doubt, or what an ended one holds.

local token, now, kept = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
local answers = {}
for i = 2, #KEYS do
  local held = redis.call('GET', KEYS[i])
  local member, unanswered = ARGV[i * 2], ARGV[i * 2 + 1] == '1'
  if held and string.sub(held, 1, 1) == 'e' then
    answers[i - 1] = held
  else
    local doubt = '-'
    if held then
      local state, its_run, its_token, its_doubt = string.match(held, '^(%a) (%x+) (%S+) (%S+)$')
      -- After a restart the server may have forgotten that the hand-over had begun.
      local forgetful = its_run ~= run and not (unanswered and its_token == token)
      if state == 'h' or its_doubt == 'd' or forgetful then
        doubt = 'd'
        redis.call('ZADD', KEYS[1], 'NX', now, member)
        redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - kept * 1000)
        redis.call('EXPIRE', KEYS[1], kept)
      end
    end
    redis.call('SET', KEYS[i], table.concat({'c', run, token, doubt}, ' '), 'EX', kept)
    answers[i - 1] = doubt == 'd' and 'd' or 'c'
  end
end
return answers
