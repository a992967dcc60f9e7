/* tests/unit/vectors.h - finding the shared test vectors.
 *
 * They lie in $KARIZ_VECTORS, else in ../shared/vectors beside the source tree (tests
 * run with the source root as working directory). Where there are none, a test that
 * needs them says so by name and is skipped; a file missing from a folder that is there
 * is a failure. Include after cmocka.h. */
#ifndef TESTS_UNIT_VECTORS_H
#define TESTS_UNIT_VECTORS_H

#include "share/bytes.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static inline void vectors_path(char *out, size_t size, const char *name)
{
    const char *dir = getenv("KARIZ_VECTORS");
    struct stat st;
    dir = dir != NULL && dir[0] != '\0' ? dir : "../shared/vectors";
    if (stat(dir, &st) != 0) {
        printf("no shared vectors: %s is skipped\n", name);
        skip();
    }
    snprintf(out, size, "%s/%s", dir, name);
}

/* The caller's to json_decref(). */
static inline json_t *vectors_json(const char *name)
{
    char path[4096];
    json_error_t problem;
    vectors_path(path, sizeof(path), name);
    json_t *json = json_load_file(path, 0, &problem);
    /* Some hold integers above 63 bits, as notes for people. */
    if (json == NULL)
        json = json_load_file(path, JSON_DECODE_INT_AS_REAL, &problem);
    if (json == NULL)
        fail_msg("%s:%d: %s", path, problem.line, problem.text);
    return json;
}

/* A whole file, the caller's to free(). */
static inline uint8_t *vectors_bytes(const char *path, size_t *len)
{
    FILE *f = fopen(path, "rb");
    if (f == NULL)
        fail_msg("%s: cannot be read", path);
    fseek(f, 0, SEEK_END);
    *len = (size_t)ftell(f);
    rewind(f);
    uint8_t *p = malloc(*len + 1);
    assert_non_null(p);
    assert_int_equal(fread(p, 1, *len, f), *len);
    p[*len] = 0;
    fclose(f);
    return p;
}

static inline const char *text_at(const json_t *of, const char *name)
{
    const char *text = json_string_value(json_object_get(of, name));
    if (text == NULL)
        fail_msg("the vectors have no text '%s' here", name);
    return text;
}

static inline int64_t number_at(const json_t *of, const char *name)
{
    return json_integer_value(json_object_get(of, name));
}

#endif
