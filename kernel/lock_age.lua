-- For how many seconds the store has remembered sessions, and whether that began just now. KEYS mark. By the store's own clock.
local at = redis.call('TIME')[1]
local began = redis.call('SET', KEYS[1], at, 'NX')
return {began and 1 or 0, at - redis.call('GET', KEYS[1])}
