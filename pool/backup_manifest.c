#include "pool/backup_manifest.h"

#include "conf/clock.h"
#include "conf/mem.h"
#include "pool/canon.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PARTS_MAX 4

static enum kz_err KZ_PRINTF(2, 3)
    refuse(char why[BACKUP_WHY_SIZE], const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(why, BACKUP_WHY_SIZE, format, args);
    va_end(args);
    return KZ_RANGE;
}

/* --- files ------------------------------------------------------------------------- */

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '.' || c == '_' || c == '-';
}

bool backup_file_name_is_good(const char *name)
{
    size_t parts = 1;
    if (strlen(name) > BACKUP_FILE_NAME_MAX)
        return false;
    for (const char *p = name, *begin = name; *p != '\0' || p == begin; p++) {
        if (p == begin && (*p == '.' || !is_letter(*p)))
            return false;
        if (*p == '/') {
            begin = p + 1;
            parts++;
        } else if (!is_letter(*p)) {
            return false;
        }
    }
    return parts <= PARTS_MAX;
}

void backup_manifest_clear(struct backup_manifest *m)
{
    for (size_t i = 0; i < m->file_count; i++)
        mem_free(m->files[i].name);
    mem_free(m->files);
    *m = (struct backup_manifest){.time_ms = 0};
}

void backup_manifest_add(struct backup_manifest *m, const char *name, uint64_t size,
                         const struct hash256 *sha256)
{
    if (m->file_count == m->file_room) {
        m->file_room = 2 * m->file_room + 64;
        m->files = mem_resize(m->files, m->file_room * sizeof(*m->files));
    }
    m->files[m->file_count++] = (struct backup_file){mem_text(name), size, *sha256};
}

static int by_name(const void *a, const void *b)
{
    const struct backup_file *x = a, *y = b;
    return strcmp(x->name, y->name);
}

void backup_manifest_sort(struct backup_manifest *m)
{
    if (m->file_count > 0)
        qsort(m->files, m->file_count, sizeof(*m->files), by_name);
}

static int name_with(const void *name, const void *file)
{
    const struct backup_file *f = file;
    return strcmp(name, f->name);
}

const struct backup_file *backup_manifest_find(const struct backup_manifest *m,
                                               const char *name)
{
    return m->file_count == 0
               ? NULL
               : bsearch(name, m->files, m->file_count, sizeof(*m->files), name_with);
}

uint64_t backup_manifest_bytes(const struct backup_manifest *m)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < m->file_count; i++)
        sum += m->files[i].size;
    return sum;
}

/* --- written ----------------------------------------------------------------------- */

static json_t *hash_json(const struct hash256 *h)
{
    char hex[HASH256_HEX_SIZE];
    hex_encode(hex, h->b, sizeof(h->b));
    return json_string(hex);
}

static json_t *journal_json(const struct backup_journal *j)
{
    return j->id[0] == '\0'
               ? json_null()
               : json_pack("{s:s, s:I}", "id", j->id, "last", (json_int_t)j->last);
}

static json_t *files_json(const struct backup_manifest *m)
{
    json_t *list = json_array();
    for (size_t i = 0; i < m->file_count; i++) {
        const struct backup_file *f = &m->files[i];
        json_array_append_new(list, json_pack("{s:s, s:I, s:o}", "name", f->name,
                                              "size", (json_int_t)f->size, "sha256",
                                              hash_json(&f->sha256)));
    }
    return list;
}

enum kz_err backup_manifest_format(char **text, size_t *len, char why[BACKUP_WHY_SIZE],
                                   const struct backup_manifest *m)
{
    char time[CLOCK_TEXT_SIZE];
    clock_utc_format(time, m->time_ms);
    json_t *o = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:{s:I, s:o}, s:o, s:o, s:{s:s, s:s}, s:{s:b}, s:o}",
        "schema", BACKUP_SCHEMA, "instance", m->instance, "network", m->network,
        "version", m->version, "time", time, "audit", "seq", (json_int_t)m->audit_seq,
        "hash", hash_json(&m->audit_hash), "journal", journal_json(&m->journal),
        "payout", journal_json(&m->payout), "redis", "mode", m->redis_mode, "version",
        m->redis_version, "vault", "master_key", m->has_master_key, "files",
        files_json(m));
    enum kz_err err = o != NULL ? canon_format(text, len, o) : KZ_RANGE;
    json_decref(o);
    return err == KZ_OK ? KZ_OK : refuse(why, "the manifest has no canonical form");
}

/* --- read -------------------------------------------------------------------------- */

static bool read_hash(struct hash256 *out, const json_t *o, const char *name)
{
    const char *text = json_string_value(json_object_get(o, name));
    return text != NULL &&
           hex_decode(out->b, sizeof(out->b), text, strlen(text)) == KZ_OK;
}

static bool read_number(uint64_t *out, const json_t *o, const char *name)
{
    const json_t *value = json_object_get(o, name);
    json_int_t v = json_integer_value(value);
    *out = v > 0 ? (uint64_t)v : 0;
    return json_is_integer(value) && v >= 0;
}

/* Printable text of 1 to size - 1 bytes. */
static bool read_text(char *out, size_t size, const json_t *o, const char *name)
{
    const json_t *value = json_object_get(o, name);
    const char *text = json_string_value(value);
    size_t len = json_string_length(value);
    if (text == NULL || len == 0 || len >= size)
        return false;
    for (size_t i = 0; i < len; i++)
        if (text[i] < ' ' || text[i] > '~')
            return false;
    memcpy(out, text, len + 1);
    return true;
}

static bool read_journal(struct backup_journal *out, const json_t *value)
{
    if (json_is_null(value))
        return true;
    return read_text(out->id, sizeof(out->id), value, "id") && strlen(out->id) == 32 &&
           hex_is_valid(out->id, 32) && read_number(&out->last, value, "last") &&
           json_object_size(value) == 2;
}

static enum kz_err read_file(struct backup_manifest *m, char why[BACKUP_WHY_SIZE],
                             const json_t *value)
{
    struct hash256 hash;
    uint64_t size;
    char name[BACKUP_FILE_NAME_MAX + 1];
    const struct backup_file *last =
        m->file_count > 0 ? &m->files[m->file_count - 1] : NULL;
    if (!read_text(name, sizeof(name), value, "name") ||
        !backup_file_name_is_good(name))
        return refuse(why, "files[%zu].name: no name of a backup's file",
                      m->file_count);
    if (last != NULL && strcmp(last->name, name) >= 0)
        return refuse(why, "files[%zu].name: not in order", m->file_count);
    if (!read_number(&size, value, "size") || !read_hash(&hash, value, "sha256") ||
        json_object_size(value) != 3)
        return refuse(why, "files[%zu]: a name, a size and a sha256 expected",
                      m->file_count);
    backup_manifest_add(m, name, size, &hash);
    return KZ_OK;
}

static enum kz_err read_files(struct backup_manifest *m, char why[BACKUP_WHY_SIZE],
                              const json_t *list)
{
    enum kz_err err = KZ_OK;
    if (!json_is_array(list) || json_array_size(list) > BACKUP_FILES_MAX)
        return refuse(why, "files: a list of at most %d expected", BACKUP_FILES_MAX);
    for (size_t i = 0; err == KZ_OK && i < json_array_size(list); i++)
        err = read_file(m, why, json_array_get(list, i));
    return err;
}

static bool read_time(int64_t *out, const json_t *o)
{
    char text[CLOCK_TEXT_SIZE];
    return read_text(text, sizeof(text), o, "time") &&
           clock_utc_parse(out, text, strlen(text)) == KZ_OK;
}

static enum kz_err read_members(struct backup_manifest *m, char why[BACKUP_WHY_SIZE],
                                const json_t *o)
{
    const json_t *audit = json_object_get(o, "audit"),
                 *redis = json_object_get(o, "redis"),
                 *key = json_object_get(json_object_get(o, "vault"), "master_key");
    const char *schema = json_string_value(json_object_get(o, "schema"));
    if (schema == NULL || strcmp(schema, BACKUP_SCHEMA) != 0)
        return refuse(why, "schema: " BACKUP_SCHEMA " expected");
    if (json_object_size(o) != 11)
        return refuse(why, "members that " BACKUP_SCHEMA " does not have, or too few");
    if (!read_text(m->instance, sizeof(m->instance), o, "instance") ||
        !read_text(m->network, sizeof(m->network), o, "network") ||
        !read_text(m->version, sizeof(m->version), o, "version") ||
        !read_time(&m->time_ms, o))
        return refuse(why, "instance, network, version and time: texts expected");
    if (!read_number(&m->audit_seq, audit, "seq") ||
        !read_hash(&m->audit_hash, audit, "hash"))
        return refuse(why, "audit: a seq and a hash expected");
    if (!read_journal(&m->journal, json_object_get(o, "journal")) ||
        !read_journal(&m->payout, json_object_get(o, "payout")) ||
        m->journal.id[0] == '\0')
        return refuse(why, "journal, payout: an id and the last number expected");
    if (!read_text(m->redis_mode, sizeof(m->redis_mode), redis, "mode") ||
        !read_text(m->redis_version, sizeof(m->redis_version), redis, "version"))
        return refuse(why, "redis: a mode and a version expected");
    if (!json_is_boolean(key))
        return refuse(why, "vault: master_key expected");
    m->has_master_key = json_is_true(key);
    return read_files(m, why, json_object_get(o, "files"));
}

enum kz_err backup_manifest_parse(struct backup_manifest *out,
                                  char why[BACKUP_WHY_SIZE], struct bytes text)
{
    json_t *o = NULL;
    struct backup_manifest m = {.time_ms = 0};
    if (text.len > BACKUP_MANIFEST_MAX || canon_read(&o, text) != KZ_OK)
        return refuse(why, "it is no JSON in canonical form");
    enum kz_err err = read_members(&m, why, o);
    json_decref(o);
    if (err == KZ_OK)
        *out = m;
    else
        backup_manifest_clear(&m);
    return err;
}
