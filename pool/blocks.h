/* pool/blocks.h - found blocks: to the nodes first, then to disk, Redis and status.
 *
 * A front thread that finds a block posts it here; the control thread assembles it,
 * hands it to all nodes, and then to the spool, which syncs it on a thread of its own.
 * The front thread meanwhile writes it down itself, unsynced, before it answers the rig:
 * a daemon killed at any instruction behind the reply has the block on disk, and the next
 * start sends it. So it is with a control thread that is too busy to take it.
 *
 * What nodes say goes into the block's record ("node": pending, accepted, rejected; and
 * "answer"). The record itself comes from the journal, where the winning share is; what
 * becomes of the block is the accounts' (accounts.h).
 *
 * Ownership  nodes, spool and store are borrowed and outlive it.
 * Thread     control, but blocks_found(): any. */
#ifndef POOL_BLOCKS_H
#define POOL_BLOCKS_H

#include "conf/mailbox.h"
#include "pool/node.h"
#include "pool/spool.h"
#include "share/store.h"
#include "stratum/server.h"

struct blocks;

struct blocks_parts {
    struct event_base *base; /* of the control thread */
    struct mailbox
        *mailbox; /* of the control thread, whose owner pointer is not used */
    struct nodes *nodes;
    struct spool *spool;
    struct store *store;
    const char *instance;
};

struct blocks *blocks_new(const struct blocks_parts *parts);
void blocks_free(struct blocks *b); /* NULL accepted */

/* The stratum hook. */
void blocks_found(struct blocks *b, const struct found_block *found);

/* Sends what the spool still holds from an earlier run. */
void blocks_resume(struct blocks *b);

/* The node hooks. */
void blocks_on_answer(struct blocks *b, const struct hash256 *hash, bool accepted,
                      const char *answer);
void blocks_on_final(struct blocks *b, const struct hash256 *hash, bool accepted);

/* Whether we found it, lately: of the last few hundred. */
bool blocks_has_found(const struct blocks *b, const struct hash256 *hash);

/* Sent, and neither taken nor given up yet. */
size_t blocks_pending(const struct blocks *b);

/* {"found", "accepted", "rejected", "pending"} since start. The caller owns. */
json_t *blocks_status(const struct blocks *b);

#endif
