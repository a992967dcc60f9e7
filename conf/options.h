/* conf/options.h - the table of settings: one row an option, and nothing twice.
 *
 * Loading (conf/conf.c), checking, `karizd --help` and the tables of conf/README.md come
 * from these rows. A row's name is the dotted path of its key; the rows of an object that
 * stands in an array (nodes[], stratum.listen[]) are tables of their own with short
 * names, and an array of them is one row that points to its table.
 *
 * Private to conf/. Pure data; any thread. */
#ifndef CONF_OPTIONS_H
#define CONF_OPTIONS_H

#include "conf/conf.h"

enum option_type {
    OPTION_TEXT,      /* char[size] */
    OPTION_BOOL,      /* bool */
    OPTION_U32,       /* uint32_t, min..max */
    OPTION_I64,       /* int64_t, min..max: satoshi. Below 2^53, so bounds are exact */
    OPTION_REAL,      /* double, min..max; 0 also where the default is null */
    OPTION_SCALED,    /* uint32_t: min..max times `scale`; exactly; 0 where null */
    OPTION_CHOICE,    /* an enum; names[] in its order */
    OPTION_HEX32,     /* uint32_t from a string of hex digits */
    OPTION_TEXT_LIST, /* char[max][size] and a size_t count behind it */
    OPTION_REDIS,     /* "embedded", a URL, or an object; see redis_set() */
    OPTION_ARRAY,     /* objects of `rows`, each `size` bytes, and a size_t count */
};

struct option {
    const char *name;
    enum option_type type;
    size_t offset; /* in struct conf, or in the array's element */
    size_t size;
    const char *fallback; /* JSON text; NULL: must be given; "null": none */
    double min, max;
    const char *unit;
    bool is_live; /* a reload takes it over */
    const char *text;
    const char *const *names;  /* OPTION_CHOICE, ends with NULL */
    const struct option *rows; /* OPTION_ARRAY, ends with a row without name */
    size_t count_offset;       /* OPTION_ARRAY, OPTION_TEXT_LIST */
    uint32_t scale;            /* OPTION_SCALED: 1000 keeps three decimals */
};

/* Ends with a row without name. */
extern const struct option option_table[];

#endif
