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
 *   r   merge value into a record (share/summary.h)
 *   w   the same, but where the hash is full, into the record "(other)"
 * Answers {OK, cursor}; {NO, cursor found}; {BAD, where}; {BIG, key, field}: a counter
 * that could pass 63 bits. Values below 2^53 are exact in Lua; a record's work is kept
 * as hi * 10^12 + lo for that. A record's slots hold the work of the last 10 minutes
 * and of the last 6 stretches of 10 minutes, newest first. */
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
    "    if not v or v < 0 or v ~= v or v > 1e300 then return nil end\n"               \
    "    n[i] = v\n"                                                                   \
    "  end\n"                                                                          \
    "  return #n > 0 and n or nil\n"                                                   \
    "end\n"                                                                            \
    "local form = '^1' .. string.rep(' (%S+)', 24) .. '$'\n"                           \
    "local change = '^(%S+)' .. string.rep(' (%S+)', 6) .. '$'\n"                      \
    "local function shift(n, at, size, now)\n"                                         \
    "  local by = now - n[at]\n"                                                       \
    "  if by > 0 then\n"                                                               \
    "    for j = size, 1, -1 do n[at + j] = j > by and n[at + j - by] or 0 end\n"      \
    "    n[at] = now\n"                                                                \
    "  end\n"                                                                          \
    "  return n[at] - now\n"                                                           \
    "end\n"                                                                            \
    "local function slot(n, at, size, now, work)\n"                                    \
    "  local age = shift(n, at, size, now)\n"                                          \
    "  if age < size then n[at + 1 + age] = n[at + 1 + age] + work end\n"              \
    "end\n"                                                                            \
    "local function merge(n, d)\n" /* d: minute hi lo accepted refused best last */    \
    "  local lo = n[2] + d[3]\n"                                                       \
    "  n[1] = n[1] + d[2] + math.floor(lo / 1e12)\n"                                   \
    "  n[2] = lo % 1e12\n"                                                             \
    "  n[3] = n[3] + d[4]\n"                                                           \
    "  n[4] = n[4] + d[5]\n"                                                           \
    "  n[5] = math.max(n[5], d[6])\n"                                                  \
    "  n[6] = math.max(n[6], d[7])\n"                                                  \
    "  local work = d[2] * 1e12 + d[3]\n"                                              \
    "  slot(n, 7, 10, d[1], work)\n"                                                   \
    "  slot(n, 18, 6, math.floor(d[1] / 10), work)\n"                                  \
    "end\n"                                                                            \
    "local out = '1' .. string.rep(' %.0f', 4) .. ' %.15g' ..\n"                       \
    "  string.rep(' %.0f', 19)\n"                                                      \
    "local new = '1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0'\n"                \
    "local fresh, records = {}, {}\n"                                                  \
    "for k = 2, #KEYS do\n"                                                            \
    "  if KEYS[k] == KEYS[1] or not digits(ARGV[k + 1], 12) then\n"                    \
    "    return {'BAD', 'key ' .. k}\n"                                                \
    "  end\n"                                                                          \
    "  records[k] = {}\n"                                                              \
    "end\n"                                                                            \
    "for i = first, #ARGV, 4 do\n"                                                     \
    "  local op, k, f, d = ARGV[i], tonumber(ARGV[i + 1]) or 0, ARGV[i + 2], "         \
    "ARGV[i + 3]\n"                                                                    \
    "  local r = records[k]\n"                                                         \
    "  if not r then return {'BAD', 'argument ' .. i} end\n"                           \
    "  if op == 'i' then\n"                                                            \
    "    local v = redis.call('HGET', KEYS[k], f)\n"                                   \
    "    if not digits(d, 18) then return {'BAD', 'argument ' .. i} end\n"             \
    "    if not v then fresh[k] = true\n"                                              \
    "    elseif not string.match(v, '^%-?%d+$') then return {'BAD', KEYS[k], f}\n"     \
    "    elseif #v > 19 or (#v == 19 and v > '8') then return {'BIG', KEYS[k], f}\n"   \
    "    end\n"                                                                        \
    "  elseif op == 'r' or op == 'w' then\n"                                           \
    "    local v = not r[f] and redis.call('HGET', KEYS[k], f)\n"                      \
    "    if op == 'w' and not r[f] and not v and\n"                                    \
    "       redis.call('HLEN', KEYS[k]) >= 8192 then\n"                                \
    "      f = '(other)'\n"                                                            \
    "      v = not r[f] and redis.call('HGET', KEYS[k], f)\n"                          \
    "    end\n"                                                                        \
    "    r[f] = r[f] or numbers(string.match(v or new, form))\n"                       \
    "    local by = numbers(string.match(d, change))\n"                                \
    "    if not r[f] then return {'BAD', KEYS[k], f} end\n"                            \
    "    if not by then return {'BAD', 'argument ' .. i} end\n"                        \
    "    merge(r[f], by)\n"                                                            \
    "    fresh[k] = true\n"                                                            \
    "  else return {'BAD', 'argument ' .. i} end\n"                                    \
    "end\n"                                                                            \
    "for i = first, #ARGV, 4 do\n"                                                     \
    "  if ARGV[i] == 'i' then\n"                                                       \
    "    redis.call('HINCRBY', KEYS[tonumber(ARGV[i + 1])], ARGV[i + 2], "             \
    "ARGV[i + 3])\n"                                                                   \
    "  end\n"                                                                          \
    "end\n"                                                                            \
    "for k = 2, #KEYS do\n"                                                            \
    "  for f, n in pairs(records[k]) do\n"                                             \
    "    redis.call('HSET', KEYS[k], f, string.format(out, unpack(n)))\n"              \
    "  end\n"                                                                          \
    "  if fresh[k] and ARGV[k + 1] ~= '0' then\n"                                      \
    "    redis.call('EXPIREAT', KEYS[k], ARGV[k + 1])\n"                               \
    "  end\n"                                                                          \
    "end\n"                                                                            \
    "redis.call('SET', KEYS[1], ARGV[2])\n"                                            \
    "return {'OK', ARGV[2]}\n"

/* The whole registry at one instant. KEYS: miners, version. {version, [id, text]*}. */
#define SCRIPT_REGISTRY_LOAD                                                           \
    "return {redis.call('GET', KEYS[2]) or '0', redis.call('HGETALL', KEYS[1])}\n"

/* What a node said of a block, for people: not journaled, and no member that an event
 * writes. KEYS: blk. ARGV: (member, JSON)*. The block is listed when its event comes. */
#define SCRIPT_BLOCK_NOTE                                                              \
    "redis.call('HGET', KEYS[1], 'hash')\n"                                            \
    "if #ARGV % 2 ~= 0 then return {'NO', 'fields'} end\n"                             \
    "for i = 1, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end\n"   \
    "return {'OK'}\n"

#endif
