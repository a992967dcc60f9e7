#include "share/network.h"

#include <assert.h>

#define UNIT_MAIN (UINT64_C(1) << 22)

static const struct network networks[] = {
    [CONF_MAIN] = {"main", "main", "bc", 0x00, 0x05, UNIT_MAIN, false, 210000},
    [CONF_TEST] = {"test", "test", "tb", 0x6f, 0xc4, UNIT_MAIN, false, 210000},
    [CONF_TESTNET4] = {"testnet4", "testnet4", "tb", 0x6f, 0xc4, UNIT_MAIN, false,
                       210000},
    [CONF_SIGNET] = {"signet", "signet", "tb", 0x6f, 0xc4, UNIT_MAIN, true, 210000},
    [CONF_REGTEST] = {"regtest", "regtest", "bcrt", 0x6f, 0xc4, 1, false, 150},
};

const struct network *network_of(enum conf_network n)
{
    assert((size_t)n < sizeof(networks) / sizeof(networks[0]));
    return &networks[n];
}
