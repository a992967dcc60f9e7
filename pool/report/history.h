/* pool/report/history.h - the registry as it was: its records at any instant, and what
 * happened to them, read from the journals of all instances that change it.
 *
 * A report of a period that is over is made from the journal alone, so that one made today
 * is the same as one made then, whatever was changed since. An event counts as of the time
 * it names itself; one without an audit event, as of the time it was journaled.
 *
 * One reading serves all reports of a package. It keeps the records, and of what happened
 * only the period's; what is made of everything before as well is told to `on_event`.
 *
 * Each audit chain is proved on the way: nothing is reported from a journal whose chain is
 * broken. Of several journals the records are taken in the order of their times, and a
 * miner's by revision: two daemons' clocks may differ, the revision does not. Of two changes
 * with the same one Redis took one; which, the next change says, or the registry itself. It
 * also tells whether a daemon has changed what no journal here knows (history_fits()).
 *
 * Details of refused logins are read where the key of their day still is
 * (share/refusal_keys.h), beside each journal; those whose key is gone are not there.
 *
 * Ownership  history_clear() frees what a reading filled, texts and records of its events
 *            among it. What `on_event` is given is borrowed for the call.
 * Errors     KZ_IO: the journal or a key cannot be read, or there is no journal. KZ_RANGE: it
 *            or a key is damaged, or its chain is broken. `why` says it, without personal values.
 * Thread     any that may wait; reads files. Source: registry spec section 4. */
#ifndef POOL_REPORT_HISTORY_H
#define POOL_REPORT_HISTORY_H

#include "conf/conf.h"
#include "pool/audit/chain.h"
#include "pool/report/denials.h"

#define HISTORY_WHY_SIZE 512

/* One change, or one event without a change. */
struct history_event {
    int64_t time_ms;
    const char *miner;       /* NULL: it is about none */
    const json_t *record;    /* as it was from then on; NULL: the miner has none */
    const json_t *before;    /* the record before; NULL: there was none */
    const json_t *event;     /* of the audit chain; NULL: older than the chain */
    const char *hash;        /* of the event's link, in hex */
    struct hash256 previous; /* of the link before; zeros: it is the first */
};

#define HISTORY_JOURNALS_MAX (1 + CONF_JOURNALS_MAX)

struct history_ask {
    const char *dir; /* of the instance's own journal */
    const char (*others)[CONF_TEXT_MAX + 1];
    size_t other_count; /* at most CONF_JOURNALS_MAX */
    int64_t from_ms, until_ms;
    int64_t written_before_ms; /* what was journaled later counts for nothing */
    /* Each event before `until_ms`, those before `from_ms` too; NULL: nobody asks. */
    void (*on_event)(void *ctx, const struct history_event *e);
    void *ctx;
};

static inline bool history_is_in_time(const struct history_ask *ask, int64_t at_ms)
{
    return at_ms >= ask->from_ms && at_ms < ask->until_ms;
}

struct history_journal {
    char instance[33];      /* whose chain it is; "": there is none */
    uint64_t first, last;   /* numbers of the journal's events in the time; 0: none */
    struct chain_head head; /* of the audit chain at `until_ms` */
};

struct history {
    json_t *miners;    /* id -> its record at `until_ms` */
    json_t *revisions; /* id -> revision of its newest record, also of one after that */
    json_t *decisions; /* history_decision() */
    json_t *rivals;    /* id -> a change of the same revision as that one */
    struct history_event *events; /* of the audit chains in the time, in order */
    size_t event_count, event_room;
    struct tally_refusal
        *refusals; /* of hours in the time; an hour's may stand apart */
    size_t refusal_count, refusal_room;
    struct denials denials; /* the same with details */
    json_t *rigs; /* miner -> names of the rig software that its logins showed (keys) */
    json_t *kept; /* what the events point to */
    struct history_journal journals[HISTORY_JOURNALS_MAX]; /* as asked, our own first */
    size_t journal_count;
};

KZ_MUST_USE enum kz_err history_read(struct history *out, char why[HISTORY_WHY_SIZE],
                                     const struct history_ask *ask);
void history_clear(struct history *h);

/* Ids in order, `*count` of them: the list is the caller's to mem_free(), its texts are
 * the history's. */
const char **history_ids(size_t *count, const struct history *h);

/* The last event before `until_ms`, of whatever time, by which a person decided of an alert
 * (pool/report/alert.h) of this miner, or (NULL) of none. NULL: there is none. */
const json_t *history_decision(const struct history *h, const char *rule,
                               const char *miner);

/* Whether the journals have all that the registry (share/store_read.h,
 * store_read_registry()) has; settles which of two changes at once it took. KZ_RANGE: a daemon
 * changed a miner whose journal was not read. */
KZ_MUST_USE enum kz_err history_fits(char why[HISTORY_WHY_SIZE], struct history *h,
                                     const json_t *registry);

#endif
