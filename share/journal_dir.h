/* share/journal_dir.h - what lies in a journal's directory: its id and segments.
 *
 * Ownership  journal_dir_list() allocates; journal_dir_free() accepts NULL.
 * Errors     KZ_IO, logged.
 * Thread     one at a time, whichever. */
#ifndef SHARE_JOURNAL_DIR_H
#define SHARE_JOURNAL_DIR_H

#include "share/journal.h"

#define JOURNAL_ID_FILE "id"

/* Segment numbers, a list a stream. */
struct journal_dir {
    uint32_t *numbers[JOURNAL_STREAMS_MAX];
    size_t count[JOURNAL_STREAMS_MAX];
    size_t streams; /* the highest found, + 1 */
};

/* `tidy`: what was killed while it was made is deleted; for who owns the journal. */
KZ_MUST_USE enum kz_err journal_dir_list(struct journal_dir **out, int dir_fd,
                                         bool tidy);
void journal_dir_free(struct journal_dir *d);

/* KZ_EMPTY: there is none. KZ_PARSE: `why` says what is wrong with it. */
KZ_MUST_USE enum kz_err journal_dir_id(uint8_t id[JOURNAL_ID_SIZE],
                                       char why[JOURNAL_WHY_SIZE], int dir_fd);

#endif
