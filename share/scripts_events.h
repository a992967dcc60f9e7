/* share/scripts_events.h - the Lua texts that apply records of the event stream.
 *
 * The rules of share/scripts.h hold. Each compares the cursor of its slot first and moves
 * it last, also when the record itself is refused: a refusal is an answer, and the same
 * record is never judged twice. Texts only; any thread. */
#ifndef SHARE_SCRIPTS_EVENTS_H
#define SHARE_SCRIPTS_EVENTS_H

/* A closed slice. KEYS: cursor, slices, slicez, blkslice. ARGV: expected cursor, new
 * cursor, id, bytes, block hash or "". */
#define SCRIPT_SLICE                                                                   \
    "local have = redis.call('GET', KEYS[1]) or ''\n"                                  \
    "if have ~= ARGV[1] then return {'NO', have} end\n"                                \
    "redis.call('ZSCORE', KEYS[2], ARGV[3])\n"                                         \
    "redis.call('HGET', KEYS[4], 'x')\n"                                               \
    "redis.call('SET', KEYS[3], ARGV[4])\n"                                            \
    "redis.call('ZADD', KEYS[2], ARGV[3], ARGV[3])\n"                                  \
    "if ARGV[5] ~= '' then redis.call('HSETNX', KEYS[4], ARGV[5], ARGV[3]) end\n"      \
    "redis.call('SET', KEYS[1], ARGV[2])\n"                                            \
    "return {'OK', ARGV[2]}\n"

/* Old slices go: not journaled, since the journal would bring them back and this takes
 * them away again. KEYS: slices. ARGV: what their keys begin with, upper bound. The keys
 * share the hash tag of the first. Answers how many went. */
#define SCRIPT_FORGET_SLICES                                                           \
    "local ids = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[2], 'LIMIT', 0, "   \
    "200)\n"                                                                           \
    "for _, id in ipairs(ids) do\n"                                                    \
    "  redis.call('DEL', ARGV[1] .. id)\n"                                             \
    "  redis.call('ZREM', KEYS[1], id)\n"                                              \
    "end\n"                                                                            \
    "return #ids\n"

/* Entries of the ledger, what they say of a block, marks. KEYS: cursor, led, ledseq, acc,
 * immature, mature, held, blks, blkopen, blk (the cursor's again: no block), then others
 * by their place. ARGV: expected cursor, new cursor, then
 *   block    hash, height, "fresh" or "set", "1" | "0" | "" (open), count, (member, value)*
 *   entries  count, then each: done key's place, key, text,
 *            count, (key's place, field, delta)*, count, (statement's place, text)*
 *   marks    count, (key's place, field, value)*
 *   expiry   count, (key's place, Unix seconds)*
 *   needs    count, (key's place, field, how, value)*   (share/event.h)
 * An entry whose key is known changes nothing. All is checked before the first write. Where
 * a need is not met only the cursor moves: {REFUSED, key, field, what is there}. */
#define SCRIPT_LEDGER                                                                  \
    "local have = redis.call('GET', KEYS[1]) or ''\n"                                  \
    "if have ~= ARGV[1] then return {'NO', have} end\n"                                \
    "local p, bad = 2, nil\n"                                                          \
    "local function text() p = p + 1; return ARGV[p] or '' end\n"                      \
    "local function number()\n"                                                        \
    "  local t = text()\n"                                                             \
    "  if not string.match(t, '^%d+$') or #t > 12 then bad = bad or p end\n"           \
    "  return tonumber(t) or 0\n"                                                      \
    "end\n"                                                                            \
    "local function place()\n"                                                         \
    "  local k = KEYS[number()]\n"                                                     \
    "  if not k or k == KEYS[1] then bad = bad or p; return KEYS[1] end\n"             \
    "  return k\n"                                                                     \
    "end\n"                                                                            \
    "local b = {hash = text(), height = text(), mode = text(), open = text(), set = "  \
    "{}}\n"                                                                            \
    "for i = 1, number() do b.set[i] = {text(), text()} end\n"                         \
    "if b.hash ~= '' and not string.match(b.height, '^%d+$') then bad = p end\n"       \
    "local entries = {}\n"                                                             \
    "for i = 1, number() do\n"                                                         \
    "  local e = {done = place(), key = text(), text = text(), post = {}, said = "     \
    "{}}\n"                                                                            \
    "  for j = 1, number() do e.post[j] = {place(), text(), text()} end\n"             \
    "  for j = 1, number() do e.said[j] = {place(), text()} end\n"                     \
    "  if bad then return {'BAD', tostring(bad)} end\n"                                \
    "  entries[i] = e\n"                                                               \
    "end\n"                                                                            \
    "local marks, expire = {}, {}\n"                                                   \
    "for i = 1, number() do marks[i] = {place(), text(), text()} end\n"                \
    "for i = 1, number() do expire[i] = {place(), number() } end\n"                    \
    "local needs = {}\n"                                                               \
    "for i = 1, number() do needs[i] = {place(), text(), text(), text()} end\n"        \
    "if bad or p ~= #ARGV then return {'BAD', tostring(bad or p)} end\n"               \
    "local function miss(n)\n"                                                         \
    "  local k, how = n[1], n[3]\n"                                                    \
    "  if how == 'absent' then\n"                                                      \
    "    return redis.call('EXISTS', k) == 1 and 'is there'\n"                         \
    "  elseif how == 'idle' then\n"                                                    \
    "    for _, v in ipairs(redis.call('HVALS', k)) do\n"                              \
    "      if v ~= 'freed' then return v end\n"                                        \
    "    end\n"                                                                        \
    "    return false\n"                                                               \
    "  end\n"                                                                          \
    "  local v = redis.call('HGET', k, n[2]) or ''\n"                                  \
    "  if how == 'is' then return v ~= n[4] and v end\n"                               \
    "  return (tonumber(v) or 0) < (tonumber(n[4]) or math.huge) and v\n"              \
    "end\n"                                                                            \
    "for _, n in ipairs(needs) do\n"                                                   \
    "  local v = miss(n)\n"                                                            \
    "  if v then\n"                                                                    \
    "    redis.call('SET', KEYS[1], ARGV[2])\n"                                        \
    "    return {'REFUSED', n[1], n[2], v}\n"                                          \
    "  end\n"                                                                          \
    "end\n"                                                                            \
    "local seq = redis.call('GET', KEYS[3]) or '0'\n"                                  \
    "if not string.match(seq, '^%d+$') or #seq > 15 then return {'BAD', KEYS[3]} "     \
    "end\n"                                                                            \
    "for _, e in ipairs(entries) do\n"                                                 \
    "  e.known = redis.call('HGET', e.done, e.key)\n"                                  \
    "  for _, t in ipairs(e.post) do\n"                                                \
    "    if not string.match(t[3], '^%-?%d+$') or #t[3] > 17 then\n"                   \
    "      return {'BAD', e.key, t[2]}\n"                                              \
    "    end\n"                                                                        \
    "    local v = redis.call('HGET', t[1], t[2])\n"                                   \
    "    if v and not string.match(v, '^%-?%d+$') then return {'BAD', t[1], t[2]} "    \
    "end\n"                                                                            \
    "    if v and #v > 18 then return {'BIG', t[1], t[2]} end\n"                       \
    "  end\n"                                                                          \
    "end\n"                                                                            \
    "if b.hash ~= '' then redis.call('HGET', KEYS[10], 'hash') end\n"                  \
    "redis.call('ZSCORE', KEYS[8], 'x')\n"                                             \
    "redis.call('SISMEMBER', KEYS[9], 'x')\n"                                          \
    "redis.call('XLEN', KEYS[2])\n"                                                    \
    "local n = tonumber(seq)\n"                                                        \
    "for _, e in ipairs(entries) do\n"                                                 \
    "  if not e.known then\n"                                                          \
    "    n = n + 1\n"                                                                  \
    "    local id = string.format('%.0f', n)\n"                                        \
    "    for _, t in ipairs(e.post) do redis.call('HINCRBY', t[1], t[2], t[3]) end\n"  \
    "    redis.call('XADD', KEYS[2], id .. '-0', 'e', e.text)\n"                       \
    "    for _, t in ipairs(e.said) do redis.call('XADD', t[1], id .. '-0', 'e', "     \
    "t[2]) end\n"                                                                      \
    "    redis.call('HSET', e.done, e.key, id)\n"                                      \
    "  end\n"                                                                          \
    "end\n"                                                                            \
    "redis.call('SET', KEYS[3], string.format('%.0f', n))\n"                           \
    "if b.hash ~= '' then\n"                                                           \
    "  local how = b.mode == 'fresh' and 'HSETNX' or 'HSET'\n"                         \
    "  local new = redis.call('HEXISTS', KEYS[10], 'found_ms') == 0\n"                 \
    "  for _, t in ipairs(b.set) do redis.call(how, KEYS[10], t[1], t[2]) end\n"       \
    "  redis.call('ZADD', KEYS[8], b.height, b.hash)\n"                                \
    "  if b.open == '1' and (new or b.mode ~= 'fresh') then\n"                         \
    "    redis.call('SADD', KEYS[9], b.hash)\n"                                        \
    "  elseif b.open == '0' then redis.call('SREM', KEYS[9], b.hash) end\n"            \
    "end\n"                                                                            \
    "for _, t in ipairs(marks) do redis.call('HSET', t[1], t[2], t[3]) end\n"          \
    "for _, t in ipairs(expire) do redis.call('EXPIREAT', t[1], t[2]) end\n"           \
    "redis.call('SET', KEYS[1], ARGV[2])\n"                                            \
    "return {'OK', ARGV[2]}\n"

/* The lease of who pays (share/store_lease.h). KEYS: fence, lease, leased, lapse. ARGV:
 * journal, name, milliseconds it lasts, milliseconds until another may take over, now.
 * Answers {OK, token, the last token that another journal did not give back} or {HELD,
 * journal, name, milliseconds until it is free}. */
#define SCRIPT_LEASE_TAKE                                                              \
    "local lapse = redis.call('GET', KEYS[4])\n"                                       \
    "if lapse and lapse ~= ARGV[1] then\n"                                             \
    "  return {'HELD', lapse, redis.call('HGET', KEYS[2], 'name') or '',\n"            \
    "    redis.call('PTTL', KEYS[4])}\n"                                               \
    "end\n"                                                                            \
    "local was = redis.call('HGET', KEYS[1], 'token') or ''\n"                         \
    "local holder = redis.call('HGET', KEYS[2], 'holder') or ARGV[1]\n"                \
    "if was ~= '' and holder ~= ARGV[1] then\n"                                        \
    "  redis.call('HSET', KEYS[2], 'over', was)\n"                                     \
    "end\n"                                                                            \
    "local n = redis.call('HINCRBY', KEYS[1], 'count', 1)\n"                           \
    "local token = string.format('%.0f', n) .. '-' .. ARGV[1]\n"                       \
    "redis.call('HSET', KEYS[1], 'token', token)\n"                                    \
    "redis.call('HSET', KEYS[2], 'holder', ARGV[1], 'name', ARGV[2], 'token', token, " \
    "'since_ms', ARGV[5])\n"                                                           \
    "redis.call('SET', KEYS[3], token, 'PX', ARGV[3])\n"                               \
    "redis.call('SET', KEYS[4], ARGV[1], 'PX', ARGV[4])\n"                             \
    "local over = redis.call('HGET', KEYS[2], 'over') or ''\n"                         \
    "if string.sub(over, -#ARGV[1]) == ARGV[1] then over = '' end\n"                   \
    "return {'OK', token, over}\n"

/* KEYS: fence, leased, lapse. ARGV: token, journal, milliseconds as above. One that ran
 * out and that nobody took is ours still. {OK} or {GONE, the newest token}. */
#define SCRIPT_LEASE_RENEW                                                             \
    "local token = redis.call('HGET', KEYS[1], 'token') or ''\n"                       \
    "if token ~= ARGV[1] then return {'GONE', token} end\n"                            \
    "redis.call('SET', KEYS[2], token, 'PX', ARGV[3])\n"                               \
    "redis.call('SET', KEYS[3], ARGV[2], 'PX', ARGV[4])\n"                             \
    "return {'OK'}\n"

/* KEYS: fence, leased, lapse. ARGV: token. */
#define SCRIPT_LEASE_GIVE_BACK                                                         \
    "local token = redis.call('HGET', KEYS[1], 'token') or ''\n"                       \
    "if token ~= ARGV[1] then return {'GONE', token} end\n"                            \
    "redis.call('HSET', KEYS[1], 'token', '')\n"                                       \
    "redis.call('DEL', KEYS[2], KEYS[3])\n"                                            \
    "return {'OK'}\n"

/* May this record be written? KEYS as SCRIPT_REGISTRY_CHECK's; see there for ARGV, with
 * the cursors before them. Answers as the check does. */
#define SCRIPT_REGISTRY_RULES                                                          \
    "local old = redis.call('HGET', KEYS[1], id)\n"                                    \
    "local number, revision = '0', '0'\n"                                              \
    "if old then number, revision = string.match(old, '^(%d+) (%d+) ') end\n"          \
    "local seq = redis.call('GET', KEYS[5]) or '0'\n"                                  \
    "local version = redis.call('GET', KEYS[6]) or '0'\n"                              \
    "local function judge()\n"                                                         \
    "  if not number then return {'NO', 'damaged', id, ''} end\n"                      \
    "  if revision ~= expected then return {'NO', 'revision', revision, id} end\n"     \
    "  local holder = cert ~= '' and redis.call('HGET', KEYS[3], cert)\n"              \
    "  if holder and holder ~= id then return {'NO', 'certificate', cert, holder} "    \
    "end\n"                                                                            \
    "  for i = addresses, #ARGV do\n"                                                  \
    "    holder = redis.call('HGET', KEYS[4], ARGV[i])\n"                              \
    "    if holder and holder ~= id then\n"                                            \
    "      return {'NO', 'address', ARGV[i], holder}\n"                                \
    "    end\n"                                                                        \
    "  end\n"                                                                          \
    "  if not string.match(seq, '^%d+$') or #seq > 10 or\n"                            \
    "     not string.match(version, '^%d+$') or #version > 15 or #revision > 15 "      \
    "then\n"                                                                           \
    "    return {'NO', 'damaged', 'counters', ''}\n"                                   \
    "  end\n"                                                                          \
    "  if not old and tonumber(seq) >= 4294967295 then\n"                              \
    "    return {'NO', 'full', seq, ''}\n"                                             \
    "  end\n"                                                                          \
    "end\n"

/* A miner's record, to be created or replaced: is it allowed, and which number and
 * revision will it have? KEYS: miners, live, certs, addrs, seq, version (share/keys.h).
 * ARGV: id, expected revision ("0": create), certificate held ("": none), then the
 * addresses held. Writes nothing. Answers {OK, number, revision} or {NO, what, detail,
 * whose}. */
#define SCRIPT_REGISTRY_CHECK                                                          \
    "local id, expected, cert, addresses = ARGV[1], ARGV[2], ARGV[3], "                \
    "4\n" SCRIPT_REGISTRY_RULES "local no = judge()\n"                                 \
    "if no then return no end\n"                                                       \
    "if not old then number = string.format('%.0f', tonumber(seq) + 1) end\n"          \
    "return {'OK', number, string.format('%.0f', tonumber(revision) + 1)}\n"

/* The same, journaled and now written. KEYS: as above, then the cursor, audit. ARGV: id,
 * expected revision, certificate, expected cursor, new cursor, number, JSON, instance, link
 * of the audit chain, then the addresses. A
 * record that holds nothing (a final state) gives certificate and addresses free. Records
 * are never deleted, so an id is never reused. Another daemon may have been faster: then
 * {NO, ...}, and only the cursor and the chain move. */
#define SCRIPT_REGISTRY_APPLY                                                          \
    "local id, expected, cert, addresses = ARGV[1], ARGV[2], ARGV[3], 10\n"            \
    "local have = redis.call('GET', KEYS[7]) or ''\n"                                  \
    "if have ~= ARGV[4] then return {'NO', have} end\n" SCRIPT_REGISTRY_RULES          \
    "local no = judge()\n"                                                             \
    "if not no and not old and tonumber(seq) >= tonumber(ARGV[6]) then\n"              \
    "  no = {'NO', 'number', ARGV[6], ''}\n"                                           \
    "end\n"                                                                            \
    "if ARGV[9] ~= '' then redis.call('HSET', KEYS[8], ARGV[8], ARGV[9]) end\n"        \
    "if no then\n"                                                                     \
    "  redis.call('SET', KEYS[7], ARGV[5])\n"                                          \
    "  no[1] = 'REFUSED'\n"                                                            \
    "  return no\n"                                                                    \
    "end\n"                                                                            \
    "local at, held = 0, redis.call('HGET', KEYS[2], id)\n"                            \
    "for what in string.gmatch((held or '') .. '\\n', '([^\\n]*)\\n') do\n"            \
    "  if held and what ~= '' then\n"                                                  \
    "    redis.call('HDEL', at == 0 and KEYS[3] or KEYS[4], what)\n"                   \
    "  end\n"                                                                          \
    "  at = at + 1\n"                                                                  \
    "end\n"                                                                            \
    "local holds = {cert}\n"                                                           \
    "if not old then number = ARGV[6]; redis.call('SET', KEYS[5], number) end\n"       \
    "revision = string.format('%.0f', tonumber(revision) + 1)\n"                       \
    "if cert ~= '' then redis.call('HSET', KEYS[3], cert, id) end\n"                   \
    "for i = addresses, #ARGV do\n"                                                    \
    "  redis.call('HSET', KEYS[4], ARGV[i], id)\n"                                     \
    "  holds[#holds + 1] = ARGV[i]\n"                                                  \
    "end\n"                                                                            \
    "redis.call('HSET', KEYS[2], id, table.concat(holds, '\\n'))\n"                    \
    "redis.call('HSET', KEYS[1], id, number .. ' ' .. revision .. ' ' .. ARGV[7])\n"   \
    "version = string.format('%.0f', redis.call('INCR', KEYS[6]))\n"                   \
    "redis.call('SET', KEYS[7], ARGV[5])\n"                                            \
    "return {'OK', number, revision, version}\n"

/* An event without a record. KEYS: cursor, audit, facts, version. ARGV: expected cursor, new
 * cursor, instance, link, then (fact, JSON or "": gone)*. Last in the answer: the version that
 * new facts made, or "". */
#define SCRIPT_AUDIT                                                                   \
    "local have = redis.call('GET', KEYS[1]) or ''\n"                                  \
    "if have ~= ARGV[1] then return {'NO', have} end\n"                                \
    "redis.call('HSET', KEYS[2], ARGV[3], ARGV[4])\n"                                  \
    "for i = 5, #ARGV - 1, 2 do\n"                                                     \
    "  if ARGV[i + 1] == '' then redis.call('HDEL', KEYS[3], ARGV[i])\n"               \
    "  else redis.call('HSET', KEYS[3], ARGV[i], ARGV[i + 1]) end\n"                   \
    "end\n"                                                                            \
    "local version = ''\n"                                                             \
    "if #ARGV > 4 then version = string.format('%.0f', redis.call('INCR', KEYS[4])) "  \
    "end\n"                                                                            \
    "redis.call('SET', KEYS[1], ARGV[2])\n"                                            \
    "return {'OK', ARGV[2], '', version}\n"

#endif
