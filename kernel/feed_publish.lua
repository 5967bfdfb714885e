-- Numbers a batch, keeps it in the ring of the last 1,000 and publishes it, in one step: no batch is ever seen without its number.
-- KEYS head ring; ARGV candidate epoch, channel, topic, items, lifetime ms. Returns epoch and number.
local epoch = redis.call('HGET', KEYS[1], 'epoch')
if not epoch then
  epoch = ARGV[1]
  redis.call('HSET', KEYS[1], 'epoch', epoch)
  redis.call('DEL', KEYS[2])
end
local n = redis.call('HINCRBY', KEYS[1], 'n', 1)
redis.call('RPUSH', KEYS[2], ARGV[4])
redis.call('LTRIM', KEYS[2], -1000, -1)
redis.call('PEXPIRE', KEYS[1], ARGV[5])
redis.call('PEXPIRE', KEYS[2], ARGV[5])
redis.call('PUBLISH', ARGV[2], epoch .. ' ' .. n .. ' ' .. ARGV[3] .. ' ' .. ARGV[4])
return {epoch, n}
