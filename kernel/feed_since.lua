-- What followed a position: epoch, last number, and the items after it; without the items when the ring no longer holds all of them.
-- KEYS head ring; ARGV candidate epoch, the reader's epoch, the reader's number, lifetime ms.
local epoch = redis.call('HGET', KEYS[1], 'epoch')
if not epoch then
  epoch = ARGV[1]
  redis.call('HSET', KEYS[1], 'epoch', epoch, 'n', 0)
  redis.call('DEL', KEYS[2])
end
redis.call('PEXPIRE', KEYS[1], ARGV[4])
redis.call('PEXPIRE', KEYS[2], ARGV[4])
local n = tonumber(redis.call('HGET', KEYS[1], 'n')) or 0
local missing = n - tonumber(ARGV[3])
if epoch ~= ARGV[2] or missing < 0 or missing > redis.call('LLEN', KEYS[2]) then
  return {epoch, n, 0}
end
if missing == 0 then
  return {epoch, n, 1}
end
return {epoch, n, 1, unpack(redis.call('LRANGE', KEYS[2], -missing, -1))}
