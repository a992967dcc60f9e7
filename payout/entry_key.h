/* payout/entry_key.h - what happened to what: kinds of ledger entries and their keys.
 *
 * An entry's key makes it apply once. It is made from the event alone, so whoever
 * books the same event again, after a crash or on another machine, makes the same key:
 *
 *   blk:<hash>:accept | orphan:<n> | revive:<n> | mature      object: the block's hash
 *   pps:<period>:<miner>:to=<work>                            object: the period
 *   mn:<miner>:hold:<n> | release:<n>
 *   po:<id>:reserve | confirm[:<n>] | unconfirm:<n> | abandon object: the payout's id
 *   po:<id>:fee:<n> | unfee:<n>                               object: the payout's id
 *   cap:<n>                                                   adj:<id>
 *
 * One counter runs over orphan and revive of a block (accept is 0), one over confirm
 * and unconfirm of a payout (the first confirm is 0 and has no number in its key), one
 * from 1 over fee and unfee of a payout, and one each over the holds, the releases, and
 * the capital entries.
 *
 * A rate period's text is its owner's: lower-case letters, digits and ":.=-". It names
 * all that makes a period (nbits, subsidy, fee and UTC day, "17030ecd:312500000:20000:
 * 2026-01-31"): work counts from 0 in each, so two that share a text would share keys.
 * What is paid for the same work at another time (the fee part of FPPS, at the day's
 * close) is a period of its own, as with ":fees" behind.
 *
 * Errors  KZ_PARSE: not a key of that kind; the output is untouched.
 * Thread  any. Pure. */
#ifndef PAYOUT_ENTRY_KEY_H
#define PAYOUT_ENTRY_KEY_H

#include "payout/account.h"

enum entry_kind {
    ENTRY_BLOCK_ACCEPTED,
    ENTRY_BLOCK_ORPHANED,
    ENTRY_BLOCK_REVIVED,
    ENTRY_BLOCK_MATURED,
    ENTRY_PPS_ACCRUAL,
    ENTRY_HOLD,
    ENTRY_RELEASE,
    ENTRY_PAYOUT_RESERVED,
    ENTRY_PAYOUT_CONFIRMED,
    ENTRY_PAYOUT_UNCONFIRMED,
    ENTRY_PAYOUT_ABANDONED,
    ENTRY_CAPITAL_IN,
    ENTRY_CAPITAL_OUT,
    ENTRY_CORRECTION,
    ENTRY_OVERPAYMENT_FOUND,
    ENTRY_OVERPAYMENT_NETTED,
    ENTRY_PAYOUT_FEE,      /* of a transaction that pays nobody */
    ENTRY_PAYOUT_FEE_BACK, /* it is not in the chain any more */
    ENTRY_KINDS            /* how many there are */
};

#define ENTRY_OBJECT_SIZE 65
#define ENTRY_KEY_SIZE    160

struct entry_key {
    enum entry_kind kind;
    char object[ENTRY_OBJECT_SIZE]; /* "" where the kind has none */
    struct miner_id miner;          /* zero bytes where the kind has none */
    uint64_t n;                     /* counter, or PPS work; below 2^63 */
};

const char *entry_kind_name(enum entry_kind kind); /* "block_accepted" */
KZ_MUST_USE enum kz_err entry_kind_parse(enum entry_kind *kind, const char *text,
                                         size_t len);

/* KZ_PARSE: a part that no key may have. */
KZ_MUST_USE enum kz_err entry_key_format(char out[ENTRY_KEY_SIZE],
                                         const struct entry_key *k);
/* Only what entry_key_format() writes is read. */
KZ_MUST_USE enum kz_err entry_key_parse(struct entry_key *k, enum entry_kind kind,
                                        const char *text, size_t len);

#endif
