#include "share/cursor.h"

#include "share/bytes.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void cursor_format(char out[CURSOR_SIZE], const char *id, uint64_t seq)
{
    snprintf(out, CURSOR_SIZE, "%.32s:%" PRIu64, id, seq);
}

/* "<id>:<seq>" of our own id; false for any other text. */
static bool parse_own(uint64_t *seq, const char *have, const char *id)
{
    size_t id_len = strlen(id);
    return strncmp(have, id, id_len) == 0 && have[id_len] == ':' &&
           decimal_read(seq, have + id_len + 1, UINT64_MAX - 1);
}

struct cursor_answer cursor_judge(const char *have, const struct cursor_facts *f)
{
    uint64_t seq = 0;
    if (have[0] != '\0' && !parse_own(&seq, have, f->id))
        return (struct cursor_answer){CURSOR_FOREIGN, 0};
    if (seq > f->last)
        return (struct cursor_answer){CURSOR_AHEAD, 0};
    return (struct cursor_answer){seq < f->first ? CURSOR_GAP : CURSOR_RESUME, seq};
}

const char *cursor_case_name(enum cursor_case what)
{
    switch (what) {
    case CURSOR_RESUME:
        return "resume";
    case CURSOR_GAP:
        return "gap";
    case CURSOR_FOREIGN:
        return "foreign";
    case CURSOR_AHEAD:
        break;
    }
    return "ahead";
}
