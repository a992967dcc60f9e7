/* tests/fuzz/fuzz_entry.c - ledger entries as text, one a line, booked in that order.
 *
 * What is read is written back as the same entry; whatever a book takes leaves every
 * invariant true, and what it refuses says why. */
#include "conf/mem.h"
#include "payout/book.h"
#include "payout/statement.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void reads_back(const struct entry *e)
{
    struct entry again;
    char *text = entry_format(e);
    enum kz_err err = entry_parse(&again, text, strlen(text));
    assert(err == KZ_OK);
    char *same = entry_format(&again);
    assert(strcmp(text, same) == 0);
    mem_free(text);
    mem_free(same);
    entry_clear(&again);
}

static void book_line(struct book *b, struct statement *s, const char *line, size_t len)
{
    struct entry e;
    struct book_problem why = {0};
    if (entry_parse(&e, line, len) != KZ_OK)
        return;
    reads_back(&e);
    enum kz_err err = book_apply(b, &why, &e);
    assert(err != KZ_RANGE || why.text[0] != '\0');
    enum kz_err added = err == KZ_OK ? statement_add(s, &e) : KZ_OK;
    assert(added != KZ_OK || statement_is_sound(s));
    err = book_check(b, &why);
    assert(err == KZ_OK);
    entry_clear(&e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct book *b = book_new();
    struct statement s;
    struct miner_id miner;
    struct book_totals totals;
    enum kz_err err = miner_id_parse(&miner, "m000001", 7);
    assert(err == KZ_OK);
    statement_init(&s, &miner, 0, INT64_MAX);
    for (size_t at = 0; at < size;) {
        const uint8_t *end = memchr(data + at, '\n', size - at);
        size_t len = end != NULL ? (size_t)(end - data) - at : size - at;
        book_line(b, &s, (const char *)data + at, len);
        at += len + 1;
    }
    err = book_totals(b, &totals);
    (void)err;
    statement_clear(&s);
    book_free(b);
    return 0;
}
