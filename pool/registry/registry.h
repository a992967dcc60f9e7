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

/* All borrowed until registry_stop(). KZ_IO: no timer; logged. */
KZ_MUST_USE enum kz_err registry_start(struct registry **out, struct event_base *base,
                                       struct mailbox *mailbox, const struct conf *conf,
                                       struct store *store,
                                       const struct registry_hooks *hooks);
/* After store_stop() and after the mailbox was freed: both still know us. NULL
 * accepted. */
void registry_stop(struct registry *r);

/* Called once, from the loop or at once. KZ_OK: `record` as stored, the callee's. Else
 * NULL and `text` to show: KZ_RANGE refused (field first), KZ_EMPTY no such miner,
 * KZ_IO Redis is away or did not confirm, KZ_BUSY too many changes at once. */
typedef void registry_done_fn(void *ctx, enum kz_err err, json_t *record,
                              const char *text);

/* `fields`: see struct record_request. Borrowed. The state is active at first. */
void registry_register(struct registry *r, const json_t *fields, const char *actor,
                       registry_done_fn *on_done, void *ctx);
void registry_set_state(struct registry *r, const char *id, enum miner_state state,
                        const char *basis, const char *actor, registry_done_fn *on_done,
                        void *ctx);

void registry_set_terms(struct registry *r, const char *id,
                        const struct record_terms *terms, registry_done_fn *on_done,
                        void *ctx);

/* `how` changes the record: one of pool/registry/registry_address.h. Of `change` conf, nonce and
 * now_ms are filled in here. */
void registry_change_address(struct registry *r, const char *id, record_address_fn *how,
                             const struct record_address_change *change,
                             registry_done_fn *on_done, void *ctx);

json_t *registry_list(const struct registry *r);                 /* array, by number */
json_t *registry_show(const struct registry *r, const char *id); /* NULL: none */
/* {loaded, version, miners, alarm} */
json_t *registry_status(const struct registry *r);

#endif
