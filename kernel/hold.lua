-- The scripts of kernel/hold.py; each runs as one undivided step. The part above the first name precedes every script.
--
-- KEYS[1] marks a hotel whose holds are known here (a wipe takes the mark along); then three keys for every night of the stay:
--   held       sorted set, one member per held room, scored by the millisecond in which the hold ends
--   confirmed  sorted set, one member per confirmed room, scored by the millisecond of the confirmation
--   report     hash: how many rooms the source last said it has left (`rooms`), and when it was asked (`at`)
-- ARGV[1] is the instant in milliseconds, or empty for this server's own clock.

local KEPT = 7 * 24 * 3600 * 1000  -- ms after the last touch; a stay is over by then

local function instant()
  if ARGV[1] ~= '' then return tonumber(ARGV[1]) end
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

local function nights() return (#KEYS - 1) / 3 end
local function held(night) return KEYS[2 + (night - 1) * 3] end
local function confirmed(night) return KEYS[3 + (night - 1) * 3] end
local function report(night) return KEYS[4 + (night - 1) * 3] end
local function member(hold, room) return hold .. '#' .. room end
local function purge(night, now) redis.call('ZREMRANGEBYSCORE', held(night), '-inf', now) end

local function keep(night)
  redis.call('PEXPIRE', held(night), KEPT)
  redis.call('PEXPIRE', confirmed(night), KEPT)
  redis.call('PEXPIRE', report(night), KEPT)
end

-- What the source said last, when, and whether that is what is stored already; the caller's own knowledge takes part.
local function newest(night, rooms, at)
  local known = redis.call('HMGET', report(night), 'rooms', 'at')
  if known[1] and tonumber(known[2]) > at then return tonumber(known[1]), tonumber(known[2]), true end
  return rooms, at, tonumber(known[1]) == rooms and tonumber(known[2]) == at
end

-- name: take
-- Hold `rooms` rooms over all nights, or none: {1, end, mark} · {0, free} when a night has too few · {-1} when the hotel is not known here.
-- ARGV: now, hold, rooms, lifetime in ms, rooms reported, reported at. Taking again under the same name replaces what it held.
local now, hold, rooms, lifetime = instant(), ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local mark = redis.call('GET', KEYS[1])
if not mark then return {-1} end
for night = 1, nights() do
  purge(night, now)
  local capacity, at, told = newest(night, tonumber(ARGV[5]), tonumber(ARGV[6]))
  if not told then redis.call('HSET', report(night), 'rooms', capacity, 'at', at) end
  local others = redis.call('ZCARD', held(night))
  for room = 1, rooms do
    if redis.call('ZSCORE', held(night), member(hold, room)) then others = others - 1 end
  end
  -- What was confirmed before the source was asked is missing from its number already.
  local free = capacity - others - redis.call('ZCOUNT', confirmed(night), '(' .. at, '+inf')
  if free < rooms then return {0, math.max(free, 0)} end
end
for night = 1, nights() do
  for room = 1, rooms do redis.call('ZADD', held(night), now + lifetime, member(hold, room)) end
  keep(night)
end
return {1, now + lifetime, mark}

-- name: extend
-- Let a living hold end later: its new end, or 0 when it is gone. ARGV: now, hold, rooms, lifetime in ms.
local now, hold, rooms, lifetime = instant(), ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
for night = 1, nights() do
  purge(night, now)
  for room = 1, rooms do
    if not redis.call('ZSCORE', held(night), member(hold, room)) then return 0 end
  end
end
for night = 1, nights() do
  for room = 1, rooms do redis.call('ZADD', held(night), now + lifetime, member(hold, room)) end
  keep(night)
end
return now + lifetime

-- name: confirm
-- The rooms are ours, whether or not the hold was still alive. ARGV: now, hold, rooms.
local now, hold, rooms = instant(), ARGV[2], tonumber(ARGV[3])
for night = 1, nights() do
  for room = 1, rooms do
    redis.call('ZREM', held(night), member(hold, room))
    redis.call('ZADD', confirmed(night), 'NX', now, member(hold, room))
  end
  keep(night)
end
return 1

-- name: release
-- Give the rooms back, held or confirmed: how many there were. ARGV: now, hold, rooms.
local freed = 0
for night = 1, nights() do
  for room = 1, tonumber(ARGV[3]) do
    local name = member(ARGV[2], room)
    freed = freed + redis.call('ZREM', held(night), name) + redis.call('ZREM', confirmed(night), name)
  end
end
return freed

-- name: count
-- For each night: held, confirmed, confirmed since the report, first end (0: none), rooms reported (-1: never), reported at.
-- ARGV: now, reported at (0: as stored).
local now, counts = instant(), {}
for night = 1, nights() do
  purge(night, now)
  local rooms, at = newest(night, -1, tonumber(ARGV[2]))
  local first = redis.call('ZRANGE', held(night), 0, 0, 'WITHSCORES')
  counts[night] = {
    redis.call('ZCARD', held(night)), redis.call('ZCARD', confirmed(night)),
    redis.call('ZCOUNT', confirmed(night), '(' .. at, '+inf'), tonumber(first[2] or 0), rooms, at,
  }
end
return counts

-- name: restore
-- Put back what Postgres remembers and mark the hotel known; what is here already stays as it is, the mark too.
-- ARGV: now, ms the mark lasts, the mark, then for every member: night's number, 'held' or 'confirmed', hold, rooms, ms from now (held: to the end;
-- confirmed: since the confirmation).
local now = instant()
for i = 4, #ARGV, 5 do
  local night, rooms, span = tonumber(ARGV[i]), tonumber(ARGV[i + 3]), tonumber(ARGV[i + 4])
  for room = 1, rooms do
    if ARGV[i + 1] == 'held' then
      redis.call('ZADD', held(night), 'NX', now + span, member(ARGV[i + 2], room))
    else
      redis.call('ZADD', confirmed(night), 'NX', now - span, member(ARGV[i + 2], room))
    end
  end
  keep(night)
end
if not redis.call('SET', KEYS[1], ARGV[3], 'NX', 'PX', ARGV[2]) then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 1
