/* tests/fuzz/fuzz_fold.c - names from outside, folded.
 *
 * Cells lie within the text and in its order; what is folded has no blank too many and no
 * capital of ASCII, and is UTF-8. */
#include "conf/mem.h"
#include "pool/registry/fold.h"
#include "pool/registry/utf8.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_cells(const char *text)
{
    struct fold f;
    size_t len = strlen(text);
    fold_init(&f, text);
    assert(f.count <= len);
    for (size_t i = 0; i < f.count; i++) {
        const struct fold_cell *c = &f.cells[i];
        assert(c->at < len && (i == 0 || c->at > f.cells[i - 1].at));
        assert(c->kind == FOLD_LETTER || !c->begins_word);
        assert(c->kind != FOLD_LETTER || c->read[FOLD_LOOK][0] != '\0');
        assert(i == 0 || c->kind == FOLD_LETTER || f.cells[i - 1].kind == FOLD_LETTER);
        if (c->kind == FOLD_LETTER && (i == 0 || f.cells[i - 1].kind != FOLD_LETTER))
            assert(c->begins_word);
    }
    fold_clear(&f);
}

static void check_text(const char *text, enum fold_way way)
{
    char *folded = fold_text(text, way);
    size_t len = strlen(folded);
    assert(len <= strlen(text) * (FOLD_READ_SIZE - 1));
    assert(strstr(folded, "  ") == NULL);
    assert(len == 0 || (folded[0] != ' ' && folded[len - 1] != ' '));
    for (const char *p = folded; *p != '\0';) {
        uint32_t c;
        p += utf8_read(&c, p);
        assert(c != UTF8_BAD && !(c >= 'A' && c <= 'Z'));
    }
    mem_free(folded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 4096)
        return 0;
    char *text = mem_copy(data, size);
    check_cells(text);
    check_text(text, FOLD_LOOK);
    check_text(text, FOLD_SOUND);
    mem_free(text);
    return 0;
}
