/* share/block_event.h - a found block as an event of the ledger.
 *
 * {"block": {"hash", "height", "fresh": true, "open": true, "set": {hash, height, state
 * "submitted", miner, worker, value_sat, found_ms, instance, prev, coinbase (txid), job,
 * snapshot, nbits, outputs [[satoshi, script hex], ...]}}}, made from a share and its
 * job's parts alone, so that a journal's reader can make it as well as who found it.
 *
 * The caller owns the result. Pure; any thread. */
#ifndef SHARE_BLOCK_EVENT_H
#define SHARE_BLOCK_EVENT_H

#include "share/journal_body.h"

#include <jansson.h>

json_t *block_event(const struct share_record *share, const struct journal_job *job,
                    const struct hash256 *hash, const char *instance);

/* The same of a whole block in hex, whoever found it: without miner, job and snapshot.
 * NULL: not a block with a coinbase as ours are. */
json_t *block_event_of_hex(const char *hex, size_t hex_len, uint32_t height,
                           int64_t found_ms, const char *instance);

#endif
