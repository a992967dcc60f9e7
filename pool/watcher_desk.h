/* pool/watcher_desk.h - watchers as people at the desk make and take them: rows of
 * pool/desk_rows.h, and the list.
 *
 *   watcher_create  miner, days (text, 1 to 366) -> {id, miner, until, token, path, url,
 *                   note}: the only time that the token is seen. `url` is null while
 *                   http.url is not set.
 *   watcher_revoke  watcher (its id) -> {note}
 *   watcher_list    miner (may be left out) -> as watcher_list()
 *
 * Creating also drops what has expired. Both are events of the audit chain, with the
 * watcher's id and end, without anything of the token.
 *
 * Thread  control. */
#ifndef POOL_WATCHER_DESK_H
#define POOL_WATCHER_DESK_H

#include "pool/control.h"
#include "pool/desk_rows.h"

#define WATCHER_PATH "/watch/"

/* KZ_RANGE with `why`. */
enum kz_err watcher_create(struct desk_noted *out, char why[RECORD_WHY_SIZE],
                           const struct desk_notice *n);
enum kz_err watcher_revoke(struct desk_noted *out, char why[RECORD_WHY_SIZE],
                           const struct desk_notice *n);

control_handler watcher_list_command;

#endif
