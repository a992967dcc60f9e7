/* stratum/line.h - bytes of a socket to lines, and what the first bytes look like.
 *
 * A line ends with '\n'; blanks, tabs and '\r' around it are not part of it. An empty
 * line is a line of length 0 and means nothing. What has no '\n' yet is no line.
 * Pure; any thread. */
#ifndef STRATUM_LINE_H
#define STRATUM_LINE_H

#include "share/bytes.h"

/* Returns how many bytes the first line takes with its '\n', 0 when there is none yet;
 * *line borrows from `p`. */
size_t line_take(struct bytes *line, const uint8_t *p, size_t len);

enum line_guess {
    LINE_STRATUM, /* or anything else that the parser will judge */
    LINE_TLS,     /* a TLS hello: the first byte and, where it is there, the second */
    LINE_HTTP,    /* a request line of HTTP */
};

/* For the first bytes of a connection. LINE_HTTP needs the whole request line. */
enum line_guess line_guess(const uint8_t *p, size_t len);

#endif
