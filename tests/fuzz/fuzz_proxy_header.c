/* tests/fuzz/fuzz_proxy_header.c - PROXY v1 and v2: a header never takes more than is
 * there, and reading it in pieces of `need` gives the same answer. */
#include "stratum/proxy_header.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct proxy_header whole, pieces;
    size_t need = 1, len = size > 0 ? 1 : 0;
    enum kz_err all = proxy_header_parse(&whole, &need, data, size);
    if (all == KZ_OK)
        assert(whole.len > 0 && whole.len <= size);
    need = 1;
    enum kz_err err = proxy_header_parse(&pieces, &need, data, len);
    while (err == KZ_EMPTY && len + need <= size) {
        assert(need > 0);
        len += need;
        err = proxy_header_parse(&pieces, &need, data, len);
    }
    if (err == KZ_OK) {
        assert(all == KZ_OK && pieces.len == len && whole.len == len);
        assert(pieces.has_address == whole.has_address);
    }
    return 0;
}
