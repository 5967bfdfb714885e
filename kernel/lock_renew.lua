-- Renews the lease of a session that is ours; writes it again when the store forgot it. 0: another turn has it now.
-- KEYS session; ARGV gateway, turn, resume digest, operator, lease ms.
local turn = redis.call('HGET', KEYS[1], 'turn')
if turn and turn ~= ARGV[2] then
  return 0
end
if not turn then
  redis.call('HSET', KEYS[1], 'gateway', ARGV[1], 'turn', ARGV[2], 'resume', ARGV[3], 'operator', ARGV[4])
end
redis.call('PEXPIRE', KEYS[1], ARGV[5])
return 1
