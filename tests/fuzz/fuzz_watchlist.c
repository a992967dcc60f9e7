/* tests/fuzz/fuzz_watchlist.c - a list of addresses that somebody else wrote.
 *
 * What is in a list is found in it, and a bad line is one of the text. */
#include "payout/watchlist.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t lines_of(const uint8_t *data, size_t size)
{
    size_t lines = 1;
    for (size_t i = 0; i < size; i++)
        lines += data[i] == '\n';
    return lines;
}

/* The first line, when it is a plain script: it must be there. */
static void look_up_first(const struct watchlist *list, const char *text, size_t size)
{
    uint8_t script[128];
    size_t len = 0;
    const char *end = memchr(text, '\n', size);
    size_t line = end != NULL ? (size_t)(end - text) : size;
    if (line > 0 && hex_decode_some(script, &len, sizeof(script), text, line) == KZ_OK)
        assert(watchlist_has(list, (struct bytes){script, len}));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct watchlist *list = NULL;
    struct watchlist_problem problem = {0, NULL};
    enum kz_err err = watchlist_parse(&list, &problem, network_of(CONF_MAIN),
                                      (const char *)data, size);
    if (err != KZ_OK) {
        assert(list == NULL && problem.text != NULL);
        assert(problem.line >= 1 && problem.line <= lines_of(data, size));
        return 0;
    }
    assert(watchlist_count(list) <= lines_of(data, size));
    assert(!watchlist_has(list, (struct bytes){NULL, 0}));
    if (size > 0)
        look_up_first(list, (const char *)data, size);
    watchlist_free(list);
    return 0;
}
