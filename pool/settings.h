/* pool/settings.h - the settings as the daemon needs them: loaded, and checked against
 * what conf/ cannot know: whether the jurisdiction's profile is one, whether the coinbase's
 * address or descriptor is one of the network's and without private keys, whether the tag
 * leaves room in the coinbase script.
 *
 * Thread: any. Errors as conf_load(). */
#ifndef POOL_SETTINGS_H
#define POOL_SETTINGS_H

#include "conf/conf.h"
#include "pool/registry/profile.h"

KZ_MUST_USE enum kz_err settings_load(struct conf **out, struct conf_problem *problem,
                                      const char *path);

/* The jurisdiction's profile, as it was good when the settings were loaded; the caller's.
 * Logged where it is not any more. */
KZ_MUST_USE enum kz_err settings_profile(struct profile **out, const struct conf *conf);

#endif
