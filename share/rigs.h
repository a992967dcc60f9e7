/* share/rigs.h - which rig software each miner's logins show, a UTC day.
 *
 * For the alert about more kinds of rigs than were declared (R8). Kept is the name alone,
 * without its version and in lower case: "cgminer/4.11.1" and "cgminer/4.12" are one kind.
 * A day has at most RIGS_KINDS_MAX kinds of a miner and RIGS_ROWS_MAX rows in all; what is
 * more is counted, and not written. Only who is registered and authorised gets in here.
 *
 * Each row is given out for the journal once a day and run; the same row twice says no more
 * than once.
 *
 * Ownership  copies; rigs_free() accepts NULL.
 * Thread     one at a time, whichever. Pure: no I/O, lock or clock.
 * Source: registry spec section 4, R8. */
#ifndef SHARE_RIGS_H
#define SHARE_RIGS_H

#include "share/bytes.h"
#include "share/ids.h"

#define RIGS_KINDS_MAX    16
#define RIGS_ROWS_MAX     65536
#define RIGS_SOFTWARE_MAX 32

struct rigs_row {
    int64_t time_ms; /* when it was first seen that day */
    struct miner_id miner;
    char software[RIGS_SOFTWARE_MAX + 1]; /* printable ASCII, never empty */
};

/* The name in an agent: up to the first '/', or what looks like a version behind a blank or
 * a hyphen ("braiins os 22.08", "xminer-1.2", "bzminer v9"). "" where nothing is left. */
void rigs_software(char out[RIGS_SOFTWARE_MAX + 1], const char *agent);

struct rigs;

/* `seed` makes places in the table unknown to who chooses what is put there. */
struct rigs *rigs_new(uint64_t seed);
void rigs_free(struct rigs *r);

void rigs_add(struct rigs *r, const struct miner_id *miner, const char *agent,
              int64_t time_ms);
/* Rows not given out yet; call again until it returns less than `max`. A day begins with the
 * first row of it, or here; those left of the day before are given out still. */
size_t rigs_take(struct rigs *r, struct rigs_row *rows, size_t max, int64_t now_ms);
/* What found no room since rigs_new(). */
uint64_t rigs_dropped(const struct rigs *r);

/* --- the body of EVENT_RIGS ------------------------------------------------------- */

#define RIGS_EVENT_ROWS 64
#define RIGS_EVENT_MAX                                                                 \
    (2 + RIGS_EVENT_ROWS * (10 + 1 + MINER_ID_MAX + 1 + RIGS_SOFTWARE_MAX))

/* Count varint, then (time varint, miner, software) each, the two with their lengths.
 * Returns how many bytes it wrote. */
size_t rigs_event_write(uint8_t out[RIGS_EVENT_MAX], const struct rigs_row *rows,
                        size_t count);
/* KZ_PARSE: not such a body. */
KZ_MUST_USE enum kz_err rigs_event_read(struct rigs_row rows[RIGS_EVENT_ROWS],
                                        size_t *count, struct bytes body);

#endif
