/* pool/declared.h - the audit chain is told by which rules a daemon works, and whom it takes
 * for an officer.
 *
 * Both are files that whoever runs the machine can change. So the jurisdiction's profile
 * (code, version, hash, whether it was verified) and registry.operators are compared with what
 * this instance told the chain before, and a difference is an event with what was before and
 * what is now: profile_changed, operator_changed. An officer who makes himself a second one
 * leaves a trace that he cannot take back. The first start tells both.
 *
 * What was told last is a fact of the registry, "declared:<instance>".
 *
 * Thread  control. Source: registry spec sections 3 and 5. */
#ifndef POOL_DECLARED_H
#define POOL_DECLARED_H

#include "pool/registry/registry.h"

struct declared;

/* All borrowed; of `conf` the operators may change. */
struct declared *declared_new(struct event_base *base, struct registry *registry,
                              const struct conf *conf, const struct profile *profile);
/* After registry_stop(). NULL accepted. */
void declared_free(struct declared *d);

/* Compares, and tells what is new; what could not be told it tries again by itself. To be
 * called when the registry was loaded or has changed, and when settings were read again. */
void declared_look(struct declared *d);

#endif
