-- The scripts of kernel/account.py; each runs as one undivided step. The part above the first name precedes every script.
--
-- KEYS[1] hash: slots, pace, pause and breaker of one account at a partner
-- KEYS[2] sorted set: slots set aside for what goes first, scored by their instant
-- KEYS[3] hash: what calls came to, in buckets of three seconds
-- KEYS[4] sorted set: processes that use the account, scored by when they last asked
-- KEYS[5] the ceiling that somebody set while Nexa runs, in calls a second; it stands for the one that comes along
-- ARGV[1] is the instant in microseconds, or empty for this server's own clock; ARGV[2] the ceiling in calls a second.
-- Instants and spans are microseconds throughout.

local SLACK = 60000           -- added to every second of slots: calls leave a little late, and a partner counts what arrives
local ON_THE_WAY = 25000      -- of it; the rest is how late a process says that it wakes, and more where one says more
local BELIEVED = 5000000      -- after which a process has to say it again
local KEPT = 3600000          -- ms after the last touch
local BUCKET, BUCKETS = 3000000, 10
local CROWD = 60000000        -- a process that has not asked for so long has no share
local LONGEST_QUEUE = 60000000
local FIRST_OPEN, LONGEST_OPEN = 15000000, 300000000

local function instant()
  if ARGV[1] ~= '' then return tonumber(ARGV[1]) end
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000000 + tonumber(time[2])
end

local now, ceiling = instant(), tonumber(redis.call('GET', KEYS[5]) or ARGV[2])
local kept = {}
do
  local flat = redis.call('HGETALL', KEYS[1])
  for i = 1, #flat, 2 do kept[flat[i]] = flat[i + 1] end
end

local function number(name) return tonumber(kept[name] or 0) end
local function text(value) return type(value) == 'number' and string.format('%.6f', value) or value end
local changed = {}
local function keep(name, value)
  kept[name] = text(value)
  changed[name] = kept[name]
end

-- The pace is what the partner has been seen to bear, never more than its contract.
local function pace()
  local rate = number('rate')
  if rate <= 0 or rate > ceiling then return ceiling end
  return rate
end
local function slack() return math.max(SLACK, number('late') + ON_THE_WAY) end
local function interval() return (1000000 + slack()) / pace() end

-- The latest counts for all.
local function heed(late)
  local known, said = number('late'), now - number('late_at')
  if late > known or said > BELIEVED or (late == known and said > BELIEVED / 5) then
    keep('late', late)
    keep('late_at', now)
  end
end

-- Slots that were given out no longer count: whoever holds one takes another.
local function void(from)
  keep('layout', number('layout') + 1)
  keep('tat', from)
  keep('later', 0)
  redis.call('DEL', KEYS[2])
end

local function finish()
  local flat = {}
  for name, value in pairs(changed) do
    flat[#flat + 1] = name
    flat[#flat + 1] = value
  end
  if #flat > 0 then redis.call('HSET', KEYS[1], unpack(flat)) end
  for key = 1, 4 do redis.call('PEXPIRE', KEYS[key], KEPT) end
end

local function bucket(number, part) return (number % (BUCKETS + 1)) .. part end

-- Adds to the bucket of this moment: grants, calls, failed, slow, throttled.
local function count(grants, calls, failed, slow, throttled)
  if grants + calls + throttled == 0 then return end
  local at = math.floor(now / BUCKET)
  if redis.call('HGET', KEYS[3], bucket(at, 'at')) ~= tostring(at) then
    redis.call('HDEL', KEYS[3], bucket(at, 'g'), bucket(at, 'c'), bucket(at, 'f'), bucket(at, 's'), bucket(at, 't'))
    redis.call('HSET', KEYS[3], bucket(at, 'at'), tostring(at))
  end
  local parts = {g = grants, c = calls, f = failed, s = slow, t = throttled}
  for part, more in pairs(parts) do
    if more > 0 then redis.call('HINCRBY', KEYS[3], bucket(at, part), more) end
  end
end

-- Grants, calls, failed, slow and throttled of the last thirty seconds.
local function sums()
  local flat, seen, total = redis.call('HGETALL', KEYS[3]), {}, {0, 0, 0, 0, 0}
  for i = 1, #flat, 2 do seen[flat[i]] = tonumber(flat[i + 1]) end
  local at = math.floor(now / BUCKET)
  for back = 0, BUCKETS - 1 do
    if seen[bucket(at - back, 'at')] == at - back then
      for place, part in ipairs({'g', 'c', 'f', 's', 't'}) do total[place] = total[place] + (seen[bucket(at - back, part)] or 0) end
    end
  end
  return total
end

-- A throttle means that the pace is too high: x 0.7, once for all calls that were under way, and then slowly up again. Never below a
-- tenth of the contract: one who throttles that is ill, and not crowded, and to go slower would not cure it.
local function cut()
  if now - number('cut_at') < 1000000 then return end
  local rate = pace()
  keep('high', rate)
  keep('rate', math.max(rate * 0.7, ceiling / 10))
  keep('step', 0)
  keep('cut_at', now)
  keep('grown_at', now)
  keep('grants', 0)
  void(now + interval())
end

-- Once a second, where at least half was used: quickly to where it was too much, slowly around it, ever faster beyond.
local function grow()
  local rate, high, unit = pace(), number('high'), ceiling / 50
  keep('grants', number('grants') + 1)
  local since = now - number('grown_at')
  if since < 1000000 then return end
  local used = number('grants') * 1000000 / since
  keep('grants', 0)
  keep('grown_at', now)
  if rate >= ceiling or since > 5000000 or used < rate / 2 then return end
  local step = unit
  if rate >= 0.9 * high then step = unit / 2 end
  if rate >= high then
    step = math.max(unit, number('step') * 2)
    keep('step', step)
  end
  keep('rate', math.min(ceiling, rate + step))
end

local function pause_left() return math.max(0, number('pause') - now) end

local function stop_until(at)
  if at <= number('pause') then return end
  keep('pause', at)
  void(at)
end

local STATES = {closed = 0, open = 1, probing = 2}
-- What every caller is told beside its own answer.
local function view(head)
  local told = {
    number('layout'), pause_left(), math.floor(ceiling * 1000000), math.floor(pace() * 1000000), STATES[kept['breaker'] or 'closed'],
    math.max(0, number('until') - now), number('turn'), redis.call('ZCARD', KEYS[4]),
  }
  for place = #told, 1, -1 do table.insert(head, 1, told[place]) end
  return head
end

if kept['layout'] == nil then  -- nothing is known, or everything was lost: what somebody still holds from before must not match
  keep('layout', now)
end

-- name: reserve
-- A slot: view, then granted (1 or 0) and how long until it comes; not granted, it says when to ask again.
-- ARGV: now, ceiling, patience, whether it goes first (1 or 0), who asks, what came of earlier calls: calls, failed, slow, good (1 or 0);
-- and how late the caller may wake.
local patience, first = tonumber(ARGV[3]), ARGV[4] == '1'
heed(tonumber(ARGV[10]))
count(0, tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8]), 0)
if ARGV[9] == '1' then keep('good_at', now) end
redis.call('ZADD', KEYS[4], now, ARGV[5])
redis.call('ZREMRANGEBYSCORE', KEYS[4], '-inf', now - CROWD)
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', text(now - 1))
local step, open = interval(), kept['breaker'] == 'open' and number('until') > now
local near = 3 * step  -- so soon that nobody who goes first is likely to come for it
local head = math.max(number('tat'), now)
local limit = first and text(head - 1) or text(now + near)
local aside = redis.call('ZRANGEBYSCORE', KEYS[2], text(now), limit, 'LIMIT', 0, 1)[1]
local slot, tat, turn, left = head, head + step, number('n') + 1, nil
if aside then
  slot, tat, turn = tonumber(aside), nil, nil
elseif not first and turn % 5 == 0 and head > now + near then
  slot, tat, turn, left = head + step, head + 2 * step, turn + 1, head  -- every fifth is left to those who go first
end
if open or slot - now > patience then
  -- Whoever cannot wait so long is told when its turn would be, each another instant: together they come no faster than slots do.
  local wait = slot - now
  if not first and not open then
    local later = math.max(number('later'), slot)
    keep('later', math.min(later + step, now + LONGEST_QUEUE))
    wait = later - now
  end
  finish()
  return view({0, math.floor(wait)})
end
if aside then redis.call('ZREM', KEYS[2], aside) end
if left then redis.call('ZADD', KEYS[2], text(left), text(left)) end
if tat then
  keep('tat', tat)
  keep('n', turn)
end
keep('wait', number('wait') * 0.95 + (slot - now) * 0.05)
count(1, 0, 0, 0, 0)
grow()
finish()
return view({1, math.floor(slot - now)})

-- name: note
-- What came of calls: view, then grants, calls, failed, slow, throttled of the window.
-- ARGV: now, ceiling, calls, failed, slow, good (1 or 0), throttled, pause (-1: none was asked for).
local throttled, pause = tonumber(ARGV[7]), tonumber(ARGV[8])
count(0, tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]), throttled)
if ARGV[6] == '1' then keep('good_at', now) end
if throttled > 0 then cut() end
if pause >= 0 then stop_until(now + pause) end
finish()
return view(sums())

-- name: trip
-- Opens a closed breaker: view. ARGV: now, ceiling, turn (of the view under which the call went out).
if (kept['breaker'] or 'closed') == 'closed' and number('turn') == tonumber(ARGV[3]) then
  local trips = number('trips') + 1
  if now - number('closed_at') > LONGEST_OPEN then trips = 1 end
  keep('trips', trips)
  keep('breaker', 'open')
  keep('opened_at', now)
  keep('until', now + math.min(FIRST_OPEN * 2 ^ (trips - 1), LONGEST_OPEN))
  keep('turn', number('turn') + 1)
  finish()
end
return view({})

-- name: lease
-- The one probe of a breaker that has been open long enough: view, then 1 when it is the caller's. ARGV: now, ceiling, who, for how long.
local state, mine = kept['breaker'] or 'closed', 0
if (state == 'open' and number('until') <= now) or (state == 'probing' and number('leased_until') <= now) then
  keep('breaker', 'probing')
  keep('lease', ARGV[3])
  keep('leased_until', now + tonumber(ARGV[4]))
  mine = 1
  finish()
end
return view({mine})

-- name: settle
-- The end of a probe: view. ARGV: now, ceiling, who, and what it came to: healthy, unwell or nothing (it never went out).
if kept['breaker'] == 'probing' and kept['lease'] == ARGV[3] then
  if ARGV[4] == 'healthy' then
    keep('breaker', 'closed')
    keep('closed_at', now)
    redis.call('DEL', KEYS[3])
  else
    if ARGV[4] == 'unwell' then keep('trips', number('trips') + 1) end
    local span = ARGV[4] == 'unwell' and math.min(FIRST_OPEN * 2 ^ (number('trips') - 1), LONGEST_OPEN) or 0
    keep('breaker', 'open')
    keep('until', now + span)
  end
  keep('turn', number('turn') + 1)
  finish()
end
return view({})

-- name: look
-- Nothing but the view. ARGV: now, ceiling.
finish()
return view({})

-- name: limit
-- Sets the ceiling, or forgets the one that was set: view. ARGV: now, the ceiling otherwise, the new one or nothing.
if ARGV[3] == '' then
  redis.call('DEL', KEYS[5])
  ceiling = tonumber(ARGV[2])
else
  redis.call('SET', KEYS[5], ARGV[3])
  ceiling = tonumber(ARGV[3])
end
keep('rate', ceiling)
keep('high', 0)
void(now + interval())
finish()
return view({})

-- name: told
-- For people: view, sums of the window, then the last good call, when it opened, the mean wait for a slot, and the ceiling set by somebody.
-- ARGV: now, ceiling.
local told = sums()
for _, name in ipairs({'good_at', 'opened_at', 'wait'}) do told[#told + 1] = math.floor(number(name)) end
told[#told + 1] = redis.call('EXISTS', KEYS[5])
return view(told)
