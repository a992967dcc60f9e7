/* conf/write_all.h - all bytes to a file, however many calls that takes.
 *
 * Errors  false, and errno says why; some of the bytes may have been written. Not synced.
 * Thread  any; waits for the system. */
#ifndef CONF_WRITE_ALL_H
#define CONF_WRITE_ALL_H

#include <stdbool.h>
#include <stddef.h>

bool write_all(int fd, const void *p, size_t len);

#endif
