/* pool/registry/registry.h - the registered miners: cached here, kept in Redis.
 *
 * Everything that is looked up (list, show, the roster for the fronts) comes from the
 * cache. The cache changes only when Redis has acknowledged a change and has it on its
 * disk, then the roster is published at once. Several daemons may share one Redis: each
 * asks for the registry's version several times a second and loads it again when
 * another changed it.
 *
 * Redis away: the cache goes on serving; changes are refused with that text; a load at
 * start is tried until it works (no roster is published before). Redis back with an
 * OLDER registry than ours: it lost data, so the cache stays, changes are refused and
 * registry_status() says so, until Redis is restored or karizd started again.
 *
 * Records are as in pool/registry/registry_record.h, with number, revision, and `id` (the
 * miner_id again, as requests name it).
 *
 * Ownership  JSON that is returned is the caller's.
 * Thread     control, all of it. Answers of the store thread come through `mailbox`. */
#ifndef POOL_REGISTRY_H
#define POOL_REGISTRY_H

#include "conf/mailbox.h"
#include "pool/audit/vault.h"
#include "pool/registry/record_may.h"
#include "pool/registry/record_proposal.h"
#include "pool/registry/registry_address.h"
#include "share/store.h"
#include "stratum/roster.h"

#include <event2/event.h>

struct registry;

struct registry_hooks {
    void *ctx;
    /* Borrowed: take a reference to keep it. First after the first load, then after
     * each change. */
    void (*on_roster)(void *ctx, const struct roster *roster);
};

struct registry_place {
    struct event_base *base;
    struct mailbox *mailbox;
    const struct conf *conf;
    const struct profile *profile;
    struct store *store;
    struct vault *vault; /* of personal values */
};

/* All borrowed until registry_stop(). KZ_IO: no timer; logged. */
KZ_MUST_USE enum kz_err registry_start(struct registry **out,
                                       const struct registry_place *place,
                                       const struct registry_hooks *hooks);
/* After store_stop() and after the mailbox was freed: both still know us. NULL
 * accepted. */
void registry_stop(struct registry *r);

/* Called once, from the loop or at once. KZ_OK: `record` as stored, the callee's. Else
 * NULL and `text` to show: KZ_RANGE refused (field first), KZ_EMPTY no such miner,
 * KZ_IO Redis is away or did not confirm, KZ_BUSY too many changes at once. */
typedef void registry_done_fn(void *ctx, enum kz_err err, json_t *record,
                              const char *text);

/* Who wants it, in which role, why (a code of pool/registry/record_act.h) and on which
 * document. Borrowed. */
struct registry_order {
    const char *by;
    enum audit_role role;
    const char *reason;
    const json_t *basis;
};

/* The order as changes of records take it, now. */
struct record_act registry_act(const struct registry *r,
                               const struct registry_order *order);

/* What record_draft() made of an application: it takes the draft and what `happened` owns.
 * Personal values go to the vault, and stay there also where nothing came of the draft. */
void registry_apply_take(struct registry *r, json_t *draft,
                         struct record_happened *happened, registry_done_fn *on_done,
                         void *ctx);

/* A pure change of a record: see pool/registry/record_act.h for what it gives. */
typedef enum kz_err registry_how_fn(const void *what, json_t **out,
                                    struct record_happened *happened,
                                    char why[RECORD_WHY_SIZE], const json_t *record,
                                    const struct record_act *act);

/* Changes a miner's record by `how`, which is called at once, and tells the audit chain. */
void registry_change(struct registry *r, const char *id, registry_how_fn *how,
                     const void *what, const struct registry_order *order,
                     registry_done_fn *on_done, void *ctx);

/* Something that happened and is no change of a record, with facts that hold for all miners
 * (name -> value, null: gone; or NULL). `detail` may be NULL. Both are borrowed. The answer
 * is an empty object. New facts are made of those that are known, so one such change waits
 * for no other: KZ_BUSY. */
void registry_note(struct registry *r, enum audit_word word, const char *miner,
                   const struct registry_order *order, const json_t *detail,
                   const json_t *facts, registry_done_fn *on_done, void *ctx);

/* While it is on, values in the vault that no record names any more stay there: a copy of
 * the vault that is made meanwhile opens every record of a journal copied before it. */
void registry_hold_vault(struct registry *r, bool is_on);
bool registry_holds_vault(const struct registry *r);

/* A fact's value, borrowed; NULL: there is none. All of them: NULL before the first load. */
const json_t *registry_fact(const struct registry *r, const char *name);
const json_t *registry_facts(const struct registry *r);
struct record_view registry_view(const struct registry *r);

json_t *registry_list(const struct registry *r); /* array, by number */
/* The same without "id", and not copied: the cache's own, which nobody changes. */
json_t *registry_records(const struct registry *r);
/* Of each record, in no order, what says whether a miner may mine, is credited and is paid,
 * where and by which terms: for another thread, which cannot share jansson's values. */
json_t *registry_digests(const struct registry *r);
json_t *registry_show(const struct registry *r, const char *id); /* NULL: none */
/* {loaded, version, miners, states {state: count}, waiting: for a second person, warning,
 * alarm, profile {code, version, verified}, stop_order, audit {seq, time, hash}} */
json_t *registry_status(const struct registry *r);

#endif
