/* share/refusal_keys.h - the keys under which details of refused logins lie in the journal.
 *
 * One file a UTC day, "refusal-keys/2026-11-26" beside the journal's folder: 32 random
 * bytes and the key's id (share/denied_seal.h), mode 0600 in a folder of mode 0700. It is
 * made, and on the disk, before the first event of its day is. To destroy it is to destroy
 * the details of that day: nothing else opens them. A file of zeros is one whose
 * destruction was interrupted, and counts as gone.
 *
 * A key that is gone is never made again for the same events: one that is made anew for that
 * day has another id. The newest key asked for is kept in memory, and wiped.
 *
 * Ownership  refusal_keys_free() accepts NULL and wipes; a key that was given is borrowed
 *            until the next call.
 * Errors     `why` names the file, its rule and nothing of the key. KZ_RANGE: a file or
 *            folder that is not as it must be. KZ_IO: the system said no.
 * Thread     one at a time; does file I/O, so never a front or control. */
#ifndef SHARE_REFUSAL_KEYS_H
#define SHARE_REFUSAL_KEYS_H

#include "share/denied_seal.h"

#define REFUSAL_KEYS_FOLDER    "refusal-keys"
#define REFUSAL_KEYS_WHY_SIZE  448
#define REFUSAL_KEYS_NAME_SIZE 16

struct refusal_keys;

/* Those beside the journal in `journal_dir`, by its path: DIR/../refusal-keys where DIR
 * is no symbolic link. Touches no file. */
struct refusal_keys *refusal_keys_new(const char *journal_dir);
void refusal_keys_free(struct refusal_keys *r);

/* The day's, for reading. KZ_EMPTY: it is gone, or never was. */
KZ_MUST_USE enum kz_err refusal_keys_find(const struct denied_seal_key **out,
                                          struct refusal_keys *r,
                                          char why[REFUSAL_KEYS_WHY_SIZE], int64_t day);
/* The day's, for writing: made where there is none. For the daemon of that journal. */
KZ_MUST_USE enum kz_err refusal_keys_need(const struct denied_seal_key **out,
                                          struct refusal_keys *r,
                                          char why[REFUSAL_KEYS_WHY_SIZE], int64_t day);

/* Destroys one key whose day is over by `is_over`; call again until KZ_EMPTY: none is. One
 * that cannot be destroyed hinders no other, and is an error once only such are left. */
typedef bool refusal_keys_over_fn(void *ctx, int64_t day);
KZ_MUST_USE enum kz_err refusal_keys_destroy_one(struct refusal_keys *r, int64_t *day,
                                                 char why[REFUSAL_KEYS_WHY_SIZE],
                                                 refusal_keys_over_fn *is_over,
                                                 void *ctx);

/* "2026-11-26": the file of a day. */
void refusal_keys_name(char out[REFUSAL_KEYS_NAME_SIZE], int64_t day);

#endif
