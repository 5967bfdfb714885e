-- The socket of this turn closed: the session lives on for its grace. A later turn is not touched. KEYS session; ARGV turn, grace ms.
if redis.call('HGET', KEYS[1], 'turn') ~= ARGV[1] then
  return 0
end
redis.call('HSET', KEYS[1], 'left', '1')
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
