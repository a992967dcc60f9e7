/* share/cursor.h - where Redis stands in our order of batches, and what that means.
 *
 * The cursor applied:{instance} is "<id>:<seq>": `id` is 128 random bits of whoever
 * numbers the batches (here this process's start; later a journal), `seq` the last
 * batch applied. A batch is applied only onto its predecessor's cursor, so what Redis
 * holds is always a whole prefix of some order; the question on each connect is of
 * which.
 *
 * Pure: no I/O, lock or clock; any thread. */
#ifndef SHARE_CURSOR_H
#define SHARE_CURSOR_H

#include "share/bytes.h"

#define CURSOR_ID_SIZE 33 /* 32 hex digits */
#define CURSOR_SIZE    64

enum cursor_case {
    CURSOR_TAKE_OVER, /* somebody's before us, none of ours applied yet: ours now   */
    CURSOR_RESUME,    /* ours: go on behind `seq`; nothing is lost                   */
    CURSOR_GAP,       /* ours or our base, but batches behind it are kept no more    */
    CURSOR_LOST,      /* none where there was one: Redis lost its data              */
    CURSOR_FOREIGN,   /* another writer's, after ours was applied: stop             */
    CURSOR_AHEAD,     /* ours, but beyond what we made: stop                        */
};

struct cursor_facts {
    const char *id;   /* ours */
    const char *base; /* what we took over; NULL: nothing yet */
    uint64_t reached; /* the highest of ours that may have been applied, 0: none was */
    uint64_t first_kept; /* the oldest batch in memory; last + 1 when there is none */
    uint64_t last;       /* the newest batch made, 0: none */
};

struct cursor_answer {
    enum cursor_case what;
    uint64_t seq; /* the last of ours that Redis holds, 0: none. Not for the last two */
};

void cursor_format(char out[CURSOR_SIZE], const char *id, uint64_t seq);
struct cursor_answer cursor_judge(const char *have, const struct cursor_facts *f);
const char *cursor_case_name(enum cursor_case what);

#endif
