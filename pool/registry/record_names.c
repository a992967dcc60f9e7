#include "pool/registry/record_names.h"

#include "pool/registry/utf8.h"
#include "share/bytes.h"

#include <stdio.h>
#include <string.h>

#define HIT_SIZE   200 /* of a text within a list of a record */
#define NAME_BYTES 64

struct screening {
    const struct record_screen_list *lists;
    size_t count;
    json_t *hits;
};

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static int shown(const char *name)
{
    return (int)utf8_cut(name, NAME_BYTES);
}

static void tell(const struct screening *s, const struct record_screen_list *list,
                 const struct screen_hit *hit, const char *field)
{
    static const char *const dates[] = {"", ", the same birth date",
                                        ", another birth date"};
    static const char *const countries[] = {"", ", the same country",
                                            ", another country"};
    char text[HIT_SIZE];
    if (json_array_size(s->hits) == RECORD_HITS_MAX)
        return;
    snprintf(text, sizeof(text), "%.*s line %zu: %s%s%s", shown(list->name), list->name,
             hit->line, field, dates[hit->birth_date], countries[hit->country]);
    json_array_append_new(s->hits, json_string(text));
}

static void look(const struct screening *s, const char *field,
                 const struct screen_person *person)
{
    if (person->name == NULL)
        return;
    for (size_t i = 0; i < s->count; i++) {
        struct screen_hit hits[RECORD_HITS_MAX];
        size_t found =
            screen_list_find(s->lists[i].list, hits, RECORD_HITS_MAX, person);
        for (size_t k = 0; k < found && k < RECORD_HITS_MAX; k++)
            tell(s, &s->lists[i], &hits[k], field);
    }
}

static void look_at_all(const struct screening *s, const json_t *full)
{
    char field[48];
    size_t i;
    json_t *one;
    const char *country = text_of(full, "residence_country"),
               *birth_date = text_of(full, "birth_date");
    look(s, "official_name",
         &(struct screen_person){text_of(full, "official_name"), country, birth_date});
    look(s, "name_latin",
         &(struct screen_person){text_of(full, "name_latin"), country, birth_date});
    json_array_foreach(json_object_get(full, "trade_names"), i, one)
    {
        snprintf(field, sizeof(field), "trade_names[%zu]", i);
        look(s, field, &(struct screen_person){json_string_value(one), country, NULL});
    }
    look(s, "representative.name",
         &(struct screen_person){
             text_of(json_object_get(full, "representative"), "name"), NULL, NULL});
    json_array_foreach(json_object_get(full, "beneficial_owners"), i, one)
    {
        snprintf(field, sizeof(field), "beneficial_owners[%zu].name", i);
        look(s, field,
             &(struct screen_person){text_of(one, "name"), text_of(one, "country"),
                                     text_of(one, "birth_date")});
    }
}

json_t *record_names_screen(const json_t *full, const struct record_screen_list *lists,
                            size_t count)
{
    const struct screening s = {lists, count, json_array()};
    json_t *names = json_array();
    for (size_t i = 0; i < count; i++) {
        char hex[65], text[HIT_SIZE];
        hex_encode(hex, screen_list_sha256(lists[i].list)->b, 32);
        snprintf(text, sizeof(text), "%.*s sha256 %s", shown(lists[i].name),
                 lists[i].name, hex);
        json_array_append_new(names, json_string(text));
    }
    look_at_all(&s, full);
    return json_pack("{s:o, s:s, s:o}", "lists", names, "result",
                     json_array_size(s.hits) > 0 ? "flag" : "clear", "hits", s.hits);
}
