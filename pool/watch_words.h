/* pool/watch_words.h - what a watcher's page says, in Turkmen, Russian and English.
 *
 * Words of money, states and columns are those of the reports' catalogues. Codes, units
 * and ids are not translated. A language is asked for by ?lang=, else by what the browser
 * prefers (RFC 9110 section 12.5.4), else it is the country's first.
 *
 * Thread  any. Pure: no I/O, lock or clock. */
#ifndef POOL_WATCH_WORDS_H
#define POOL_WATCH_WORDS_H

#include <stdbool.h>

enum watch_language { WATCH_TK, WATCH_RU, WATCH_EN, WATCH_LANGUAGES };

enum watch_word {
    WATCH_TITLE,
    WATCH_MINER,
    WATCH_CERTIFICATE,
    WATCH_POOL,
    WATCH_STATE,
    WATCH_REGISTERING,
    WATCH_ACTIVE,
    WATCH_ATTENTION,
    WATCH_PAUSED,
    WATCH_ENDED,
    WATCH_HASHRATE,
    WATCH_1M,
    WATCH_10M,
    WATCH_1H,
    WATCH_24H,
    WATCH_SHARES,
    WATCH_ACCEPTED,
    WATCH_REFUSED,
    WATCH_WORK,
    WATCH_LAST_SHARE,
    WATCH_NEVER,
    WATCH_BALANCE,
    WATCH_IMMATURE,
    WATCH_MATURE,
    WATCH_HELD,
    WATCH_RESERVED,
    WATCH_RECEIVABLE,
    WATCH_TOTAL,
    WATCH_PERIOD,
    WATCH_CREDITED,
    WATCH_PAID,
    WATCH_REVERSED,
    WATCH_ADJUSTED,
    WATCH_WORKERS,
    WATCH_NAME,
    WATCH_SOFTWARE,
    WATCH_CONNECTED,
    WATCH_NO_WORKERS,
    WATCH_AND_MORE, /* behind a number */
    WATCH_CREDITS,
    WATCH_TIME,
    WATCH_KIND,
    WATCH_CREDIT,
    WATCH_REVERSAL,
    WATCH_ADJUSTMENT,
    WATCH_AMOUNT,
    WATCH_BLOCK,
    WATCH_NO_CREDITS,
    WATCH_PAYMENTS,
    WATCH_TRANSACTION,
    WATCH_OUTPUT,
    WATCH_NO_PAYMENTS,
    WATCH_MADE_AT,
    WATCH_UNTIL,
    WATCH_ALL_TIMES, /* in front of the zone */
    WATCH_NOTE,
    WATCH_NOT_FOUND,
    WATCH_NOT_FOUND_WHY,
    WATCH_BUSY,
    WATCH_BUSY_WHY,
    WATCH_WORDS
};

const char *watch_word(enum watch_language language, enum watch_word word);
const char *watch_language_code(enum watch_language language); /* BCP 47 */
const char *watch_language_name(enum watch_language language); /* in itself */

/* False: none of ours. */
bool watch_language_parse(enum watch_language *out, const char *code);
/* The best of an Accept-Language that we have, else `otherwise`. */
enum watch_language watch_language_prefer(const char *accept,
                                          enum watch_language otherwise);

#endif
