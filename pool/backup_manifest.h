/* pool/backup_manifest.h - what is in a backup: every file by size and hash, and where the
 * pool's records stood.
 *
 * The file "manifest.json" is this in canonical form (pool/canon.h), schema
 * "kariz-backup/1"; "manifest.sha256" beside it has its SHA-256 as sha256sum writes it,
 * which is also the name by which the audit chain remembers the backup:
 *
 *   instance, network, version, time   whose it is, by which program, when it was begun
 *   audit     {seq, hash}              where the audit chain ends in it
 *   journal   {id, last}               the journal and its last event
 *   payout    {id, last} or null       the same of kariz-payout's
 *   redis     {mode, version}          as in the settings ("embedded", "unix", ...)
 *   vault     {master_key}             whether the key to the vault lies beside it
 *   files     [{name, size, sha256}]   in the order of their names; not the two above
 *
 * Names are relative: at most 4 parts of a-z A-Z 0-9 . _ -, none beginning with a dot.
 *
 * Ownership  a manifest owns its names; backup_manifest_clear() accepts a zeroed one.
 * Errors     KZ_RANGE with `why`: the member and what is wrong with it. Outputs are
 *            untouched unless KZ_OK.
 * Thread     any. Pure: no I/O, lock or clock. */
#ifndef POOL_BACKUP_MANIFEST_H
#define POOL_BACKUP_MANIFEST_H

#include "share/hash256.h"

#define BACKUP_MANIFEST      "manifest.json"
#define BACKUP_MANIFEST_HASH "manifest.sha256"
#define BACKUP_SCHEMA        "kariz-backup/1"
#define BACKUP_WHY_SIZE      512
#define BACKUP_FILE_NAME_MAX 160
#define BACKUP_FILES_MAX     1000000
#define BACKUP_MANIFEST_MAX  ((size_t)256 << 20) /* bytes */

struct backup_file {
    char *name;
    uint64_t size;
    struct hash256 sha256;
};

struct backup_journal {
    char id[33]; /* "": there is none */
    uint64_t last;
};

struct backup_manifest {
    char instance[33], network[16], version[32];
    int64_t time_ms;
    uint64_t audit_seq;
    struct hash256 audit_hash;
    struct backup_journal journal, payout;
    char redis_mode[16], redis_version[32];
    bool has_master_key;
    struct backup_file *files;
    size_t file_count, file_room;
};

void backup_manifest_clear(struct backup_manifest *m);
bool backup_file_name_is_good(const char *name);
/* A good name that is not there yet. */
void backup_manifest_add(struct backup_manifest *m, const char *name, uint64_t size,
                         const struct hash256 *sha256);
/* In the order of their names; what finding and formatting need. */
void backup_manifest_sort(struct backup_manifest *m);
/* NULL: not in it. */
const struct backup_file *backup_manifest_find(const struct backup_manifest *m,
                                               const char *name);
uint64_t backup_manifest_bytes(const struct backup_manifest *m); /* of all files */

/* The canonical text; the caller's to mem_free(). */
KZ_MUST_USE enum kz_err backup_manifest_format(char **text, size_t *len,
                                               char why[BACKUP_WHY_SIZE],
                                               const struct backup_manifest *m);
KZ_MUST_USE enum kz_err backup_manifest_parse(struct backup_manifest *out,
                                              char why[BACKUP_WHY_SIZE],
                                              struct bytes text);

#endif
