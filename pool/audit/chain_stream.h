/* pool/audit/chain_stream.h - the audit chain as it lies in a journal's event stream.
 *
 * A record about the registry carries its link (share/event.h). Reading goes from the first
 * event to the last and proves the chain on the way; it works on a copy, and beside a
 * daemon that writes. Records older than the chain have none and are passed over.
 *
 * Errors  KZ_EMPTY: no journal there. KZ_RANGE: the chain is broken, or does not hold the
 *         head that it must. KZ_PARSE: the event stream is damaged. KZ_IO. `why` says it.
 * Thread  one at a time, whichever; reads files. */
#ifndef POOL_CHAIN_STREAM_H
#define POOL_CHAIN_STREAM_H

#include "pool/audit/chain.h"

struct chain_stream {
    struct chain_head head;
    uint64_t last; /* number of the last event of any kind */
    char id[33];   /* of the journal */
};

/* `expect` (or NULL): a head that must be in it. `dir` is the journal's. */
KZ_MUST_USE enum kz_err chain_stream_read(struct chain_stream *out,
                                          char why[AUDIT_WHY_SIZE], const char *dir,
                                          const struct chain_head *expect);

#endif
