/* pool/watch_page.h - a watcher's view as a page for people: one HTML file that loads
 * nothing and runs nothing, readable on a phone, in the dark and on paper.
 *
 * Numbers and times as the language and the profile's zone have them. Whatever somebody
 * outside chose (names of rigs, their software) is escaped.
 *
 * Ownership  pages are the caller's to mem_free().
 * Thread     any. Pure: no I/O, lock or clock. */
#ifndef POOL_WATCH_PAGE_H
#define POOL_WATCH_PAGE_H

#include "pool/watch_words.h"

#include <jansson.h>

#define WATCH_REFRESH_S       60
#define WATCH_STYLE_HASH_SIZE 45

/* Of watch_view(). */
char *watch_page(const json_t *view, enum watch_language language);
/* A heading and a sentence: WATCH_NOT_FOUND, WATCH_BUSY with what stands behind them. */
char *watch_page_plain(enum watch_language language, enum watch_word heading,
                       enum watch_word sentence);
/* The one style sheet of the pages, as Content-Security-Policy names it. */
void watch_page_style_hash(char out[WATCH_STYLE_HASH_SIZE]);

#endif
