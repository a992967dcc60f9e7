/* share/scripts.h - the Lua texts that write to Redis: the only writers of what counts.
 *
 * Rules (accounting spec section 8): a script that fails half-way is not rolled back,
 * so everything is checked before the first write; numbers stay decimal strings
 * wherever a double could lose digits; no TIME and no random, times come from the
 * caller. Keys are all declared, and all of one script carry one hash tag. Texts only;
 * any thread. */
#ifndef SHARE_SCRIPTS_H
#define SHARE_SCRIPTS_H

/* One batch of tallies. KEYS[1] cursor, KEYS[2..] hashes. ARGV[1] expected cursor,
 * ARGV[2] new cursor, ARGV[3..#KEYS+1] Unix time at which KEYS[2..] may go, then fours
 * (op, key index, field, value):
 *   i   add value (digits, < 10^18) to a counter
 *   p   add value to a row of an hour or a day (share/keys.h)
 *   r   merge value into a record (share/summary.h)
 *   w   the same, but where the hash is full, into the record "(other)"
 * A row's value is "lo hi accepted refused", work = hi * 2^32 + lo; a record's "minute hi
 * lo accepted refused best last_ms", work = hi * 10^12 + lo: values below 2^53 are exact
 * in Lua.
 * Answers {OK, cursor}; {NO, cursor found}; {BAD, where}; {BIG, key, field}: a counter
 * that could pass 63 bits, a row or record that would pass its fields.
 *
 * Records of workers who have been silent for as long as their hash would be kept, by the
 * minutes in the records and not by any clock, are dropped while others keep it alive (how
 * long that is, is what its expiry is behind the hour of its newest share): at each 1024th share
 * of a worker its hash is looked through; in one of more than 127 at each 2048th, and so
 * on. So it costs an eighth of a record looked at for each share, at most, however many
 * workers there are. And a hash is never let go earlier than it was to be by a batch
 * that comes late. */
#define SCRIPT_BATCH                                                                   \
    "local have = redis.call('GET', KEYS[1]) or ''\n"                                  \
    "if have ~= ARGV[1] then return {'NO', have} end\n"                                \
    "local first = #KEYS + 2\n"                                                        \
    "if #ARGV < first - 1 or (#ARGV - first + 1) % 4 ~= 0 then\n"                      \
    "  return {'BAD', 'count'}\n"                                                      \
    "end\n"                                                                            \
    "local function digits(s, most)\n"                                                 \
    "  return #s <= most and string.match(s, '^%d+$')\n"                               \
    "end\n"                                                                            \
    "local function numbers(...)\n"                                                    \
    "  local n = {...}\n"                                                              \
    "  for i = 1, #n do\n"                                                             \
    "    local v = tonumber(n[i])\n"                                                   \
    "    local most = i == 6 and 1e300 or 9e15\n"                                      \
    "    if not v or v < 0 or v ~= v or v > most then return nil end\n"                \
    "    n[i] = v\n"                                                                   \
    "  end\n"                                                                          \
    "  return #n > 0 and n or nil\n"                                                   \
    "end\n"                                                                            \
    "local form = '<BI4I5I6I6dI6I4' .. string.rep('f', 22)\n"                          \
    "local function read(v)\n"                                                         \
    "  if not v then\n"                                                                \
    "    local n = {}\n"                                                               \
    "    for i = 1, 29 do n[i] = 0 end\n"                                              \
    "    return n\n"                                                                   \
    "  end\n"                                                                          \
    "  if #v ~= 128 or string.byte(v) ~= 2 then return nil end\n"                      \
    "  local n = {struct.unpack(form, v)}\n"                                           \
    "  table.remove(n, 1)\n"                                                           \
    "  n[30] = nil\n"                                                                  \
    "  return n\n"                                                                     \
    "end\n"                                                                            \
    "local change = '^(%S+)' .. string.rep(' (%S+)', 6) .. '$'\n"                      \
    "local amounts = '^(%d+) (%d+) (%d+) (%d+)$'\n"                                    \
    "local slots = {{8, 10, 1}, {18, 6, 10}, {24, 6, 240}}\n"                          \
    "local function merge(n, d)\n"                                                     \
    "  local lo = n[2] + d[3]\n"                                                       \
    "  local work = d[2] * 1e12 + d[3]\n"                                              \
    "  local newest = math.max(n[7], d[1])\n"                                          \
    "  n[1] = n[1] + d[2] + math.floor(lo / 1e12)\n"                                   \
    "  n[2] = lo % 1e12\n"                                                             \
    "  n[3] = n[3] + d[4]\n"                                                           \
    "  n[4] = n[4] + d[5]\n"                                                           \
    "  n[5] = math.max(n[5], d[6])\n"                                                  \
    "  n[6] = math.max(n[6], d[7])\n"                                                  \
    "  for _, s in ipairs(slots) do\n"                                                 \
    "    local at, size, top = s[1], s[2], math.floor(newest / s[3])\n"                \
    "    local by = top - math.floor(n[7] / s[3])\n"                                   \
    "    if by > 0 then\n"                                                             \
    "      for j = size - 1, 0, -1 do n[at + j] = j >= by and n[at + j - by] or 0 "    \
    "end\n"                                                                            \
    "    end\n"                                                                        \
    "    local age = top - math.floor(d[1] / s[3])\n"                                  \
    "    if age < size then n[at + age] = n[at + age] + work end\n"                    \
    "  end\n"                                                                          \
    "  n[7] = newest\n"                                                                \
    "  return n[1] < 2^32 and n[3] < 2^48 and n[4] < 2^48 and n[6] < 2^48 and n[7] < " \
    "2^32\n"                                                                           \
    "end\n"                                                                            \
    "local row = '<I4I4I5I5'\n"                                                        \
    "local function grow(n, d)\n"                                                      \
    "  n[1] = n[1] + d[1]\n"                                                           \
    "  n[2] = n[2] + d[2] + math.floor(n[1] / 2^32)\n"                                 \
    "  n[1] = n[1] % 2^32\n"                                                           \
    "  n[3] = n[3] + d[3]\n"                                                           \
    "  n[4] = n[4] + d[4]\n"                                                           \
    "  return n[2] < 2^31 and n[3] < 2^40 and n[4] < 2^40\n"                           \
    "end\n"                                                                            \
    "local fresh, rows, records, born, latest, due = {}, {}, {}, {}, {}, {}\n"         \
    "for k = 2, #KEYS do\n"                                                            \
    "  if KEYS[k] == KEYS[1] or not digits(ARGV[k + 1], 12) then\n"                    \
    "    return {'BAD', 'key ' .. k}\n"                                                \
    "  end\n"                                                                          \
    "  records[k], rows[k] = {}, {}\n"                                                 \
    "end\n"                                                                            \
    "for i = first, #ARGV, 4 do\n"                                                     \
    "  local op, k, f, d = ARGV[i], tonumber(ARGV[i + 1]) or 0, ARGV[i + 2], ARGV[i "  \
    "+ 3]\n"                                                                           \
    "  local r = records[k]\n"                                                         \
    "  if not r then return {'BAD', 'argument ' .. i} end\n"                           \
    "  if op == 'i' then\n"                                                            \
    "    local v = redis.call('HGET', KEYS[k], f)\n"                                   \
    "    if not digits(d, 18) then return {'BAD', 'argument ' .. i} end\n"             \
    "    if not v then fresh[k] = true\n"                                              \
    "    elseif not string.match(v, '^%-?%d+$') then return {'BAD', KEYS[k], f}\n"     \
    "    elseif #v > 19 or (#v == 19 and v > '8') then return {'BIG', KEYS[k], f}\n"   \
    "    end\n"                                                                        \
    "  elseif op == 'p' then\n"                                                        \
    "    local n, by = rows[k][f], numbers(string.match(d, amounts))\n"                \
    "    if not n then\n"                                                              \
    "      local v = redis.call('HGET', KEYS[k], f)\n"                                 \
    "      if v and #v ~= 18 then return {'BAD', KEYS[k], f} end\n"                    \
    "      if not v then fresh[k] = true end\n"                                        \
    "      n = v and {struct.unpack(row, v)} or {0, 0, 0, 0}\n"                        \
    "      rows[k][f] = n\n"                                                           \
    "    end\n"                                                                        \
    "    if not by or by[1] >= 2^32 then return {'BAD', 'argument ' .. i} end\n"       \
    "    if not grow(n, by) then return {'BIG', KEYS[k], f} end\n"                     \
    "  elseif op == 'r' or op == 'w' then\n"                                           \
    "    local v = not r[f] and redis.call('HGET', KEYS[k], f)\n"                      \
    "    local size = born[k] or redis.call('HLEN', KEYS[k])\n"                        \
    "    born[k] = size\n"                                                             \
    "    if op == 'w' and not r[f] and not v and size >= 16384 then\n"                 \
    "      f = '(other)'\n"                                                            \
    "      v = not r[f] and redis.call('HGET', KEYS[k], f)\n"                          \
    "    end\n"                                                                        \
    "    r[f] = r[f] or read(v)\n"                                                     \
    "    local by = numbers(string.match(d, change))\n"                                \
    "    if not r[f] then return {'BAD', KEYS[k], f} end\n"                            \
    "    if not by or by[3] >= 1e12 then return {'BAD', 'argument ' .. i} end\n"       \
    "    local step = 1024 * math.ceil((size + 1) / 128)\n"                            \
    "    local before = math.floor((r[f][3] + r[f][4]) / step)\n"                      \
    "    if not merge(r[f], by) then return {'BIG', KEYS[k], f} end\n"                 \
    "    if op == 'w' and math.floor((r[f][3] + r[f][4]) / step) > before then\n"      \
    "      due[k] = true\n"                                                            \
    "    end\n"                                                                        \
    "    latest[k] = math.max(latest[k] or 0, by[1])\n"                                \
    "    fresh[k] = true\n"                                                            \
    "  else return {'BAD', 'argument ' .. i} end\n"                                    \
    "end\n"                                                                            \
    "for i = first, #ARGV, 4 do\n"                                                     \
    "  if ARGV[i] == 'i' then\n"                                                       \
    "    redis.call('HINCRBY', KEYS[tonumber(ARGV[i + 1])], ARGV[i + 2], ARGV[i + "    \
    "3])\n"                                                                            \
    "  end\n"                                                                          \
    "end\n"                                                                            \
    "for k = 2, #KEYS do\n"                                                            \
    "  for f, n in pairs(rows[k]) do\n"                                                \
    "    redis.call('HSET', KEYS[k], f, struct.pack(row, n[1], n[2], n[3], n[4]))\n"   \
    "  end\n"                                                                          \
    "  for f, n in pairs(records[k]) do\n"                                             \
    "    redis.call('HSET', KEYS[k], f, struct.pack(form, 2, unpack(n)))\n"            \
    "  end\n"                                                                          \
    "  if due[k] then\n"                                                               \
    "    local all = redis.call('HGETALL', KEYS[k])\n"                                 \
    "    local hour_end = (math.floor(latest[k] / 60) + 1) * 60\n"                     \
    "    local keep = math.floor(ARGV[k + 1] / 60) - hour_end\n"                       \
    "    for j = 2, #all, 2 do\n"                                                      \
    "      local n = read(all[j])\n"                                                   \
    "      if n and n[7] < latest[k] - keep then\n"                                    \
    "        redis.call('HDEL', KEYS[k], all[j - 1])\n"                                \
    "      end\n"                                                                      \
    "    end\n"                                                                        \
    "  end\n"                                                                          \
    "  if fresh[k] and ARGV[k + 1] ~= '0' then\n"                                      \
    "    local late = born[k] and born[k] > 0 and 'GT' or nil\n"                       \
    "    local done = late and redis.pcall('EXPIREAT', KEYS[k], ARGV[k + 1], late)\n"  \
    "    if not done or type(done) == 'table' then\n"                                  \
    "      redis.call('EXPIREAT', KEYS[k], ARGV[k + 1])\n"                             \
    "    end\n"                                                                        \
    "  end\n"                                                                          \
    "end\n"                                                                            \
    "redis.call('SET', KEYS[1], ARGV[2])\n"                                            \
    "return {'OK', ARGV[2]}\n"

/* The whole registry at one instant. KEYS: miners, version, facts, audit. {version,
 * [id, text]*, [fact, JSON]*, [instance, link]*}. */
#define SCRIPT_REGISTRY_LOAD                                                           \
    "return {redis.call('GET', KEYS[2]) or '0', redis.call('HGETALL', KEYS[1]),\n"     \
    "  redis.call('HGETALL', KEYS[3]), redis.call('HGETALL', KEYS[4])}\n"

/* What a node said of a block, for people: not journaled, and no member that an event
 * writes. KEYS: blk. ARGV: (member, JSON)*. The block is listed when its event comes. */
#define SCRIPT_BLOCK_NOTE                                                              \
    "redis.call('HGET', KEYS[1], 'hash')\n"                                            \
    "if #ARGV % 2 ~= 0 then return {'NO', 'fields'} end\n"                             \
    "for i = 1, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end\n"   \
    "return {'OK'}\n"

#endif
