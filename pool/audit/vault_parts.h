/* pool/audit/vault_parts.h - what the files of the vault share among themselves.
 *
 * vault_store.c  files: names, reading and replacing, the boxes in them
 * vault_master.c the master keys: where they are, the next one's coming
 * vault_values.c one miner's values in memory; pure
 * vault.c        what others call
 * vault_check.c  listing and checking all of it
 *
 * Errors and threads as in pool/audit/vault.h. */
#ifndef POOL_VAULT_PARTS_H
#define POOL_VAULT_PARTS_H

#include "conf/locked.h"
#include "pool/audit/vault.h"
#include "pool/audit/vault_box.h"

#define VAULT_NAME_SIZE   64
#define VAULT_MASTER      "master.key"
#define VAULT_MASTER_NEXT "master.next"
#define VAULT_TEMP_SUFFIX ".new" /* no miner's id has a dot */
#define VAULT_MASTERS     2

struct vault {
    int dir;          /* its folder, locked */
    char *credential; /* NULL: the master key is in files */
    /* The one in use and the one to come; the second is NULL but in between. */
    struct locked *master[VAULT_MASTERS];
};

/* `why`, and `err`. */
enum kz_err vault_fail(char why[VAULT_WHY_SIZE], enum kz_err err, const char *format,
                       ...) KZ_PRINTF(3, 4);
enum kz_err vault_fail_errno(char why[VAULT_WHY_SIZE], const char *name,
                             const char *what);

/* --- vault_store.c ---------------------------------------------------------------- */

/* "keys/alice". */
void vault_name(char out[VAULT_NAME_SIZE], const char *folder,
                const struct miner_id *miner);
KZ_MUST_USE enum kz_err vault_read(void *out, size_t *len, char why[VAULT_WHY_SIZE],
                                   const struct vault *v, const char *name, size_t max);
/* Old or new, whatever happens in between. */
KZ_MUST_USE enum kz_err vault_replace(const struct vault *v, char why[VAULT_WHY_SIZE],
                                      const char *name, struct bytes content);
/* File `by` takes the name `name`; what had it is wiped. */
KZ_MUST_USE enum kz_err vault_put_over(const struct vault *v, char why[VAULT_WHY_SIZE],
                                       const char *name, const char *by);
KZ_MUST_USE enum kz_err vault_destroy(const struct vault *v, char why[VAULT_WHY_SIZE],
                                      const char *name);
bool vault_has(const struct vault *v, const char *name);

KZ_MUST_USE enum kz_err vault_read_box(struct box *b, char why[VAULT_WHY_SIZE],
                                       const struct vault *v, enum box_kind kind,
                                       const struct miner_id *miner);
KZ_MUST_USE enum kz_err vault_write_box(const struct vault *v, char why[VAULT_WHY_SIZE],
                                        const struct box *b);

/* The names in one of its folders, an array in order; leftovers are among them. */
KZ_MUST_USE enum kz_err vault_names(json_t **out, char why[VAULT_WHY_SIZE],
                                    const struct vault *v, const char *folder);

/* --- vault_master.c --------------------------------------------------------------- */

KZ_MUST_USE enum kz_err vault_load_masters(struct vault *v, char why[VAULT_WHY_SIZE]);
/* Where there is none. */
KZ_MUST_USE enum kz_err vault_make_master(const struct vault *v,
                                          char why[VAULT_WHY_SIZE], const char *name);
/* A miner's key, in locked memory; KZ_EMPTY: it has none. */
KZ_MUST_USE enum kz_err vault_load_key(struct locked **out, char why[VAULT_WHY_SIZE],
                                       const struct vault *v,
                                       const struct miner_id *miner);
KZ_MUST_USE enum kz_err vault_make_key(struct locked **out, char why[VAULT_WHY_SIZE],
                                       const struct vault *v,
                                       const struct miner_id *miner);

/* --- vault_values.c --------------------------------------------------------------- */

/* What is sealed: {field: [newest, older, ...]}, each {"salt","value"}, or null where the
 * field was dropped; more than one only until it is settled. */

/* KZ_RANGE: no such content. */
KZ_MUST_USE enum kz_err values_check(char why[VAULT_WHY_SIZE], const json_t *kept);
/* A changed copy of `kept`, and the new values' commitments. */
KZ_MUST_USE enum kz_err values_put(json_t **out, json_t **commitments,
                                   char why[VAULT_WHY_SIZE], const json_t *kept,
                                   const json_t *values);
KZ_MUST_USE enum kz_err values_settle(json_t **out, char why[VAULT_WHY_SIZE],
                                      const json_t *kept, const json_t *commitments);
/* As vault_get() hands them out; the caller's. */
json_t *values_newest(const json_t *kept);

#endif
