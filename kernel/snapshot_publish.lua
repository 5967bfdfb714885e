-- Keeps the newest: a writer that comes late, with an older version, loses. KEYS snapshot; ARGV version, document, etag, expiry (s) or ''.
local known = redis.call('HGET', KEYS[1], 'version')
if known and tonumber(known) > tonumber(ARGV[1]) then
  return 0
end
redis.call('HSET', KEYS[1], 'version', ARGV[1], 'document', ARGV[2], 'etag', ARGV[3])
if ARGV[4] ~= '' then
  redis.call('EXPIREAT', KEYS[1], ARGV[4])
end
return 1
