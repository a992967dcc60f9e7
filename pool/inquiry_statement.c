#include "pool/inquiry_parts.h"

#include "conf/clock.h"
#include "payout/lots.h"
#include "payout/statement.h"
#include "share/keys.h"

#include <string.h>

#define NO_END INT64_MAX

static json_t *sat(struct amount a)
{
    return json_integer(amount_to_sat(a));
}

static json_t *holdings_json(const struct statement_holdings *h)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o}", "immature", sat(h->immature),
                     "mature", sat(h->mature), "held", sat(h->held), "reserved",
                     sat(h->reserved), "receivable", sat(h->receivable));
}

static const char *term_name(enum statement_term term)
{
    static const char *const names[] = {
        [STATEMENT_NONE] = "",
        [STATEMENT_CREDITED] = "credited",
        [STATEMENT_PAID] = "paid",
        [STATEMENT_REVERSED] = "reversed",
        [STATEMENT_ADJUSTED] = "adjusted",
    };
    return names[term];
}

static json_t *line_json(const struct statement_line *l)
{
    json_t *row = holdings_json(&l->moved);
    json_object_set_new(row, "time_ms", json_integer(l->time_ms));
    json_object_set_new(row, "kind", json_string(entry_kind_name(l->kind)));
    json_object_set_new(row, "term",
                        json_string(term_name(statement_term_of(l->kind))));
    json_object_set_new(row, "reference", json_string(l->reference));
    json_object_set_new(row, "change", sat(l->change));
    if (l->has_output) {
        json_object_set_new(row, "vout", json_integer(l->vout));
        json_object_set_new(row, "output", sat(l->output));
    }
    return row;
}

/* Lines that change what is owed, at most `newest` of each term, oldest first. */
static json_t *newest_lines(const struct statement *s, size_t newest)
{
    json_t *lines = json_array();
    size_t kept[STATEMENT_ADJUSTED + 1] = {0};
    for (size_t k = s->line_count; k-- > 0;) {
        const struct statement_line *l = &s->lines[k];
        if (!amount_is_zero(l->change) && kept[statement_term_of(l->kind)]++ < newest)
            json_array_insert_new(lines, 0, line_json(l));
    }
    return lines;
}

static json_t *all_lines(const struct statement *s)
{
    json_t *lines = json_array();
    for (size_t k = 0; k < s->line_count; k++)
        json_array_append_new(lines, line_json(&s->lines[k]));
    return lines;
}

static json_t *statement_json(const struct statement *s, size_t newest)
{
    json_t *lines = newest > 0 ? newest_lines(s, newest) : all_lines(s);
    json_t *o = json_pack(
        "{s:s, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:o, s:o, s:o}", "miner",
        s->miner.text, "from_ms", (json_int_t)s->from_ms, "start", sat(s->start),
        "credited", sat(s->credited), "paid", sat(s->paid), "reversed",
        sat(s->reversed), "adjusted", sat(s->adjusted), "end", sat(s->end), "sound",
        statement_is_sound(s), "at_start", holdings_json(&s->at_start), "at_end",
        holdings_json(&s->at_end), "lines", lines);
    json_object_set_new(o, "to_ms",
                        s->to_ms == NO_END ? json_null() : json_integer(s->to_ms));
    return o;
}

static bool read_date(int64_t *ms, char text[INQUIRY_TEXT_SIZE],
                      const json_t *arguments, const char *name)
{
    const char *date = json_string_value(json_object_get(arguments, name));
    if (date == NULL || clock_utc_parse(ms, date, strlen(date)) == KZ_OK)
        return true;
    inquiry_say(text, KZ_PARSE,
                "--%s %.40s: no date like 2026-01-31 or 2026-01-31T23:59", name, date);
    return false;
}

struct reading {
    struct statement s;
    struct lots lots;
    json_t *pays;  /* [{"transaction", "vout", "block", "sat"}, ...] */
    size_t newest; /* lines of each term; 0: all, and what payments pay */
    uint64_t entries;
    char *text;
};

/* Which credits a transaction's output pays, the oldest first. */
static void add_pays(struct reading *r, const struct entry *e)
{
    size_t count;
    const struct entry_output *o = entry_output_of(e, &r->s.miner);
    const struct lot *rows = lots_of_payout(&r->lots, e->key.object, &count);
    for (size_t i = 0; i < count; i++)
        json_array_append_new(
            r->pays, json_pack("{s:s, s:I, s:s, s:o}", "transaction", e->reference,
                               "vout", o != NULL ? (json_int_t)o->vout : -1, "block",
                               rows[i].reference, "sat", sat(rows[i].sat)));
}

static enum kz_err take(void *ctx, uint64_t n, const struct entry *e)
{
    struct reading *r = ctx;
    (void)n;
    r->entries++;
    bool is_in = e->time_ms >= r->s.from_ms && e->time_ms < r->s.to_ms;
    if (e->key.kind == ENTRY_PAYOUT_CONFIRMED && is_in && r->newest == 0)
        add_pays(r, e);
    if (statement_add(&r->s, e) != KZ_OK ||
        (r->newest == 0 && lots_follow(&r->lots, &r->s.miner, e) != KZ_OK))
        return inquiry_say(r->text, KZ_RANGE, "a sum outside the range of money");
    if (r->s.line_count > INQUIRY_LINES_MAX)
        return inquiry_say(r->text, KZ_RANGE,
                           "more than %d lines: take a shorter period",
                           INQUIRY_LINES_MAX);
    return KZ_OK;
}

enum kz_err inquiry_statement(json_t **value, char text[INQUIRY_TEXT_SIZE],
                              struct inquiry *i, const json_t *arguments)
{
    const char *id = json_string_value(json_object_get(arguments, "miner"));
    struct miner_id miner;
    struct reading r = {.text = text};
    int64_t from = 0, to = NO_END;
    char key[KEY_SIZE];
    uint64_t after = 0;
    if (id == NULL || miner_id_parse(&miner, id, strlen(id)) != KZ_OK)
        return inquiry_say(text, KZ_PARSE, "no miner \"%.64s\"", id != NULL ? id : "");
    if (!read_date(&from, text, arguments, "from") ||
        !read_date(&to, text, arguments, "to"))
        return KZ_PARSE;
    if (from > to)
        return inquiry_say(text, KZ_RANGE, "--from is behind --to");
    r.newest = (size_t)json_integer_value(json_object_get(arguments, "newest"));
    r.pays = json_array();
    statement_init(&r.s, &miner, from, to);
    key_statement(key, miner.text);
    enum kz_err err = ledger_walk(
        &after, text, i,
        &(struct entry_walk){.key = key, .is_part = true, .take = take, .ctx = &r},
        UINT64_MAX);
    if (err == KZ_EMPTY)
        err = KZ_OK;
    if (err == KZ_OK && r.entries == 0 &&
        !json_is_true(json_object_get(arguments, "registered")))
        err = inquiry_say(text, KZ_EMPTY, "no miner \"%s\"", miner.text);
    if (err == KZ_OK) {
        *value = statement_json(&r.s, r.newest);
        json_object_set(*value, "pays", r.pays);
    }
    json_decref(r.pays);
    lots_clear(&r.lots);
    statement_clear(&r.s);
    return err;
}
