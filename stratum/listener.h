/* stratum/listener.h - a listening socket of one front thread.
 *
 * Every front has its own socket on the same address (SO_REUSEPORT), so the kernel
 * spreads connections and nobody hands them over. Socket options that accepted
 * connections inherit are set here once: no delay, keep-alive, and a limit on how long
 * sent bytes may stay unacknowledged, which is what finds a rig that lost its power.
 *
 * Thread  open: control, before the front runs; the rest: the front's. */
#ifndef STRATUM_LISTENER_H
#define STRATUM_LISTENER_H

#include "conf/conf.h"

#include <event2/event.h>
#include <stdbool.h>

struct front;

struct listener {
    struct front *front;
    size_t index; /* in the settings */
    int fd;
    struct event *readable;
    bool is_paused; /* out of descriptors: tried again at the next tick */
};

/* `bound` ("0.0.0.0:3333") is used instead of the settings' address when it is not "",
 * and filled when it is: port 0 takes a free one, the same for all fronts. */
KZ_MUST_USE enum kz_err listener_open(struct listener *l, struct front *front,
                                      size_t index, const char *address,
                                      char bound[CONF_TEXT_MAX + 1]);
void listener_unpause(struct listener *l);
void listener_close(struct listener *l);

#endif
