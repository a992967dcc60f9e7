/* pool/settings.h - the settings as the daemon needs them: loaded, and checked against
 * what conf/ cannot know (whether the coinbase's address or descriptor is one of the
 * network's and without private keys, whether the tag leaves room in the coinbase
 * script).
 *
 * Thread: any. Errors as conf_load(). */
#ifndef POOL_SETTINGS_H
#define POOL_SETTINGS_H

#include "conf/conf.h"

KZ_MUST_USE enum kz_err settings_load(struct conf **out, struct conf_problem *problem,
                                      const char *path);

#endif
