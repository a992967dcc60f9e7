/* tests/fuzz/fuzz_report.c - periods as people type them, cells as they come, files of
 * reports whose rows are counted.
 *
 * A period that reads has an end behind its start, and reads again by its name. */
#include "pool/report/cell.h"
#include "pool/report/count_rows.h"

#include "conf/mem.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_period(const char *text)
{
    struct period p = {0}, again = {0};
    char name[PERIOD_TEXT_SIZE];
    int64_t late = 0;
    if (period_parse(&p, text, 300) != KZ_OK)
        return;
    assert(p.from_ms < p.to_ms);
    period_format(name, &p);
    assert(strcmp(name, text) == 0);
    enum kz_err err = period_parse(&again, name, 300);
    assert(err == KZ_OK && again.from_ms == p.from_ms && again.to_ms == p.to_ms);
    if (period_due(&late, &p, 31) == KZ_OK)
        assert(late > p.to_ms);
}

static void try_cells(const char *text)
{
    static const enum cell_type types[] = {CELL_TEXT, CELL_CODE, CELL_WORK, CELL_DATE,
                                           CELL_HASH};
    int64_t millionths = 0;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        struct cell c = {0};
        if (cell_set_text(&c, types[i], text) == KZ_OK)
            assert(strlen(c.text) <= CELL_TEXT_MAX && strchr(c.text, '\033') == NULL);
        cell_clear(&c);
    }
    if (decimal_parse(&millionths, text) == KZ_OK) {
        char buffer[CELL_FORMAT_SIZE];
        struct cell c = {.is_set = true, .number = millionths};
        int64_t again = 0;
        enum kz_err err = decimal_parse(&again, cell_format(buffer, &c, CELL_DECIMAL));
        assert(err == KZ_OK && again == millionths);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"a.json", "a.csv", "a.xml", "a.html"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        uint64_t rows = 0;
        if (count_rows(&rows, names[i], (struct bytes){data, size}) == KZ_OK)
            assert(rows <= size);
    }
    char *text = mem_copy(data, size);
    try_period(text);
    try_cells(text);
    mem_free(text);
    return 0;
}
