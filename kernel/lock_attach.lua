-- Binds a session to a gateway: a new one, or one that comes back with its resume token. Returns its turn, or 0 when it may not come back.
-- KEYS session; ARGV gateway, digest of the presented token ('' for a new session), digest of the next token, operator, lease ms.
if ARGV[2] ~= '' then
  local known = redis.call('HMGET', KEYS[1], 'resume', 'operator')
  if known[1] ~= ARGV[2] or known[2] ~= ARGV[4] then
    return 0
  end
end
redis.call('HSET', KEYS[1], 'gateway', ARGV[1], 'resume', ARGV[3], 'operator', ARGV[4])
redis.call('HDEL', KEYS[1], 'left')
local turn = redis.call('HINCRBY', KEYS[1], 'turn', 1)
redis.call('PEXPIRE', KEYS[1], ARGV[5])
return turn
