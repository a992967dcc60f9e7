/* pool/audit/vault.h - personal values and their salts, apart from all else.
 *
 * The registry's records hold a commitment (pool/audit/commit.h) where a field is
 * personal; the vault holds what opens it. Each miner's values are one file, sealed with a
 * key of that miner's own, which is sealed with the master key. So a miner is forgotten by
 * destroying one small key, and its commitments stay in the chain, saying nothing.
 *
 *   master.key    the master key: 64 hex digits (or a credential of systemd's instead)
 *   master.next   the next one, while one takes the other's place
 *   keys/<miner>  that miner's key        data/<miner>  its values     (vault_box.h)
 *   erased/<miner>  empty: forgotten, and never to be stored again
 *
 * Folders have mode 0700 and files 0600; others are refused. A file is replaced by
 * renaming a whole and synced one over it, so after a kill or a power cut it is the old one
 * or the new one; what an interrupted one left behind, the next vault_open() clears away.
 *
 * Values and the record. A change is stored here first, then the record's event with the
 * new commitments is journaled; between the two the power may go. So vault_put() keeps
 * what it replaces, and vault_settle(), told which commitments the record has, keeps what
 * they name and drops the rest. Call it when the event is durable, and for every miner at
 * start. An older file put back from a copy opens as well as the right one: that it is not
 * the right one the record's commitments tell (vault_agrees()).
 *
 * What is not promised. Erasing writes zeros over the key, yet flash memory and journaling
 * or copying file systems, and backups, may keep old blocks: rotate the master key after
 * erasing, and those open no more once its old copies are gone. Texts of ours are wiped
 * after use and keys are in locked memory; jansson's memory cannot be wiped, so values a
 * caller asked for, and those on their way in or out, may linger in freed memory.
 *
 * Ownership  one vault is open once, by a lock on its folder. Values handed out are the
 *            caller's (json_decref).
 * Errors     KZ_EMPTY: nothing there; `why` says "erased" where it was. KZ_RANGE: refused,
 *            a file that is not as it must be, too. KZ_BUSY: another has it open. KZ_IO:
 *            the system said no. `why` names the file or field, never a value. Outputs are
 *            untouched, and what was stored still is, unless KZ_OK.
 * Thread     one at a time, whichever; does file I/O and syncs. Source: registry spec
 *            section 4 (audit chain, minimisation and retention). */
#ifndef POOL_VAULT_H
#define POOL_VAULT_H

#include "share/ids.h"

#include <jansson.h>

#define VAULT_WHY_SIZE     256
#define VAULT_VALUES_MAX   131072 /* bytes of one miner's values, salts and old ones */
#define VAULT_FIELD_MAX    64
#define VAULT_VERSIONS_MAX 8 /* of one field, until vault_settle() */

struct vault;

struct vault_place {
    const char *folder;
    /* Where the master key is: NULL, in master.key; else the name of a credential. The
     * next one is then that of its name with "-next" behind. */
    const char *credential;
};

/* An empty vault, with a new master key unless a credential has it. What an interrupted
 * one began is finished. KZ_RANGE: there is one. */
KZ_MUST_USE enum kz_err vault_create(char why[VAULT_WHY_SIZE],
                                     const struct vault_place *place);
KZ_MUST_USE enum kz_err vault_open(struct vault **out, char why[VAULT_WHY_SIZE],
                                   const struct vault_place *place);
/* Beside whoever has it open, without the lock: for what gets values, for vault_agrees()
 * and vault_list() alone. Files are replaced whole, so what is read is a miner's values of a
 * moment; while the master key is rotated, some may be refused. */
KZ_MUST_USE enum kz_err vault_open_reader(struct vault **out, char why[VAULT_WHY_SIZE],
                                          const struct vault_place *place);
void vault_close(struct vault *v); /* accepts NULL */

/* All of a miner's personal values: an object field -> value; what is not in it any more
 * is dropped. A value that did not change keeps its salt. `commitments`: the caller's, an
 * object field -> 64 hex digits. KZ_RANGE: erased; a name or value that cannot be kept.
 * KZ_BUSY: too many changes that were never settled. */
KZ_MUST_USE enum kz_err vault_put(json_t **commitments, char why[VAULT_WHY_SIZE],
                                  struct vault *v, const struct miner_id *miner,
                                  const json_t *values);

/* {field: {"salt": 64 hex digits, "value": ...}}, as last put. */
KZ_MUST_USE enum kz_err vault_get(json_t **out, char why[VAULT_WHY_SIZE],
                                  struct vault *v, const struct miner_id *miner);
/* The same, of what the record committed to: what was put last may have come into no record.
 * KZ_RANGE: nothing here opens a commitment. */
KZ_MUST_USE enum kz_err vault_get_committed(json_t **out, char why[VAULT_WHY_SIZE],
                                            struct vault *v,
                                            const struct miner_id *miner,
                                            const json_t *commitments);

/* Keeps what `commitments` (as vault_put() made them) name, and nothing else. KZ_RANGE:
 * one that nothing here opens. KZ_OK, too, where there is neither. */
KZ_MUST_USE enum kz_err vault_settle(struct vault *v, char why[VAULT_WHY_SIZE],
                                     const struct miner_id *miner,
                                     const json_t *commitments);
/* Whether it could; changes nothing. */
KZ_MUST_USE enum kz_err vault_agrees(struct vault *v, char why[VAULT_WHY_SIZE],
                                     const struct miner_id *miner,
                                     const json_t *commitments);

/* Forgets. KZ_OK as often as it is asked, also of a miner that never was. */
KZ_MUST_USE enum kz_err vault_erase(struct vault *v, char why[VAULT_WHY_SIZE],
                                    const struct miner_id *miner);

/* Seals all keys under a new master key; goes on with one that was interrupted. By
 * credential: under the next one, which the operator then puts in the first one's place.
 * KZ_EMPTY: there is no such credential yet. */
KZ_MUST_USE enum kz_err vault_rotate_master(struct vault *v, char why[VAULT_WHY_SIZE]);

/* Ids with values, an array in order. */
KZ_MUST_USE enum kz_err vault_list(json_t **ids, char why[VAULT_WHY_SIZE],
                                   struct vault *v);

/* Opens everything. `problems`: an array of lines for people, empty when all is well. */
KZ_MUST_USE enum kz_err vault_check(json_t **problems, char why[VAULT_WHY_SIZE],
                                    struct vault *v);

#endif
