/* pool/report/report_key.h - the key that signs reports, and how it is handed on.
 *
 * A key of its own, never one that spends: whoever has it can sign reports and no money.
 * On disk it is sealed by a passphrase (pool/sealed.h, pool/key_disk.h):
 *
 *   {"kariz_report_key":1, <members of pool/sealed.h>, "public":"<64 hex>",
 *    "created_ms":1767225600000}
 *
 * A regulator gets the fingerprint on paper: the whole x-only public key, in groups of
 * four digits. Nothing is shortened, so nothing can be made to look like it.
 *
 * A new key is introduced by a statement that both keys sign, in one file, of canonical
 * JSON; the signatures are BIP-340 over the tagged hash "Kariz/report-key/1" of the member
 * "statement":
 *
 *   {"signature_new":"...","signature_old":"...","statement":{"from":"2026-12-01T...Z",
 *    "new":"...","old":"...","reason":"...","schema":"kariz-report-key/1"}}
 *
 * Ownership  a secret is in locked memory, the caller's to locked_free().
 * Errors     KZ_IO: the system said no. KZ_PARSE: not such a text. KZ_RANGE: one that is
 *            not taken, a wrong passphrase too. KZ_EMPTY: no file. `problem` has a line
 *            for people.
 * Thread     any; files are read and written, a passphrase takes a second. */
#ifndef POOL_REPORT_REPORT_KEY_H
#define POOL_REPORT_REPORT_KEY_H

#include "payout/sign.h"
#include "pool/sealed.h"

#define REPORT_KEY_FINGERPRINT_SIZE (2 * XONLY_SIZE + 16)
#define REPORT_KEY_REASON_SIZE      256

struct report_key_public {
    uint8_t key[XONLY_SIZE];
    int64_t created_ms;
};

/* A new one of random bytes. `scrypt_n` 0: the default. KZ_RANGE also: there is a file. */
KZ_MUST_USE enum kz_err report_key_create(struct report_key_public *out,
                                          struct key_problem *problem, const char *path,
                                          int64_t now_ms, struct bytes passphrase,
                                          uint32_t scrypt_n);
KZ_MUST_USE enum kz_err report_key_read_public(struct report_key_public *out,
                                               struct key_problem *problem,
                                               const char *path);
/* PRIVATE_KEY_SIZE bytes, whose public key is the file's. */
KZ_MUST_USE enum kz_err report_key_open(struct locked **secret,
                                        struct report_key_public *out,
                                        struct key_problem *problem, const char *path,
                                        struct bytes passphrase);

/* "5f3c 91aa ..." */
void report_key_fingerprint(char out[REPORT_KEY_FINGERPRINT_SIZE],
                            const uint8_t key[XONLY_SIZE]);
/* As people type it from paper: blanks between digits, either case. KZ_PARSE. */
KZ_MUST_USE enum kz_err report_key_parse(uint8_t key[XONLY_SIZE], const char *text);

struct report_key_rotation {
    uint8_t old_key[XONLY_SIZE], new_key[XONLY_SIZE];
    int64_t from_ms; /* reports made from then on are signed by the new one */
    char reason[REPORT_KEY_REASON_SIZE];
};

/* *text is the caller's to mem_free(). KZ_RANGE: the keys are the same, or the reason is
 * too long or no UTF-8. */
KZ_MUST_USE enum kz_err report_key_rotate(char **text, const struct sign_context *c,
                                          const uint8_t old_secret[PRIVATE_KEY_SIZE],
                                          const uint8_t new_secret[PRIVATE_KEY_SIZE],
                                          int64_t from_ms, const char *reason);
/* KZ_RANGE: one of the signatures is none. */
KZ_MUST_USE enum kz_err report_key_rotation_read(struct report_key_rotation *out,
                                                 struct key_problem *problem,
                                                 const struct sign_context *c,
                                                 struct bytes text);

#endif
