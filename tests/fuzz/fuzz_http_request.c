/* tests/fuzz/fuzz_http_request.c - heads of HTTP requests, and what is read out of them.
 *
 * Whatever is taken has clean texts, and is the same with what stands behind its end. */
#include "pool/http_request.h"
#include "pool/watch_words.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_clean(const char *text)
{
    for (; *text != '\0'; text++)
        if ((*text > 0 && *text < ' ' && *text != '\t') || *text == 0x7f)
            return false;
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_request r, again;
    char value[8] = "";
    size_t len = http_head_len((struct bytes){data, size});
    assert(len <= size);
    enum kz_err err = http_request_parse(&r, (struct bytes){data, size});
    if (err != KZ_OK)
        return 0;
    assert(len > 0);
    err = http_request_parse(&again, (struct bytes){data, len});
    assert(err == KZ_OK && memcmp(&r, &again, sizeof(r)) == 0);
    assert(r.path[0] == '/' && is_clean(r.path) && is_clean(r.query));
    assert(is_clean(r.languages) && is_clean(r.forwarded));
    if (http_query_get(value, sizeof(value), r.query, "lang"))
        assert(strlen(value) < sizeof(value));
    assert(watch_language_prefer(r.languages, WATCH_TK) < WATCH_LANGUAGES);
    return 0;
}
