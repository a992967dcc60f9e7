#include "conf/mem.h"
#include "pool/bench/bench_load_parts.h"

#include <stdio.h>
#include <string.h>

void load_level_job(struct load_conn *conn)
{
    const struct difficulty d = conn->client.difficulty;
    uint8_t i = 0;
    if (!conn->load->options.logins)
        return;
    if (conn->levels == NULL)
        conn->levels = mem_array(LOAD_LEVELS, sizeof(conn->levels[0]));
    while (i < conn->level_count && (conn->levels[i].difficulty.num != d.num ||
                                     conn->levels[i].difficulty.den != d.den))
        i++;
    if (i == LOAD_LEVELS) {
        i--;
        conn->levels[i].difficulty = (struct difficulty){.num = 0, .den = 0};
    } else if (i == conn->level_count) {
        conn->levels[i].difficulty = d;
        conn->level_count++;
    }
    conn->level = i;
}

void load_level_sent(struct load_conn *conn, uint64_t slot)
{
    if (conn->levels == NULL)
        return;
    conn->sent_level[slot] = conn->level;
    conn->levels[conn->level].submitted++;
}

void load_level_reply(struct load_conn *conn, uint64_t slot, bool accepted)
{
    if (conn->levels == NULL)
        return;
    struct load_level *level = &conn->levels[conn->sent_level[slot]];
    if (accepted)
        level->accepted++;
    else
        level->rejected++;
}

void load_level_lost(struct load_conn *conn, uint64_t slot)
{
    if (conn->levels != NULL)
        conn->levels[conn->sent_level[slot]].unanswered++;
}

/* --- the report ------------------------------------------------------------------- */

static void format_login(char *out, size_t size, const struct load *l, uint64_t number)
{
    const char *user = l->options.client.user;
    const char *at = strstr(user, "%d");
    if (at == NULL) {
        snprintf(out, size, "%s", user);
        return;
    }
    snprintf(out, size, "%.*s%llu%s", (int)(at - user), user,
             (unsigned long long)number, at + 2);
}

static void add_to(json_t *o, const char *key, uint64_t v)
{
    json_int_t have = json_integer_value(json_object_get(o, key));
    json_object_set_new(o, key, json_integer(have + (json_int_t)v));
}

/* Into the row of the same difficulty, which a connection before it may have made. */
static void add_level(json_t *rows, const struct load_level *level)
{
    char text[DIFFICULTY_TEXT_SIZE] = "other";
    json_t *row = NULL;
    if (level->difficulty.num > 0)
        difficulty_format(text, level->difficulty);
    for (size_t i = 0; i < json_array_size(rows) && row == NULL; i++) {
        json_t *r = json_array_get(rows, i);
        if (strcmp(json_string_value(json_object_get(r, "difficulty")), text) == 0)
            row = r;
    }
    if (row == NULL) {
        row = json_object();
        json_object_set_new(row, "difficulty", json_string(text));
        json_array_append_new(rows, row);
    }
    add_to(row, "submitted", level->submitted);
    add_to(row, "accepted", level->accepted);
    add_to(row, "rejected", level->rejected);
    add_to(row, "unanswered", level->unanswered);
}

json_t *load_logins_report(const struct load *l)
{
    json_t *list = json_array(), *rows = NULL;
    for (uint64_t i = 0; i < l->opened; i++) {
        const struct load_conn *conn = &l->conns[i];
        if (rows == NULL || l->group.user_has_number) {
            char login[2 * CLIENT_TEXT_MAX + 32];
            json_t *o = json_object();
            format_login(login, sizeof(login), l, i);
            rows = json_array();
            json_object_set_new(o, "login", json_string(login));
            json_object_set_new(o, "shares", rows);
            json_array_append_new(list, o);
        }
        for (uint8_t k = 0; k < conn->level_count; k++)
            add_level(rows, &conn->levels[k]);
    }
    return list;
}
