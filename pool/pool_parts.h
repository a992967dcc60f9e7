/* pool/pool_parts.h - the daemon's parts, for pool.c that wires them and commands.c that
 * shows them. Private to these two. Thread: control. */
#ifndef POOL_POOL_PARTS_H
#define POOL_POOL_PARTS_H

#include "conf/clock.h"
#include "conf/mailbox.h"
#include "pool/accounts.h"
#include "pool/backup.h"
#include "pool/blocks.h"
#include "pool/control.h"
#include "pool/dayfees.h"
#include "pool/declared.h"
#include "pool/inquiry.h"
#include "pool/mask.h"
#include "pool/node.h"
#include "pool/refresh.h"
#include "pool/registry/registry.h"
#include "pool/reporter.h"
#include "pool/spool.h"
#include "pool/tracker.h"
#include "pool/watch.h"
#include "share/journal_writer.h"
#include "share/store.h"
#include "stratum/server.h"

#include <stdatomic.h>

#define POOL_NOTE_SIZE 1024

struct pool {
    struct conf *conf;  /* as started with; a reload's is copied where it is needed */
    const char *commit; /* of what runs; NULL: not known */
    struct profile *profile;
    struct vault *vault;
    struct mask *mask;
    struct screen_shelf *screens;
    struct event_base *base;
    struct mailbox *mailbox;
    struct event *signals[3];
    struct monotime started;
    int lock_fd;

    struct spool *spool;
    struct journal *journal;
    struct journal_writer **writers; /* one a front thread */
    size_t front_count;
    struct store *store;
    struct registry *registry;
    struct declared *declared;
    struct refresh *refresh;
    struct nodes *nodes;
    struct blocks *blocks;
    struct accounts *accounts;
    struct tracker *tracker;
    struct dayfees *dayfees;
    _Atomic(struct accounts *) woken; /* `accounts`, for the store's thread */
    struct stratum_server *stratum;
    struct inquiry *inquiry;
    struct backup *backup;
    struct reporter *reporter;
    struct control *control;
    struct watch *watch;
    struct http *http; /* NULL: http.listen is empty */
};

/* False: the file has an error, nothing changed. `note` is for people either way. */
bool pool_reload(struct pool *p, char note[POOL_NOTE_SIZE]);

void pool_ask_stop(struct pool *p);

#endif
