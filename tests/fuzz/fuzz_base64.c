/* tests/fuzz/fuzz_base64.c - base64 from outside: a text has one meaning, and comes back
 * from it. */
#include "payout/base64.h"

#include "conf/mem.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *bytes = NULL;
    size_t len = 0;
    if (base64_decode(&bytes, &len, (const char *)data, size, 4096) != KZ_OK)
        return 0;
    assert(len <= 4096);
    char *text = base64_encode(bytes, len);
    assert(strlen(text) == size && memcmp(text, data, size) == 0);
    mem_free(text);
    mem_free(bytes);
    return 0;
}
