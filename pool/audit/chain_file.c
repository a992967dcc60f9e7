#include "pool/audit/chain_file.h"

#include "conf/mem.h"
#include "pool/canon.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

static enum kz_err fail_io(char why[AUDIT_WHY_SIZE], const char *what)
{
    audit_refuse(why, "%s: %s", what, strerror(errno));
    return KZ_IO;
}

/* KZ_EMPTY: the end, where a line would begin. Never more than the limit is kept. */
static enum kz_err read_line(uint8_t *line, size_t *len, char why[AUDIT_WHY_SIZE],
                             FILE *from)
{
    size_t got = 0;
    int c = 0;
    errno = 0;
    while ((c = getc(from)) != EOF && c != '\n') {
        if (got == CHAIN_LINE_MAX)
            return audit_refuse(why, "is above %d bytes", CHAIN_LINE_MAX);
        line[got++] = (uint8_t)c;
    }
    if (c == EOF && ferror(from))
        return fail_io(why, "cannot be read");
    if (c == EOF && got == 0)
        return KZ_EMPTY;
    if (c == EOF)
        return audit_refuse(why, "is cut off: it has no end of line");
    *len = got;
    return KZ_OK;
}

static enum kz_err feed_line(struct chain_check *check, char why[AUDIT_WHY_SIZE],
                             struct bytes line)
{
    json_t *entry = NULL;
    if (canon_read(&entry, line) != KZ_OK)
        return audit_refuse(why, "is no JSON in canonical form");
    enum kz_err err = chain_check_feed(check, why, entry);
    json_decref(entry);
    return err;
}

enum kz_err chain_file_verify(struct chain_check *check, char why[AUDIT_WHY_SIZE],
                              FILE *from)
{
    char inner[AUDIT_WHY_SIZE] = "";
    uint8_t *line = mem_new(CHAIN_LINE_MAX);
    enum kz_err err = KZ_OK;
    uint64_t number = 0;
    while (err == KZ_OK) {
        size_t len = 0;
        number++;
        err = read_line(line, &len, inner, from);
        if (err == KZ_OK)
            err = feed_line(check, inner, (struct bytes){line, len});
    }
    mem_free(line);
    if (err == KZ_EMPTY)
        return chain_check_finish(check, why);
    audit_refuse(why, "line %" PRIu64 ": %s", number, inner);
    return err;
}

enum kz_err chain_file_write(FILE *to, char why[AUDIT_WHY_SIZE], const json_t *entry)
{
    char *text = NULL;
    size_t len = 0;
    enum kz_err err = canon_format(&text, &len, entry);
    if (err != KZ_OK)
        return audit_refuse(why, "the entry has no canonical form");
    text[len] = '\n'; /* over the NUL behind it */
    if (fwrite(text, 1, len + 1, to) != len + 1)
        err = fail_io(why, "the entry cannot be written");
    mem_free(text);
    return err;
}
