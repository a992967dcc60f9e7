/* tests/fuzz/fuzz_address.c - what people type as an address, and rigs as a login.
 *
 * Whatever is an address stays the same address once normalised, and is what its script
 * is written as. */
#include "payout/address.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_network(const struct network *network, const char *text, size_t len)
{
    struct address a, again;
    struct address_problem problem = {ADDRESS_FINE, 0};
    char normal[ADDRESS_TEXT_SIZE];
    if (address_parse(&a, &problem, network, text, len) != KZ_OK) {
        assert(problem.fault != ADDRESS_FINE);
        assert(problem.position == ADDRESS_NO_POSITION || problem.position < len);
        return;
    }
    assert(a.script_len <= ADDRESS_SCRIPT_MAX);
    if (address_check_payable(&a, &problem) != KZ_OK)
        assert(problem.fault != ADDRESS_FINE);
    bool same =
        address_normalise(normal, text, len) == KZ_OK &&
        address_parse(&again, &problem, network, normal, strlen(normal)) == KZ_OK;
    assert(same && memcmp(&a, &again, sizeof(a)) == 0);
    char written[ADDRESS_TEXT_SIZE];
    bool formats = address_format(written, network,
                                  (struct bytes){a.script, a.script_len}) == KZ_OK;
    assert(formats && strcmp(written, normal) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char normal[ADDRESS_TEXT_SIZE];
    for (int n = CONF_MAIN; n <= CONF_REGTEST; n++)
        try_network(network_of((enum conf_network)n), (const char *)data, size);
    if (address_normalise(normal, (const char *)data, size) == KZ_OK)
        assert(strlen(normal) > 0 && strlen(normal) <= size);
    return 0;
}
