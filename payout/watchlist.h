/* payout/watchlist.h - a list of addresses and scripts that must not be paid unseen.
 *
 * A text file of somebody else's: on each line an address of the network, or an output
 * script in hex, or nothing; what follows a '#' is a comment. Both become scripts, which
 * is what a payment names, so an address is found in whatever form it was listed. One
 * bad line and there is no list: half a list would clear what it should not.
 *
 * Ownership  a list owns all it has; the text is borrowed for the call.
 * Errors     KZ_PARSE: a line that is neither. KZ_RANGE: an address of another network,
 *            or a text longer than WATCHLIST_BYTES_MAX. `problem` says where; the list
 *            is untouched.
 * Thread     immutable once parsed: any. Pure. Source: accounting section 12. */
#ifndef PAYOUT_WATCHLIST_H
#define PAYOUT_WATCHLIST_H

#include "payout/address.h"
#include "share/hash256.h"

#define WATCHLIST_BYTES_MAX  (16U << 20)
#define WATCHLIST_SCRIPT_MAX 10000 /* no longer script can be spent */

struct watchlist;

struct watchlist_problem {
    size_t line; /* from 1; 0: the text as a whole */
    const char *text;
};

/* Release with watchlist_free(), which accepts NULL. */
KZ_MUST_USE enum kz_err watchlist_parse(struct watchlist **list,
                                        struct watchlist_problem *problem,
                                        const struct network *network, const char *text,
                                        size_t len);
void watchlist_free(struct watchlist *list);

bool watchlist_has(const struct watchlist *list, struct bytes script);
size_t watchlist_count(const struct watchlist *list); /* different scripts */
/* Of the text, byte by byte: which list it was that cleared somebody. */
const struct hash256 *watchlist_sha256(const struct watchlist *list);

#endif
