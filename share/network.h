/* share/network.h - what differs between Bitcoin's networks.
 *
 * Sources: chain names of getblockchaininfo; address prefixes BIP173 and base58 of the
 * reference node; work unit of accounting section 1. Pure; any thread. */
#ifndef SHARE_NETWORK_H
#define SHARE_NETWORK_H

#include "conf/conf.h"

struct network {
    const char *name;       /* as in the settings */
    const char *chain;      /* getblockchaininfo "chain" */
    const char *bech32_hrp; /* human-readable part */
    uint8_t p2pkh_version, p2sh_version;
    uint64_t work_unit; /* expected hashes a unit of work */
    bool signet;        /* templates need rule "signet" and a signed block */
    uint32_t halving_interval;
};

const struct network *network_of(enum conf_network n);

#endif
