/* tests/fuzz/fuzz_screen_answer.c - what a program of the operator's wrote about a payee.
 *
 * Whatever it is, only the three words let through, and the reference can be shown. */
#include "conf/mem.h"
#include "pool/pay/screen_answer.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool holds(const uint8_t *data, size_t size, const char *word)
{
    return memmem(data, size, word, strlen(word)) != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct screen_reply r = {.verdict = SCREEN_UNKNOWN};
    char *text = mem_new(size + 1);
    if (size > 0)
        memcpy(text, data, size);
    enum kz_err err = screen_answer_read(&r, text, size);
    mem_free(text);
    if (err != KZ_OK) {
        assert(r.why[0] != '\0');
        return 0;
    }
    /* JSON may write a letter as an escape; a plain line may not. */
    assert(data[0] == '{' || holds(data, size, screen_verdict_name(r.verdict)));
    for (size_t i = 0; r.reference[i] != '\0'; i++)
        assert(r.reference[i] >= ' ' && r.reference[i] < 0x7f);
    return 0;
}
