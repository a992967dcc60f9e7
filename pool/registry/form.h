/* pool/registry/form.h - a JSON object read into a struct by a table, a row a key.
 *
 * Each key is known, has its type and its bounds, or `why` says which one does not:
 * `limits.kwh_month: -1: 0 to 1000000000 expected`. Lists are part of the path:
 * `sources[0].url`. Values are cut and escaped: whoever reads it has a terminal.
 *
 * Ownership  texts are borrowed from the JSON.
 * Errors     KZ_PARSE: unknown or missing key, wrong type. KZ_RANGE: out of bounds. The
 *            struct may have been filled in part: it is the caller's to drop.
 * Thread     any. Pure. */
#ifndef POOL_REGISTRY_FORM_H
#define POOL_REGISTRY_FORM_H

#include "conf/err.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FORM_PATH_SIZE 128

struct form {
    char *why;
    size_t why_size;
    char path[FORM_PATH_SIZE];
};

struct form_row;
/* Reads `value`, which is no null, to the row's offset in the struct at `base`. */
typedef enum kz_err form_read_fn(struct form *f, void *base, const json_t *value,
                                 const struct form_row *row);

struct form_row {
    const char *key;
    form_read_fn *read;
    size_t offset;        /* in the struct */
    int64_t min, max;     /* of a number; of a text in bytes; of a list in members */
    const void *more;     /* of the reader: below */
    bool is_optional;     /* the key may be left out */
    bool is_null_allowed; /* and this: like left out */
};

/* More: struct form_rule, or NULL. Into const char *. Control characters, and blanks at
 * the ends, are refused. */
form_read_fn form_text;
struct form_rule {
    bool (*fits)(const char *text);
    const char *expected; /* "a country's code of ISO 3166-1" */
};

form_read_fn form_int;  /* into int32_t */
form_read_fn form_long; /* into int64_t */
form_read_fn form_bool;

/* More: struct form_words. Into an enum, of which they are the names in order. */
form_read_fn form_word;
/* The same, a list: into bool[count]. */
form_read_fn form_flags;
struct form_words {
    const char *const *names;
    size_t count;
};

/* More: the one text that is taken. Into nothing. */
form_read_fn form_constant;

/* More: struct form_rows. Into the struct at `offset`. */
form_read_fn form_object;
/* The same, a list: into an array of such structs. */
form_read_fn form_array;
struct form_rows {
    const struct form_row *rows;
    size_t count;
    size_t size, count_offset; /* form_array: of one; of the size_t beside the array */
};

KZ_MUST_USE enum kz_err form_read(struct form *f, void *out, const json_t *object,
                                  const struct form_rows *rows);

/* For readers of one's own. */
enum kz_err form_refuse(struct form *f, enum kz_err err, const json_t *value,
                        const char *expected);
/* A key that is none: it may have any bytes, so it never becomes part of the path. */
enum kz_err form_refuse_key(struct form *f, enum kz_err err, const char *key,
                            const char *expected);
/* Goes down the path, to a key or to an element; what to give to form_leave(). */
size_t form_enter_key(struct form *f, const char *key);
size_t form_enter_index(struct form *f, size_t index);
void form_leave(struct form *f, size_t entered);

#endif
