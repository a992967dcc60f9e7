/* pool/ledger_read.h - the ledger from its first entry on, for programs that may wait.
 *
 * Beside each entry stands what it changes of what each miner is owed, by the rule of
 * payout/statement.h: all of the miner's accounts, less what is receivable from them. So
 * one reading makes the statements of all miners at once.
 *
 * Ownership  entries and changes are borrowed for the call.
 * Errors     KZ_IO: Redis is away. KZ_RANGE: an entry is damaged. What `take` answers ends
 *            the reading, and is returned.
 * Thread     any that may wait: never control or a front. */
#ifndef POOL_LEDGER_READ_H
#define POOL_LEDGER_READ_H

#include "payout/entry.h"
#include "share/store_read.h"

struct ledger_change {
    struct miner_id miner;
    struct amount owed;    /* positive: more is owed */
    struct amount payable; /* the same of the accounts of payout/lots.h alone */
};

/* By miner id, one each; also of a miner whose money only moves. */
struct ledger_changes {
    struct ledger_change *rows;
    size_t count;
};

typedef enum kz_err ledger_take_fn(void *ctx, const struct entry *e,
                                   const struct ledger_changes *changes);

/* All entries, in order. */
KZ_MUST_USE enum kz_err ledger_read(struct store *s, ledger_take_fn *take, void *ctx);

#endif
