/* conf/locate.h - the line on which a key stands in a JSON text.
 *
 * jansson tells lines of syntax errors only; an operator wants the line of a wrong
 * value too. The text has been parsed before, so this walks it without checking it.
 * Pure; any thread. */
#ifndef CONF_LOCATE_H
#define CONF_LOCATE_H

/* `path` is dotted, array elements in brackets: "stratum.listen[1].tls". The line of the
 * deepest part that is there, from 1. */
int locate_line(const char *text, const char *path);

#endif
