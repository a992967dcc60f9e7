/* tests/fuzz/fuzz_canon.c - any JSON text to its canonical form.
 *
 * The form is read back as the same value, and has itself as its form. */
#include "pool/canon.h"

#include "conf/mem.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *form = NULL, *again = NULL;
    size_t len = 0, again_len = 0;
    json_t *back = NULL;
    json_t *value =
        json_loadb((const char *)data, size,
                   JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    if (value == NULL) {
        bool is_read = canon_read(&back, (struct bytes){data, size}) == KZ_OK;
        assert(!is_read);
        return 0;
    }
    if (canon_format(&form, &len, value) == KZ_OK) {
        struct bytes text = {(const uint8_t *)form, len};
        bool same = canon_read(&back, text) == KZ_OK && json_equal(value, back) &&
                    canon_format(&again, &again_len, back) == KZ_OK;
        assert(same && len == again_len && memcmp(form, again, len) == 0);
        json_decref(back);
        back = NULL;
        bool is_form = canon_read(&back, (struct bytes){data, size}) == KZ_OK;
        assert(is_form == (len == size && memcmp(form, data, len) == 0));
        json_decref(back);
    }
    json_decref(value);
    mem_free(form);
    mem_free(again);
    return 0;
}
