/* tests/fuzz/fuzz_keyfile.c - a key file's JSON, before anything of it is believed.
 *
 * What reads stays within the bounds, and is written as what reads the same. */
#include "pool/keyfile_text.h"

#include "conf/mem.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sealed s, again;
    struct keyfile_public about, same;
    struct key_problem problem = {""};
    if (sealed_parse(&s, &about, &problem, (const char *)data, size) != KZ_OK) {
        assert(problem.text[0] != '\0');
        return 0;
    }
    assert(s.n >= KEYFILE_N_MIN && s.n <= KEYFILE_N_MAX);
    assert(128 * (uint64_t)s.n * s.r <= UINT64_C(2) << 30);
    assert(s.len >= 2 && s.len <= sizeof(s.ciphertext));
    char *text = sealed_format(&s, &about);
    enum kz_err err = sealed_parse(&again, &same, &problem, text, strlen(text));
    assert(err == KZ_OK);
    char *header = sealed_header(&s, &about), *other = sealed_header(&again, &same);
    assert(strcmp(header, other) == 0);
    assert(memcmp(again.ciphertext, s.ciphertext, s.len) == 0);
    mem_free(text);
    mem_free(header);
    mem_free(other);
    return 0;
}
