#include "pool/registry/screen_list.h"

#include "conf/mem.h"
#include "pool/registry/fold.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 32 /* of a name; further ones are not compared */

/* A name's words: in order, one blank between, read each way; and once more with what may
 * join two words ("Al-Assad", "A.Atayew") taken for a blank. NULL: the same as without. */
struct name {
    char *words[FOLD_WAYS], *apart[FOLD_WAYS];
};

struct entry {
    size_t line;
    struct name name;
    char country[3], birth_date[11]; /* "": not given */
};

struct screen_list {
    struct hash256 sha256;
    struct entry *entries;
    size_t count, room;
};

/* --- names ------------------------------------------------------------------------------- */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Splits at blanks, in place. */
static size_t split(char *words[WORDS_MAX], char *text)
{
    size_t count = 0;
    for (char *word = text; *word != '\0' && count < WORDS_MAX;) {
        size_t len = strcspn(word, " ");
        char *next = word + len + (word[len] == ' ');
        word[len] = '\0';
        if (len > 0)
            words[count++] = word;
        word = next;
    }
    qsort(words, count, sizeof(*words), by_text);
    return count;
}

/* Of the bytes at `p`, how many stand between words: a comma does ("ORAZOWA,Maral"), a hyphen
 * of any kind or a full stop may. */
static size_t gap_at(const char *p, bool is_apart)
{
    if (strchr(",;/", *p) != NULL)
        return 1;
    if (!is_apart)
        return 0;
    if (strchr("-._", *p) != NULL)
        return 1;
    bool is_dash = strncmp(p, "\xe2\x80", 2) == 0 && (unsigned char)p[2] >= 0x90 &&
                   (unsigned char)p[2] <= 0x95; /* U+2010 to U+2015 */
    return is_dash ? 3 : 0;
}

/* The caller's. */
static char *words_of(const char *name, enum fold_way way, bool is_apart)
{
    char *copy = mem_copy(name, strnlen(name, SCREEN_NAME_MAX));
    char *words[WORDS_MAX], *folded, *out, *to;
    for (char *p = copy; *p != '\0';) {
        size_t gap = gap_at(p, is_apart);
        memset(p, ' ', gap);
        p += gap > 0 ? gap : 1;
    }
    folded = fold_text(copy, way);
    to = out = mem_new(strlen(folded) + 2);
    size_t count = split(words, folded);
    for (size_t i = 0; i < count; i++) {
        size_t len = strlen(words[i]);
        if (i > 0)
            *to++ = ' ';
        memcpy(to, words[i], len);
        to += len;
    }
    *to = '\0';
    mem_free(copy);
    mem_free(folded);
    return out;
}

static bool is_one_word(const char *words)
{
    return strchr(words, ' ') == NULL;
}

static int compare_words(const char *a, size_t a_len, const char *b, size_t b_len)
{
    int order = memcmp(a, b, a_len < b_len ? a_len : b_len);
    return order != 0 ? order : (a_len > b_len) - (a_len < b_len);
}

/* Whether `all` has each of `some`; both in order. */
static bool has_words(const char *all, const char *some)
{
    while (*some != '\0') {
        size_t some_len = strcspn(some, " "), all_len = strcspn(all, " ");
        int order = compare_words(all, all_len, some, some_len);
        if (*all == '\0' || order > 0)
            return false;
        all += all_len + (all[all_len] == ' ');
        if (order == 0)
            some += some_len + (some[some_len] == ' ');
    }
    return true;
}

static bool is_alike(const char *a, const char *b)
{
    if (*a == '\0' || *b == '\0')
        return false;
    if (is_one_word(a) || is_one_word(b))
        return strcmp(a, b) == 0;
    return has_words(a, b) || has_words(b, a);
}

static void name_read(struct name *n, const char *text)
{
    for (int i = 0; i < FOLD_WAYS; i++) {
        enum fold_way way = (enum fold_way)i;
        n->words[i] = words_of(text, way, false);
        n->apart[i] = words_of(text, way, true);
        if (strcmp(n->words[i], n->apart[i]) == 0) {
            mem_free(n->apart[i]);
            n->apart[i] = NULL;
        }
    }
}

static void name_clear(struct name *n)
{
    for (int i = 0; i < FOLD_WAYS; i++) {
        mem_free(n->words[i]);
        mem_free(n->apart[i]);
    }
}

static bool is_either_alike(const char *a, const char *b, const char *other)
{
    return is_alike(a, b) || (other != NULL && is_alike(a, other));
}

static bool are_names_alike(const struct name *a, const struct name *b)
{
    for (int i = 0; i < FOLD_WAYS; i++)
        if (is_either_alike(a->words[i], b->words[i], b->apart[i]) ||
            (a->apart[i] != NULL &&
             is_either_alike(a->apart[i], b->words[i], b->apart[i])))
            return true;
    return false;
}

/* --- reading ----------------------------------------------------------------------------- */

static enum kz_err refuse(char why[CSV_WHY_SIZE], size_t line, const char *text)
{
    snprintf(why, CSV_WHY_SIZE, "line %zu: %s", line, text);
    return KZ_RANGE;
}

/* NULL: as many as are read are there. */
static struct entry *add(struct screen_list *list, size_t line, const char *name)
{
    if (list->count == SCREEN_LIST_ROWS_MAX)
        return NULL;
    if (list->count == list->room) {
        list->room = list->room > 0 ? 2 * list->room : 256;
        list->entries = mem_resize(list->entries, list->room * sizeof(*list->entries));
    }
    struct entry *e = &list->entries[list->count++];
    *e = (struct entry){.line = line};
    name_read(&e->name, name);
    return e;
}

static bool is_utf8(const char *text)
{
    json_t *made = json_string(text);
    json_decref(made);
    return made != NULL;
}

static enum kz_err add_line(struct screen_list *list, char why[CSV_WHY_SIZE],
                            size_t line, char *text)
{
    text[strcspn(text, "#\r")] = '\0';
    if (text[strspn(text, " \t")] == '\0')
        return KZ_OK;
    if (!is_utf8(text))
        return refuse(why, line, "must be UTF-8");
    return add(list, line, text) != NULL
               ? KZ_OK
               : refuse(why, line, "no more names are read at once");
}

static enum kz_err read_lines(struct screen_list *list, char why[CSV_WHY_SIZE],
                              const char *text, size_t len)
{
    enum kz_err err = KZ_OK;
    size_t line = 1;
    for (size_t at = 0; at < len && err == KZ_OK; line++) {
        const char *end = memchr(text + at, '\n', len - at);
        size_t n = end != NULL ? (size_t)(end - (text + at)) : len - at;
        char *one = mem_copy(text + at, n);
        if (strlen(one) != n)
            err = refuse(why, line, "has a 0 byte in it");
        else
            err = add_line(list, why, line, one);
        mem_free(one);
        at += n + 1;
    }
    return err;
}

struct columns {
    size_t name, country, birth_date; /* CSV_COLUMNS_MAX: none */
};

static size_t column_of(const struct csv_reader *r, const char *name)
{
    for (size_t i = 0; i < r->count; i++)
        if (strcmp(r->cells[i], name) == 0)
            return i;
    return CSV_COLUMNS_MAX;
}

static const char *cell_of(const struct csv_reader *r, size_t column)
{
    return column < r->count ? r->cells[column] : "";
}

static enum kz_err add_row(struct screen_list *list, char why[CSV_WHY_SIZE],
                           const struct csv_reader *r, const struct columns *c)
{
    const char *name = cell_of(r, c->name), *country = cell_of(r, c->country),
               *date = cell_of(r, c->birth_date);
    if (name[0] == '\0')
        return KZ_OK;
    if (!is_utf8(name))
        return refuse(why, r->row_line, "must be UTF-8");
    struct entry *e = add(list, r->row_line, name);
    if (e == NULL)
        return refuse(why, r->row_line, "no more names are read at once");
    if (strlen(country) == sizeof(e->country) - 1)
        memcpy(e->country, country, sizeof(e->country));
    if (strlen(date) == sizeof(e->birth_date) - 1)
        memcpy(e->birth_date, date, sizeof(e->birth_date));
    return KZ_OK;
}

/* KZ_EMPTY: the first row has no column "name", so it is no table. */
static enum kz_err read_table(struct screen_list *list, char why[CSV_WHY_SIZE],
                              struct csv_reader *r)
{
    if (csv_reader_next(r) != KZ_OK)
        return KZ_EMPTY;
    const struct columns c = {column_of(r, "name"), column_of(r, "country"),
                              column_of(r, "birth_date")};
    if (c.name == CSV_COLUMNS_MAX)
        return KZ_EMPTY;
    enum kz_err err;
    while ((err = csv_reader_next(r)) == KZ_OK) {
        err = add_row(list, why, r, &c);
        if (err != KZ_OK)
            return err;
    }
    if (err == KZ_EMPTY)
        return KZ_OK;
    snprintf(why, CSV_WHY_SIZE, "%s", r->why);
    return err;
}

enum kz_err screen_list_parse(struct screen_list **out, char why[CSV_WHY_SIZE],
                              const char *text, size_t len)
{
    struct csv_reader r;
    unsigned size = 0;
    if (len > SCREEN_LIST_BYTES_MAX)
        return refuse(why, 1, "the file is too large");
    struct screen_list *list = mem_new(sizeof(*list));
    bool is_hashed =
        EVP_Digest(text, len, list->sha256.b, &size, EVP_sha256(), NULL) == 1;
    csv_reader_init(&r, text, len);
    enum kz_err err = read_table(list, why, &r);
    csv_reader_clear(&r);
    if (err == KZ_EMPTY)
        err = read_lines(list, why, text, len);
    if (err == KZ_OK && list->count == 0)
        err = refuse(why, 1, "there is no name");
    if (err == KZ_OK && !is_hashed)
        err = refuse(why, 1, "cannot be hashed");
    if (err == KZ_OK)
        *out = list;
    else
        screen_list_free(list);
    return err;
}

void screen_list_free(struct screen_list *list)
{
    if (list == NULL)
        return;
    for (size_t i = 0; i < list->count; i++)
        name_clear(&list->entries[i].name);
    mem_free(list->entries);
    mem_free(list);
}

size_t screen_list_count(const struct screen_list *list)
{
    return list->count;
}

const struct hash256 *screen_list_sha256(const struct screen_list *list)
{
    return &list->sha256;
}

/* --- finding ----------------------------------------------------------------------------- */

static enum screen_match compare(const char *listed, const char *asked)
{
    if (listed[0] == '\0' || asked == NULL || asked[0] == '\0')
        return SCREEN_UNKNOWN;
    return strcmp(listed, asked) == 0 ? SCREEN_SAME : SCREEN_OTHER;
}

size_t screen_list_find(const struct screen_list *list, struct screen_hit *hits,
                        size_t max, const struct screen_person *person)
{
    struct name asked;
    size_t found = 0;
    name_read(&asked, person->name);
    for (size_t i = 0; i < list->count; i++) {
        const struct entry *e = &list->entries[i];
        if (!are_names_alike(&e->name, &asked))
            continue;
        if (found < max)
            hits[found] = (struct screen_hit){
                .line = e->line,
                .country = compare(e->country, person->country),
                .birth_date = compare(e->birth_date, person->birth_date)};
        found++;
    }
    name_clear(&asked);
    return found;
}
