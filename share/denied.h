/* share/denied.h - refused logins of an hour, told apart by who, from where and with what.
 *
 * For the report of refusals (R7). What comes in is chosen by whoever connects, so all of
 * it is bounded: an hour has at most DENIED_ROWS_MAX rows with details, of them
 * DENIED_NETWORK_ROWS_MAX of one network, so that one attacker does not hide the others.
 * What finds no room is folded: first into a row of its listener, reason and network
 * without login and software, then into one of listener and reason alone
 * (DENIED_REST_ROWS_MAX of those). Attempts stay exact, and how many were folded is counted.
 *
 * A row is given out for the journal with its figures of the whole hour so far, never with
 * what was added: the newest of a run and row counts, so that a second copy does no harm.
 * It is due when it is new, DENIED_REWRITE_MS after it was written, when its hour is over, or
 * at the end. So an hour is at most 1.3 MB of journal, and that only under attack.
 *
 * Sources are counted exactly, by keyed hashes that are kept for the hour in memory alone.
 * After DENIED_SOURCES_MAX pairs of row and source a row with another one says that its
 * number is not known.
 *
 * Nobody's whole address, and no login in clear but a miner's id or an address of the
 * network, is ever put in here: callers see to that.
 *
 * It takes 1 MB of memory.
 *
 * Units      hours since 1970; UTC milliseconds.
 * Ownership  denied_add() copies. denied_free() accepts NULL.
 * Thread     one at a time, whichever. Pure: no I/O, lock or clock.
 * Source: registry spec section 4, R7 and minimisation. */
#ifndef SHARE_DENIED_H
#define SHARE_DENIED_H

#include "share/tally.h"

#define DENIED_ROWS_MAX         500
#define DENIED_NETWORK_ROWS_MAX 50
#define DENIED_REST_ROWS_MAX    128 /* 16 listeners, and more reasons than there are */
#define DENIED_SOURCES_MAX      16384
#define DENIED_REWRITE_MS       INT64_C(600000)

#define DENIED_LISTENER_MAX 63
#define DENIED_LOGIN_MAX    90 /* the longest address there is */
#define DENIED_SOFTWARE_MAX 64
#define DENIED_HASH_SIZE    32
#define DENIED_NETWORK_IPV4 3 /* bytes: /24 */
#define DENIED_NETWORK_IPV6 6 /* /48 */

enum denied_login {
    DENIED_NO_LOGIN, /* none was sent, or it was folded */
    DENIED_MINER,    /* the id of one in the registry, whichever login of its it was */
    DENIED_ADDRESS,  /* of this network, nobody's */
    DENIED_HASHED,   /* anything else */
    DENIED_LOGINS
};

/* Texts are printable ASCII. */
struct denied_key {
    char listener[DENIED_LISTENER_MAX + 1];
    char reason[TALLY_REASON_MAX + 1];
    enum denied_login login_is;
    char login[DENIED_LOGIN_MAX + 1]; /* of DENIED_MINER and DENIED_ADDRESS */
    uint8_t login_hash[DENIED_HASH_SIZE];
    size_t network_len; /* 0: folded */
    uint8_t network[DENIED_NETWORK_IPV6];
    char software[DENIED_SOFTWARE_MAX + 1];
};

struct denied_row {
    int64_t hour;
    struct denied_key key;
    uint64_t attempts;
    uint64_t sources; /* different ones; 0: not known */
};

/* Cut to `max`; what is not printable ASCII becomes '?'. `out` has max + 1 bytes. */
void denied_set_text(char *out, size_t max, const char *text, size_t len);
/* In the order of R7: hour, reason, listener, login, network, software. */
int denied_compare(const struct denied_row *a, const struct denied_row *b);

struct denied;

/* `seed` makes places in the tables unknown to who chooses what is put there. */
struct denied *denied_new(uint64_t seed);
void denied_free(struct denied *d);

/* `source` is a hash of the peer's address under a secret key. Of an hour that is over and
 * given out, or long before what is there (a clock that was set back): folded into nothing,
 * and counted as such. */
void denied_add(struct denied *d, const struct denied_key *key, uint64_t source,
                int64_t time_ms);
/* Rows that are due, as written from now on; call again until it returns less than `max`.
 * `at_end`: all that have not been written as they are. */
size_t denied_take(struct denied *d, struct denied_row *rows, size_t max,
                   int64_t now_ms, bool at_end);
/* Attempts since denied_new() that stand without details, and those in no row at all. */
uint64_t denied_folded(const struct denied *d);
uint64_t denied_lost(const struct denied *d);

/* --- the body that EVENT_DENIED seals (share/denied_seal.h) ----------------------- */

#define DENIED_EVENT_ROWS 64
#define DENIED_EVENT_MAX                                                               \
    (8 + 2 +                                                                           \
     DENIED_EVENT_ROWS *                                                               \
         (3 * 10 + 6 + DENIED_LISTENER_MAX + TALLY_REASON_MAX + DENIED_LOGIN_MAX +     \
          DENIED_NETWORK_IPV6 + DENIED_SOFTWARE_MAX))

/* `run` tells one start of the daemon from another: the figures of two are added up.
 * Returns how many bytes it wrote. */
size_t denied_event_write(uint8_t out[DENIED_EVENT_MAX], uint64_t run,
                          const struct denied_row *rows, size_t count);
/* KZ_PARSE: not such a body. */
KZ_MUST_USE enum kz_err denied_event_read(struct denied_row rows[DENIED_EVENT_ROWS],
                                          size_t *count, uint64_t *run,
                                          struct bytes body);

#endif
