#include "pool/words.h"

#include "conf/conf.h"
#include "conf/mem.h"
#include "pool/registry/utf8.h"

#include <stdlib.h>
#include <string.h>

#define PATH_SIZE 1024

struct words {
    struct catalogue *catalogue; /* NULL: English, as it stands in the code */
};

static const char *const languages[] = {"en", "ru", "tk"};
#define LANGUAGES (sizeof(languages) / sizeof(languages[0]))

/* NULL: none of ours. "ru_RU.UTF-8" is ru. */
static const char *language_of(const char *locale)
{
    for (size_t i = 0; locale != NULL && i < LANGUAGES; i++)
        if (strncmp(locale, languages[i], 2) == 0 &&
            strchr("_.-@", locale[2]) != NULL) /* or the end */
            return languages[i];
    return NULL;
}

static const char *language_of_environment(void)
{
    static const char *const names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};
    for (size_t i = 0; i < 3; i++) {
        const char *locale = getenv(names[i]);
        if (locale == NULL || locale[0] == '\0')
            continue;
        const char *found = language_of(locale);
        return found != NULL ? found : "en";
    }
    return "en";
}

struct words *words_of_take(struct catalogue *catalogue)
{
    struct words *w = mem_new(sizeof(*w));
    w->catalogue = catalogue;
    return w;
}

struct words *words_load(const char *lang)
{
    char path[PATH_SIZE], installed[PATH_SIZE], why[CATALOGUE_WHY_SIZE];
    const char *folder = getenv("KARIZ_CATALOGUES");
    const char *name = lang != NULL ? language_of(lang) : language_of_environment();
    struct catalogue *c = NULL;
    if (name == NULL) {
        fprintf(stderr, "karizctl: --lang \"%.16s\": tk, ru or en expected\n", lang);
        return NULL;
    }
    if (folder != NULL)
        snprintf(installed, sizeof(installed), "%s", folder);
    else
        conf_data_folder(installed, sizeof(installed), "catalogues");
    snprintf(path, sizeof(path), "%.*s/%s.json", PATH_SIZE - 16, installed, name);
    enum kz_err err = catalogue_load(&c, why, path);
    if (err != KZ_OK && lang != NULL && strcmp(name, "en") != 0) {
        fprintf(stderr,
                "karizctl: --lang %s: %s (KARIZ_CATALOGUES says where catalogues "
                "lie)\n",
                name, why);
        return NULL;
    }
    return words_of_take(c);
}

void words_free(struct words *w)
{
    if (w == NULL)
        return;
    catalogue_free(w->catalogue);
    mem_free(w);
}

const char *words_language(const struct words *w)
{
    return w->catalogue != NULL ? catalogue_language(w->catalogue) : "en";
}

const char *words_code(const struct words *w, const char *section, const char *code)
{
    return w->catalogue != NULL ? catalogue_text(w->catalogue, section, code) : code;
}

const char *words_say(const struct words *w, const char *english)
{
    return words_code(w, "desk", english);
}

const char *words_field(const struct words *w, const char *path)
{
    const char *text = words_code(w, "fields", path);
    const char *last = strrchr(path, '.');
    if (text != path || last == NULL)
        return text;
    text = words_code(w, "fields", last + 1);
    return text != last + 1 ? text : path;
}

/* --- rules ------------------------------------------------------------------------ */

#define DIGITS "0123456789"

/* The rule with # for each number. */
static void make_key(char key[WORDS_RULE_SIZE], const char *rule)
{
    size_t n = 0;
    while (*rule != '\0' && n + 1 < WORDS_RULE_SIZE) {
        size_t digits = strspn(rule, DIGITS);
        key[n++] = digits > 0 ? '#' : *rule;
        rule += digits > 0 ? digits : 1;
    }
    key[n] = '\0';
}

/* Puts the rule's numbers where `pattern` has #. */
static void fill_in(char out[WORDS_RULE_SIZE], const char *pattern, const char *rule)
{
    size_t n = 0;
    for (; *pattern != '\0' && n + 1 < WORDS_RULE_SIZE; pattern++) {
        size_t digits = 0;
        if (*pattern != '#') {
            out[n++] = *pattern;
            continue;
        }
        rule += strcspn(rule, DIGITS);
        digits = strspn(rule, DIGITS);
        for (size_t i = 0; i < digits && n + 1 < WORDS_RULE_SIZE; i++)
            out[n++] = rule[i];
        rule += digits;
    }
    out[n] = '\0';
}

void words_rule(const struct words *w, char out[WORDS_RULE_SIZE], const char *rule)
{
    char key[WORDS_RULE_SIZE];
    const char *text = words_code(w, "rules", rule);
    if (text != rule) {
        snprintf(out, WORDS_RULE_SIZE, "%s", text);
        return;
    }
    make_key(key, rule);
    text = words_code(w, "rules", key);
    fill_in(out, text != key ? text : rule, rule);
}

/* --- printing --------------------------------------------------------------------- */

/* Control characters, and those that turn the direction of what follows. */
static bool is_obeyed(uint32_t c)
{
    return c < ' ' || (c >= 0x7f && c < 0xa0) || c == UTF8_BAD || c == 0x061c ||
           (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
           (c >= 0x2060 && c <= 0x206f) || c == 0xfeff;
}

size_t words_print(FILE *to, const char *text)
{
    size_t count = 0;
    for (; *text != '\0'; count++) {
        uint32_t c;
        size_t len = utf8_read(&c, text);
        if (is_obeyed(c))
            fputc('?', to);
        else
            fwrite(text, 1, len, to);
        text += len;
    }
    return count;
}

void words_print_wide(FILE *to, const char *text, size_t width)
{
    size_t used = words_print(to, text);
    fprintf(to, "%*s", used < width ? (int)(width - used) : 0, "");
}
