/* pool/ctl_watcher.h - what karizctl prints of watchers. Thread: the only one. */
#ifndef POOL_CTL_WATCHER_H
#define POOL_CTL_WATCHER_H

#include "pool/ctl_show.h"

ctl_show_fn show_watcher_made, show_watchers;

#endif
