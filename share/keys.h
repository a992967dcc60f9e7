/* share/keys.h - every Redis key's name, and how long what lies under it is kept.
 *
 * Accounting spec section 13. All that one script touches shares a hash tag, so that it
 * lives in one slot of a cluster: {instance} (tallies), {registry}, {ledger}. Times in
 * names are UTC text (2026112207 is an hour, 20261122 a day, 202611 a month), so that
 * an operator reads them and a reader of a known period needs no index.
 *
 *   applied:{i}:<stream>           cursor "<journal id>:<seq>": what of a journal stream
 *                                  of instance i is in the keys of that slot; also
 *   applied:{ledger}:<i>, applied:{registry}:<i>    of its event stream in those
 *   slices:{i}                     zset, id by id: closed slices
 *   slicez:{i}:<id>                a closed slice (share/slice.h) and its CRC-32C
 *   blkslice:{i}                   block hash -> id of the slice that it closed
 *   tally:{i}:m:<miner>:<hour>     minute "7" -> work
 *   tally:{i}:h:<miner>:<day>      hour "7" -> row of work, accepted, refused;
 *                                  "stale#" -> refused so that day; one a verdict
 *   tally:{i}:d:<miner>:<month>    day "22" -> row
 *   pool:{i}:m:<hour>, :h:<day>, :d:<month>    the same for all miners together
 *   miners:{i}                     miner -> record (share/summary.h)
 *   pool:{i}                       "all" -> record
 *   worker:{i}:<miner>:<bucket>    worker -> record; KEY_WORKER_BUCKETS buckets
 *   refused:{i}:<hour>             reason -> count
 *   healed:{i}                     run id of the server that was last healed
 *   instances                      set of the instances that ever wrote
 *   miners:{registry}              id -> "<number> <revision> <JSON>"
 *   live:{registry}                id -> what it holds: "<certificate>\n<address>\n..."
 *   certs:{registry}               certificate number -> id that holds it
 *   addrs:{registry}               address, or "tax_id:TM:123" and the like -> id that
 *                                  holds it
 *   seq:{registry}                 the last number given out
 *   version:{registry}             counts changes
 *   facts:{registry}               name -> JSON: what holds for all miners
 *   audit:{registry}               instance -> the newest link of its audit chain, JSON
 *   blk:{ledger}:<hash>            member of the block's record -> its value as JSON
 *   blks:{ledger}                  zset, hash by height
 *   blkopen:{ledger}               set of the blocks whose fate is not final
 *   bal:{ledger}:immature, :mature, :held    miner -> satoshi owed
 *   acc:{ledger}                   any other account -> satoshi, debit +
 *   led:{ledger}                   stream: entries, id "<n>-0", member "e"
 *   ledseq:{ledger}                the last n
 *   stmt:{ledger}:<miner>          stream: what each entry says of that miner, same ids
 *   done:{ledger}                  entry key -> n; pay-per-share entries have, a period,
 *   done:{ledger}:<period>         which expires
 *   holds:{ledger}                 miner -> "<holds> <releases>", booked so far
 *   pps:{ledger}:<period>          miner -> "<work> <satoshi>", credited so far
 *   accrued:{ledger}               instance -> "<slice id>:<rows>", credited so far
 *   fpps:{ledger}                  "<date>:<instance>" -> how far the day's fees are
 *                                  credited (pool/accounts_fpps.c)
 *   fpps:{ledger}:<date>:<instance>    its periods -> ""; kept until it is closed, as
 *                                  their pps:{ledger}:<period> are
 *   fallback:{ledger}              instance -> since when pay per share is suspended
 *   snap:{ledger}:<id>             "s" -> who a job's coinbase may pay, frozen
 *   ready:{ledger}                 instance -> run id of the server that has all of its
 *                                  journal's events
 *   po:{ledger}:<id>               a payout: member -> value (pool/pay/record.h)
 *   pos:{ledger}                   payout's id -> its state
 *   potx:{ledger}                  txid of any version -> payout's id
 *   coin:{ledger}                  "<txid>:<vout>" -> what it is: never changes
 *   coinblk:{ledger}               block's hash -> "1": its coins are in there
 *   use:{ledger}:<txid>:<vout>     payout's id -> "held", "freed", "spent" or "void"
 *   fence:{ledger}                 "token" -> the newest lease's; what payers note
 *                                  (pool/pay/gate.c, daemon.c, run.c)
 *   lease:{ledger}                 who pays: holder, name, token, since_ms; "over" ->
 *                                  the last token that was not given back
 *   leased:{ledger}                the token, expires with the lease
 *   lapse:{ledger}                 the holder, expires when another may take over
 *
 * A row is 18 bytes, little-endian: work (8), accepted (5), refused (5).
 *
 * Pure; any thread. */
#ifndef SHARE_KEYS_H
#define SHARE_KEYS_H

#include "share/ids.h"

#define KEY_SIZE        160
#define KEY_FIELD_SIZE  8
#define KEY_REASON_SIZE 40

/* A miner's workers are spread over this many hashes, by name, so no index is needed to
 * find one. Measured (tests/bench/README.md): 100 workers of a miner take 160 bytes each
 * in 8 buckets, 176 in 16; above some 900 buckets turn into Redis's large form, 224 each.
 * A miner who makes up names gets 8 * 16384 records at most. */
#define KEY_WORKER_BUCKETS 8

#define KEY_INSTANCES     "instances"
#define KEY_REG_MINERS    "miners:{registry}"
#define KEY_REG_LIVE      "live:{registry}"
#define KEY_REG_CERTS     "certs:{registry}"
#define KEY_REG_ADDRESSES "addrs:{registry}"
#define KEY_REG_SEQ       "seq:{registry}"
#define KEY_REG_VERSION   "version:{registry}"
#define KEY_REG_FACTS     "facts:{registry}"
#define KEY_REG_AUDIT     "audit:{registry}"
#define KEY_BLOCKS        "blks:{ledger}"
#define KEY_BLOCKS_OPEN   "blkopen:{ledger}"
#define KEY_ENTRIES       "led:{ledger}"
#define KEY_ENTRY_SEQ     "ledseq:{ledger}"
#define KEY_ACCOUNTS      "acc:{ledger}"
#define KEY_IMMATURE      "bal:{ledger}:immature"
#define KEY_MATURE        "bal:{ledger}:mature"
#define KEY_HELD          "bal:{ledger}:held"
#define KEY_HOLDS         "holds:{ledger}"
#define KEY_ACCRUED       "accrued:{ledger}"
#define KEY_FPPS          "fpps:{ledger}"
#define KEY_FALLBACK      "fallback:{ledger}"
#define KEY_READY         "ready:{ledger}"
#define KEY_PAYOUTS       "pos:{ledger}"
#define KEY_PAYOUT_TXIDS  "potx:{ledger}"
#define KEY_COINS         "coin:{ledger}"
#define KEY_COIN_BLOCKS   "coinblk:{ledger}"
#define KEY_FENCE         "fence:{ledger}"
#define KEY_LEASE         "lease:{ledger}"
#define KEY_LEASED        "leased:{ledger}"
#define KEY_LAPSE         "lapse:{ledger}"
#define KEY_POOL_FIELD    "all"

enum key_span {
    KEY_MINUTES, /* a key an hour, a field a minute */
    KEY_HOURS,   /* a key a day, a field an hour    */
    KEY_DAYS,    /* a key a month, a field a day    */
};

/* How long tallies stay: each behind the end of its key's own period, workers behind the
 * hour of their last share. */
struct key_retention {
    uint32_t minutes_hours, hours_days, days_months, workers_days;
};

/* Of stream `stream` in the keys of {instance}. */
void key_cursor(char out[KEY_SIZE], const char *instance, uint32_t stream);
/* Of the event stream in the keys of {ledger}, of {registry}. */
void key_cursor_ledger(char out[KEY_SIZE], const char *instance);
void key_cursor_registry(char out[KEY_SIZE], const char *instance);
void key_slices(char out[KEY_SIZE], const char *instance);
void key_slice(char out[KEY_SIZE], const char *instance, uint64_t id);
void key_block_slices(char out[KEY_SIZE], const char *instance);
void key_healed(char out[KEY_SIZE], const char *instance);
void key_miners(char out[KEY_SIZE], const char *instance);
void key_pool(char out[KEY_SIZE], const char *instance);
/* `miner` NULL: of the whole pool. */
void key_tally(char out[KEY_SIZE], const char *instance, enum key_span span,
               const struct miner_id *miner, int64_t utc_s);
#define KEY_ROW_SIZE 18
/* The field of `utc_s` in it: minute, hour or day in digits, without a zero before them,
 * so that Redis keeps it in a byte. */
void key_tally_field(char out[KEY_FIELD_SIZE], enum key_span span, int64_t utc_s);
/* The field of a verdict's name in a day's hours: at most 10 beside 24. */
void key_reason_field(char out[KEY_REASON_SIZE], const char *verdict);
/* The verdict's name of such a field; false for another. */
bool key_reason_parse(char verdict[KEY_REASON_SIZE], const char *field);
/* When it may go: Unix seconds. */
int64_t key_tally_expires(const struct key_retention *keep, enum key_span span,
                          int64_t utc_s);

unsigned key_worker_bucket(const struct worker_name *worker);
void key_workers(char out[KEY_SIZE], const char *instance, const struct miner_id *miner,
                 unsigned bucket);
int64_t key_workers_expire(const struct key_retention *keep, int64_t utc_s);

void key_refused(char out[KEY_SIZE], const char *instance, int64_t utc_s);
int64_t key_refused_expires(int64_t utc_s); /* 90 days */

/* `hash` as people see it, 64 hex digits. */
void key_block(char out[KEY_SIZE], const char *hash);
void key_statement(char out[KEY_SIZE], const char *miner);
/* `period` "": of all entries but pay-per-share ones. */
void key_done(char out[KEY_SIZE], const char *period);
/* Where a ledger event's mark lies: "holds", "accrued", "fpps", "pps:<period>",
 * "snap:<id>". True: it expires. */
bool key_mark(char out[KEY_SIZE], const char *name);

#endif
