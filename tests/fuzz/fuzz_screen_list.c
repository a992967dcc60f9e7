/* tests/fuzz/fuzz_screen_list.c - somebody else's list of names.
 *
 * Whatever is a list finds each of its own lines again, and what it finds lies within the
 * text. */
#include "pool/registry/screen_list.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t count_lines(const char *text, size_t len)
{
    size_t lines = 1;
    for (size_t i = 0; i < len; i++)
        lines += text[i] == '\n';
    return lines;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char why[CSV_WHY_SIZE];
    struct screen_list *list = NULL;
    struct screen_hit hits[8];
    const char *text = (const char *)data;
    if (screen_list_parse(&list, why, text, size) != KZ_OK) {
        assert(list == NULL && strncmp(why, "line ", 5) == 0);
        return 0;
    }
    assert(screen_list_count(list) > 0);
    char name[256];
    size_t len = size < sizeof(name) - 1 ? size : sizeof(name) - 1;
    memcpy(name, text, len);
    name[len] = '\0';
    name[strcspn(name, "\r\n#")] = '\0';
    const struct screen_person person = {.name = name};
    size_t found = screen_list_find(list, hits, 8, &person);
    for (size_t i = 0; i < found && i < 8; i++)
        assert(hits[i].line >= 1 && hits[i].line <= count_lines(text, size));
    screen_list_free(list);
    return 0;
}
