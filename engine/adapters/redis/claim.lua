-- Claims outreach: one answer per key.
--
-- What a key holds: "c <run> <token> <doubt>" claimed, "h <run> <token> <doubt>" being handed over, or
-- "e <outcome> <at> <reason>" ended. Run is the name of the server's process at the claim (see process.py), token the
-- claiming sender, doubt "d" where an earlier hand-over has no known end, else "-".
--
-- KEYS[1]     turn: "<run> <turn>", as this process has just written it
-- KEYS[2]     doubts: sorted set of "<purpose> <id>" by the moment in ms when the doubt was found
-- KEYS[3...]  one per outreach
-- ARGV[1] run
-- ARGV[2] turn
-- ARGV[3] token
-- ARGV[4] now, ms
-- ARGV[5] seconds that all of this is kept
-- ARGV[6...] for each outreach: "<purpose> <id>", and "1" where this sender has had no answer to its last claim
--
-- Returns per outreach "c" claimed, "d" claimed in doubt, or what an ended one holds.

local run, token, now, kept = ARGV[1], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
if redis.call('GET', KEYS[1]) ~= run .. ' ' .. ARGV[2] then
  return redis.error_reply('OTHERPROCESS not the process that this claim was meant for')
end

local function is_this_process(its_run)
  if #its_run ~= 40 or its_run == run then
    return its_run == run
  end
  -- Claimed by an older sender, which asked INFO and so may run it.
  local info = redis.pcall('INFO', 'server')
  return type(info) == 'string' and string.match(info, 'run_id:(%x+)') == its_run
end

local answers = {}
for i = 3, #KEYS do
  local held = redis.call('GET', KEYS[i])
  local member, unanswered = ARGV[i * 2], ARGV[i * 2 + 1] == '1'
  if held and string.sub(held, 1, 1) == 'e' then
    answers[i - 2] = held
  else
    local doubt = '-'
    if held then
      local state, its_run, its_token, its_doubt = string.match(held, '^(%a) (%x+) (%S+) (%S+)$')
      -- After a restart the server may have forgotten that the hand-over had begun.
      local forgetful = not (unanswered and its_token == token) and not is_this_process(its_run)
      if state == 'h' or its_doubt == 'd' or forgetful then
        doubt = 'd'
        redis.call('ZADD', KEYS[2], 'NX', now, member)
        redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - kept * 1000)
        redis.call('EXPIRE', KEYS[2], kept)
      end
    end
    redis.call('SET', KEYS[i], table.concat({'c', run, token, doubt}, ' '), 'EX', kept)
    answers[i - 2] = doubt == 'd' and 'd' or 'c'
  end
end
return answers
