/* tests/fuzz/fuzz_vault_box.c - a file of the vault, put there by who knows whom.
 *
 * What is taken is written again byte for byte, and does not open with a key that did not
 * seal it; sealed anew, it does. */
#include "pool/audit/vault_box.h"

#include "conf/mem.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t key[GCM_KEY_SIZE] = {7};
    struct box b = {0};
    size_t len = 0;
    if (box_parse(&b, (struct bytes){data, size}) != KZ_OK)
        return 0;
    char *text = box_format(&b, &len);
    assert(len == size && memcmp(text, data, size) == 0);
    mem_free(text);
    uint8_t *plain = mem_new(b.len), *again = mem_new(b.len);
    bool opens = box_open(plain, &b, key) == KZ_OK;
    assert(!opens);
    memset(plain, 0x5a, b.len);
    bool is_sealed = box_seal(&b, key, (struct bytes){plain, b.len}) == KZ_OK &&
                     box_open(again, &b, key) == KZ_OK;
    assert(is_sealed && memcmp(plain, again, b.len) == 0);
    mem_free(plain);
    mem_free(again);
    box_clear(&b);
    return 0;
}
