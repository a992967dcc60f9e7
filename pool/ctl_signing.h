/* pool/ctl_signing.h - what karizctl needs to sign a package: settings, profile, words, and
 * the reporting key with its passphrase.
 *
 * Arguments  conf, key, passphrase-fd; catalogues (may be left out).
 * Thread     the only one. Everything wrong is said on standard error. */
#ifndef POOL_CTL_SIGNING_H
#define POOL_CTL_SIGNING_H

#include "pool/ctl_local.h"
#include "pool/report/languages.h"
#include "pool/report/package_look.h"
#include "pool/report/report_key.h"
#include "pool/settings.h"

struct ctl_signing {
    struct conf *conf;
    struct profile *profile;
    struct languages words;
    struct sign_context *context;
    struct locked *secret;
};

/* False: said why; ctl_signing_close() all the same. */
bool ctl_signing_open(struct ctl_signing *s, const json_t *arguments);
/* For what makes and compares, and signs nothing: `secret` stays NULL. */
bool ctl_signing_open_without_key(struct ctl_signing *s, const json_t *arguments);
void ctl_signing_close(struct ctl_signing *s);

/* The passphrase of the key at `path`, out of the descriptor that an option names, and the key
 * opened with it; the caller's to locked_free(). 0, or the exit status: said why. */
int ctl_signing_passphrase(struct locked **out, const json_t *arguments,
                           const char *option, const char *path);
int ctl_signing_key(struct locked **secret, const json_t *arguments, const char *option,
                    const char *path);

/* The package that an argument names, signed by the key that it says. */
bool ctl_signing_look(struct package_look *out, const struct ctl_signing *s,
                      const char *argument, const char *dir);

/* --previous, else the newest package in the directory that --out is in. `*hash` is the
 * caller's place for it; *previous NULL: there is none. False: said why. */
bool ctl_signing_previous(const struct hash256 **previous, struct hash256 *hash,
                          const struct ctl_signing *s, const json_t *arguments);

/* Says where it is; tells the daemon, which writes it into the audit chain. Returns the
 * exit status: 0 also where no daemon is there to be told, but of personal values. */
int ctl_signing_finish(const struct ctl_place *place,
                       const struct manifest_facts *facts, const struct hash256 *hash,
                       const char *dir);

#endif
