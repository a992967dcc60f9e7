/* payout/account.h - the names of the ledger's accounts, as values.
 *
 * An account is one of fifteen names, some of which belong to a miner, or to a miner
 * inside an open payout. In text the parts stand behind each other with ':' between,
 * as in "coins.mature", "held:m000003", "reserved:po-7:m000003" (accounting section 7).
 * What a name is on the balance sheet (asset, liability ...) is a property of the name.
 *
 * Errors  KZ_PARSE: not the name of an account; the output is untouched.
 * Thread  any. Pure. */
#ifndef PAYOUT_ACCOUNT_H
#define PAYOUT_ACCOUNT_H

#include "share/ids.h"

/* A payout's id: [a-z0-9-]{1,32}, never reused. */
#define PAYOUT_ID_MAX 32

struct payout_id {
    char text[PAYOUT_ID_MAX + 1];
};

/* In the order of the section's table. */
enum account_name {
    ACCOUNT_COINS_IMMATURE,
    ACCOUNT_COINS_MATURE,
    ACCOUNT_COINS_DIRECT,
    ACCOUNT_RECEIVABLE, /* a miner's */
    ACCOUNT_IMMATURE,   /* a miner's */
    ACCOUNT_MATURE,     /* a miner's */
    ACCOUNT_HELD,       /* a miner's */
    ACCOUNT_RESERVED,   /* a miner's in a payout */
    ACCOUNT_FEE_IMMATURE,
    ACCOUNT_FEE,
    ACCOUNT_BLOCK_IMMATURE,
    ACCOUNT_BLOCK,
    ACCOUNT_NETWORK_FEE,
    ACCOUNT_PPS_COST,
    ACCOUNT_CAPITAL,
    ACCOUNT_NAMES /* how many there are */
};

/* Assets and expenses grow by debits (+); the others by credits (-). */
enum account_kind {
    ACCOUNT_IS_ASSET,
    ACCOUNT_IS_LIABILITY,
    ACCOUNT_IS_INCOME,
    ACCOUNT_IS_EXPENSE,
    ACCOUNT_IS_EQUITY,
};

/* Parts a name does not have are zero bytes; made by the functions below alone. */
struct account {
    enum account_name name;
    struct payout_id payout;
    struct miner_id miner;
};

#define ACCOUNT_TEXT_SIZE 80

KZ_MUST_USE enum kz_err payout_id_parse(struct payout_id *id, const char *text,
                                        size_t len);
bool payout_id_equal(const struct payout_id *a, const struct payout_id *b);

/* Each asserts that `name` has exactly the parts it is given. */
struct account account_pool(enum account_name name);
struct account account_miner(enum account_name name, const struct miner_id *miner);
struct account account_reserved(const struct payout_id *payout,
                                const struct miner_id *miner);

KZ_MUST_USE enum kz_err account_parse(struct account *a, const char *text, size_t len);
void account_format(char out[ACCOUNT_TEXT_SIZE], const struct account *a);

enum account_kind account_kind(const struct account *a);
bool account_has_miner(enum account_name name);
bool account_has_payout(enum account_name name);

/* Of blocks that can still be orphaned: moved by blocks alone. */
bool account_is_pending(enum account_name name);

/* Some total order, 0 when equal. */
int account_compare(const struct account *a, const struct account *b);

#endif
