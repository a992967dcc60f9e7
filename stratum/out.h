/* stratum/out.h - text on its way to a socket: what a front thread's replies grow in.
 *
 * One buffer a front thread collects the replies of one read event, which leave in one
 * write. It grows to what a turn needs and keeps that size.
 * Ownership  bytes are copied in. Thread: its owner's. */
#ifndef STRATUM_OUT_H
#define STRATUM_OUT_H

#include "share/bytes.h"

struct out {
    char *p; /* owned */
    size_t len;
    size_t room;
};

void out_clear(struct out *o); /* releases the memory */
void out_add(struct out *o, const void *p, size_t len);
void out_text(struct out *o, const char *text);
void out_u64(struct out *o, uint64_t v);
void out_hex(struct out *o, const void *p, size_t len);

#endif
