/* pool/registry/record_path.h - places within a record: "equipment[2].serial".
 *
 * Names of a-z, 0-9 and _, joined by dots; [n] behind the name of a list, n from 0 to
 * RECORD_PATH_ENTRY_MAX. At most RECORD_PATH_STEPS names.
 *
 * Errors  KZ_PARSE: no such path. KZ_RANGE: too many names, or too large an n; or the
 *         record has something else on the way, a text where the path has an object.
 *         Then it may have gained empty objects on the way.
 * Thread  any. Pure. */
#ifndef POOL_RECORD_PATH_H
#define POOL_RECORD_PATH_H

#include "conf/err.h"

#include <jansson.h>
#include <stdbool.h>

#define RECORD_PATH_STEPS     4
#define RECORD_PATH_NAME_SIZE 41
#define RECORD_PATH_ENTRY_MAX 99

struct record_step {
    char name[RECORD_PATH_NAME_SIZE];
    int entry; /* -1: the name has no [n] */
};

struct record_path {
    struct record_step steps[RECORD_PATH_STEPS];
    size_t count;
};

KZ_MUST_USE enum kz_err record_path_parse(struct record_path *out, const char *text);

/* Borrowed; NULL: there is nothing. */
json_t *record_path_get(const json_t *record, const struct record_path *path);

/* Objects and lists on the way are made; entries of a list only behind its last. Takes
 * `value`, also where it fails. */
KZ_MUST_USE enum kz_err
record_path_set_take(json_t *record, const struct record_path *path, json_t *value);

#endif
