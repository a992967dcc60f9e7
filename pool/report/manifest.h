/* pool/report/manifest.h - what a package of reports contains, in one signed text.
 *
 * manifest.json, schema "kariz-report/1", canonical JSON (RFC 8785):
 *
 *   schema, status {new, correction, cancellation}, corrects, previous, operator,
 *   jurisdiction, profile {name, version, sha256, verified}, period {name, from, to,
 *   utc_offset_minutes}, timezone, languages [], disclosure, subject, request, software
 *   {name, version, commit}, made_at, journal [{instance, first, last}], audit [{instance,
 *   seq, hash}], reports [{id, rows, totals}], files [{name, report, bytes, sha256}], key
 *
 * `previous` and `corrects` are hashes of other manifests, or null. `key` is the x-only
 * public key, in hex, of the signature in manifest.sig: BIP-340 over the tagged hash
 * "Kariz/report/1" of the manifest's bytes; 128 hex digits and a line's end.
 *
 * Ownership  for writing all texts and lists are borrowed; what manifest_parse() made owns
 *            them: manifest_free().
 * Errors     KZ_PARSE: not such a text; `why` says what. KZ_RANGE: values that no manifest
 *            has. Outputs are untouched unless KZ_OK.
 * Thread     any. Pure but for the signature's random bytes, which are given.
 * Source     registry spec section 4; BIP-340. */
#ifndef POOL_REPORT_MANIFEST_H
#define POOL_REPORT_MANIFEST_H

#include "payout/sign.h"
#include "pool/report/columns.h"

#define MANIFEST_SIZE_MAX     ((size_t)1 << 20)
#define MANIFEST_LIST_MAX     1000 /* entries of each list */
#define MANIFEST_NAME_MAX     64   /* of a file */
#define MANIFEST_SIGNATURE    (2 * SCHNORR_SIZE + 1)
#define MANIFEST_WHY_SIZE     256
#define MANIFEST_FILE         "manifest.json"
#define MANIFEST_SIGNATURE_IN "manifest.sig"

enum manifest_status { MANIFEST_NEW, MANIFEST_CORRECTION, MANIFEST_CANCELLATION };

struct manifest_profile {
    const char *name, *version;
    struct hash256 sha256; /* of the file's bytes; of its text, not reversed */
    bool verified;
};

struct manifest_journal {
    const char *instance;
    uint64_t first, last;
};

struct manifest_audit {
    const char *instance;
    uint64_t seq;
    struct hash256 hash;
};

/* What whoever makes a package knows before its files are there. */
struct manifest_facts {
    enum manifest_status status;
    const struct hash256 *corrects; /* NULL for a new one, else not */
    const struct hash256 *previous; /* NULL: the first package of this operator */
    const char *operator_name, *jurisdiction, *timezone;
    struct manifest_profile profile;
    struct period period;
    const char *const *languages;
    size_t language_count;
    enum disclosure disclosure;
    const char *subject;          /* of the level subject: a miner's id; else NULL */
    const char *request;          /* the written request's number, or NULL */
    const char *version, *commit; /* of the software; the latter may be NULL */
    int64_t made_ms;
    const struct manifest_journal *journal;
    size_t journal_count;
    const struct manifest_audit *audit;
    size_t audit_count;
};

struct manifest_report {
    enum report_id id;
    uint64_t rows, totals;
};

struct manifest_file {
    const char *name;
    const char *report; /* "R4", or NULL: of none */
    uint64_t bytes;
    struct hash256 sha256;
};

struct manifest {
    struct manifest_facts facts;
    const struct manifest_report *reports;
    size_t report_count;
    const struct manifest_file *files; /* by name, each once */
    size_t file_count;
    uint8_t key[XONLY_SIZE];
};

/* The canonical text, the caller's to mem_free(). KZ_RANGE: a text is no UTF-8, a number
 * is too large for JSON, a file's name is none that a package may have. */
KZ_MUST_USE enum kz_err manifest_format(char **text, size_t *len,
                                        const struct manifest *m);
KZ_MUST_USE enum kz_err manifest_parse(struct manifest **out,
                                       char why[MANIFEST_WHY_SIZE], struct bytes text);
void manifest_free(struct manifest *m); /* accepts NULL */

/* What is signed, and what `previous` and `corrects` hold. KZ_PARSE: not canonical. */
KZ_MUST_USE enum kz_err manifest_hash(struct hash256 *out, struct bytes text);

/* NUL-terminated behind its line's end. `aux` are fresh random bytes. */
KZ_MUST_USE enum kz_err manifest_sign(char out[MANIFEST_SIGNATURE + 1],
                                      const struct sign_context *c, struct bytes text,
                                      const uint8_t key[PRIVATE_KEY_SIZE],
                                      const uint8_t aux[32]);
bool manifest_is_signed(const struct sign_context *c, struct bytes text,
                        struct bytes signature, const uint8_t key[XONLY_SIZE]);

/* [A-Za-z0-9_-] and dots, none of them first, not the manifest's own. */
bool manifest_name_is_fine(const char *name);
const char *manifest_status_name(enum manifest_status status);

#endif
