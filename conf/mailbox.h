/* conf/mailbox.h - calls to be made on another thread.
 *
 * Each thread with an event loop owns one mailbox. Others post calls; the owner makes
 * them, in the order posted, from its loop. Bounded: a full mailbox answers KZ_BUSY.
 *
 * Ownership  `arg` belongs to the mailbox once posted; run() takes it over. A mailbox
 *            freed with calls in it gives each arg to drop().
 * Thread     new/free on the owner's thread or while its loop does not run; post: any. */
#ifndef CONF_MAILBOX_H
#define CONF_MAILBOX_H

#include "conf/err.h"

#include <stddef.h>

struct event_base;
struct mailbox;

struct mailbox_call {
    void (*run)(void *owner, void *arg); /* on the owner's thread            */
    void (*drop)(void *arg);             /* if it never runs; NULL: nothing  */
    void *arg;
};

/* `owner` is handed to each run(). NULL when the kernel has no descriptors left. */
struct mailbox *mailbox_new(struct event_base *base, size_t capacity, void *owner);
void mailbox_free(struct mailbox *m);

/* On KZ_BUSY the call was not taken and `arg` is still the caller's. */
KZ_MUST_USE enum kz_err mailbox_post(struct mailbox *m, struct mailbox_call call);

#endif
