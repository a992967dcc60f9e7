/* share/cursor.h - where Redis stands in a stream of our journal, and what that means.
 *
 * A cursor is "<journal id>:<seq>": the last record of the stream that is in the keys
 * beside it. A record is applied only onto its predecessor's cursor, so what Redis holds
 * is always a whole prefix of the stream; the question on each connect is of which
 * (accounting section 8).
 *
 * Pure: no I/O, lock or clock; any thread. */
#ifndef SHARE_CURSOR_H
#define SHARE_CURSOR_H

#include "share/bytes.h"

#define CURSOR_ID_SIZE 33 /* 32 hex digits */
#define CURSOR_SIZE    64

enum cursor_case {
    CURSOR_RESUME, /* go on behind `seq`; nothing is missing                          */
    CURSOR_GAP,    /* records behind `seq` are kept no more: go on behind `first`     */
    CURSOR_FOREIGN, /* another journal's: stop, an operator decides                    */
    CURSOR_AHEAD, /* beyond what this journal has (an old copy of it?): stop         */
};

struct cursor_facts {
    const char *id; /* of our journal */
    uint64_t first; /* the least that can be gone on behind: 0 while all is kept */
    uint64_t last;  /* the newest record, 0: none */
};

struct cursor_answer {
    enum cursor_case what;
    uint64_t seq; /* in Redis by its own word; 0: nothing. Not for the last two */
};

void cursor_format(char out[CURSOR_SIZE], const char *id, uint64_t seq);
/* `have` "": Redis has no cursor. It is new, or has lost its data. */
struct cursor_answer cursor_judge(const char *have, const struct cursor_facts *f);
const char *cursor_case_name(enum cursor_case what);

#endif
