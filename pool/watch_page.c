#include "pool/watch_page.h"

#include "conf/clock.h"
#include "conf/mem.h"
#include "share/bytes.h"

#include <assert.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define CELL_SIZE 160

/* As it is sent. */
/* clang-format off */
static const char style[] =
    ":root{color-scheme:light dark;--ink:#1c2321;--dim:#5c6864;--paper:#f6f7f5;"
    "--card:#fff;--line:#dde2de;--mark:#0a6b4f}"
    "@media(prefers-color-scheme:dark){:root{--ink:#e6ebe8;--dim:#9aa8a2;--paper:#"
    "121715;"
    "--card:#1b221f;--line:#2f3935;--mark:#5fcfa6}}"
    "*{box-sizing:border-box}"
    "body{margin:0 auto;max-width:64rem;padding:1rem;background:var(--paper);"
    "color:var(--ink);font:1rem/1.45 system-ui,sans-serif;overflow-wrap:break-word}"
    "header{display:flex;flex-wrap:wrap;gap:.25rem 1.5rem;align-items:baseline;"
    "justify-content:space-between}"
    "h1{font-size:1.6rem;margin:.2rem 0}h2{font-size:1.05rem;margin:0 0 .5rem}"
    "a{color:var(--mark)}nav a{margin-right:.9rem}"
    ".chip{border:1px solid var(--mark);color:var(--mark);border-radius:1rem;"
    "padding:.1rem .7rem;white-space:nowrap}"
    ".dim,th,dt,footer{color:var(--dim)}"
    ".cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,22rem),1fr));"
    "gap:1rem;margin:1rem 0}"
    "section{background:var(--card);border:1px solid var(--line);border-radius:.6rem;"
    "padding:.9rem 1rem;margin:1rem 0;min-width:0}.cards section{margin:0}"
    "dl{display:grid;grid-template-columns:minmax(min-content,1fr) auto;gap:.15rem 1rem;margin:0}"
    "dd{margin:0;text-align:right}h1,dd{overflow-wrap:anywhere}"
    "dl,td,.big{font-variant-numeric:tabular-nums}"
    ".big{font-size:1.7rem;margin:0 0 .4rem}.sum{font-weight:600;color:var(--ink)}"
    ".wide{overflow-x:auto}table{border-collapse:collapse;width:100%}"
    "th,td{text-align:left;padding:.3rem .8rem .3rem 0;border-top:1px solid "
    "var(--line);"
    "white-space:nowrap;vertical-align:top}thead th{border-top:0;font-weight:500}"
    "tbody th{font-weight:400;color:var(--ink)}"
    "th.n,td.n{text-align:right}.hash{font-family:ui-monospace,monospace;font-size:."
    "85rem}"
    "footer{font-size:.9rem;margin:1.5rem 0}"
    "@media print{body{max-width:none;padding:0;font-size:9pt;background:none}"
    "nav{display:none}section{border:0;padding:0;break-inside:auto}"
    "tr{break-inside:avoid}.wide{overflow:visible}"
    ".hash,thead th{white-space:normal}.hash{font-size:7pt;overflow-wrap:anywhere}}";
/* clang-format on */

/* A page being written; open_memstream() grows it. */
struct page {
    FILE *out;
    enum watch_language language;
    int64_t offset_ms; /* of the zone */
};

static const char *word(const struct page *p, enum watch_word w)
{
    return watch_word(p->language, w);
}

/* --- text ------------------------------------------------------------------------------- */

static void put(const struct page *p, const char *html)
{
    fputs(html, p->out);
}

/* Text from anywhere, harmless between tags and in quoted attributes. */
static void put_text(const struct page *p, const char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '&' || c == '<' || c == '>' || c == '"' || c == '\'')
            fprintf(p->out, "&#%u;", c);
        else if (c < ' ' || c == 0x7f)
            fputc('?', p->out);
        else
            fputc(c, p->out);
    }
}

static void put_tagged(const struct page *p, const char *open, const char *text,
                       const char *close)
{
    put(p, open);
    put_text(p, text);
    put(p, close);
}

static void put_word(const struct page *p, const char *open, enum watch_word w,
                     const char *close)
{
    put_tagged(p, open, word(p, w), close);
}

static const char *text_of(const json_t *o, const char *key)
{
    const char *text = json_string_value(json_object_get(o, key));
    return text != NULL ? text : "";
}

/* --- numbers and times ------------------------------------------------------------------ */

/* "-1234567.05": thousands apart, and the language's decimal sign. Blanks between digits do
 * not break. */
static void format_number(char out[CELL_SIZE], const struct page *p, const char *number)
{
    bool is_english = p->language == WATCH_EN;
    const char *group = is_english ? "," : "\xc2\xa0";
    size_t used = 0, digits;
    if (*number == '-') {
        used = (size_t)snprintf(out, CELL_SIZE, "\xe2\x88\x92"); /* a minus sign */
        number++;
    }
    digits = strcspn(number, ".");
    for (size_t i = 0; i < digits && used + 8 < CELL_SIZE; i++) {
        if (i > 0 && (digits - i) % 3 == 0)
            used += (size_t)snprintf(out + used, CELL_SIZE - used, "%s", group);
        out[used++] = number[i];
    }
    snprintf(out + used, CELL_SIZE - used, "%s%s",
             number[digits] == '\0' ? ""
             : is_english           ? "."
                                    : ",",
             number[digits] == '\0' ? "" : number + digits + 1);
}

static void format_integer(char out[CELL_SIZE], const struct page *p, const json_t *o,
                           const char *key)
{
    char text[24];
    snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT,
             json_integer_value(json_object_get(o, key)));
    format_number(out, p, text);
}

/* Three figures, and a unit that makes them few. */
static void format_rate(char out[CELL_SIZE], const struct page *p, const json_t *rates,
                        const char *key)
{
    static const char *const units[] = {"H/s",  "kH/s", "MH/s", "GH/s",
                                        "TH/s", "PH/s", "EH/s", "ZH/s"};
    double v = json_number_value(json_object_get(rates, key));
    char text[32], number[CELL_SIZE];
    size_t i = 0;
    for (; v >= 1000 && i + 1 < sizeof(units) / sizeof(units[0]); i++)
        v /= 1000;
    snprintf(text, sizeof(text), "%.*f", i == 0 ? 0 : v < 10 ? 2 : v < 100 ? 1 : 0, v);
    format_number(number, p, text);
    snprintf(out, CELL_SIZE, "%s\xc2\xa0%s", number, units[i]);
}

/* What is no amount is said to be none. */
static void format_amount(char out[CELL_SIZE], const struct page *p, const json_t *o,
                          const char *key)
{
    const char *btc = text_of(json_object_get(o, key), "btc");
    format_number(out, p, *btc != '\0' ? btc : "-");
}

/* "2026-11-26 17:05" in the zone, as the language writes dates; null: never. */
static void format_time(char out[CELL_SIZE], const struct page *p, const json_t *o,
                        const char *key)
{
    char t[CLOCK_TEXT_SIZE];
    int64_t ms;
    const char *text = text_of(o, key);
    if (clock_utc_parse(&ms, text, strlen(text)) != KZ_OK) {
        snprintf(out, CELL_SIZE, "%s", word(p, WATCH_NEVER));
        return;
    }
    clock_utc_format(t, ms + p->offset_ms);
    if (p->language == WATCH_EN)
        snprintf(out, CELL_SIZE, "%.10s %.5s", t, t + 11);
    else
        snprintf(out, CELL_SIZE, "%.2s.%.2s.%.4s %.5s", t + 8, t + 5, t, t + 11);
}

/* --- parts ------------------------------------------------------------------------------ */

static void put_pair(const struct page *p, enum watch_word name, const char *value,
                     bool is_sum)
{
    put_word(p, is_sum ? "<dt class=\"sum\">" : "<dt>", name, "</dt>");
    put_tagged(p, is_sum ? "<dd class=\"sum\">" : "<dd>", value, "</dd>\n");
}

static void put_start(const struct page *p, enum watch_word title, bool refreshes)
{
    fprintf(p->out,
            "<!DOCTYPE html>\n<html lang=\"%s\"><head><meta charset=\"utf-8\">\n"
            "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
            "<meta name=\"robots\" content=\"noindex\">\n",
            watch_language_code(p->language));
    if (refreshes)
        fprintf(p->out, "<meta http-equiv=\"refresh\" content=\"%d\">\n",
                WATCH_REFRESH_S);
    put_word(p, "<title>", title, "</title>\n<style>");
    put(p, style);
    put(p, "</style></head><body>\n");
}

static void put_languages(const struct page *p)
{
    put(p, "<nav>");
    for (int i = 0; i < WATCH_LANGUAGES; i++) {
        enum watch_language l = (enum watch_language)i;
        fprintf(p->out, "<a href=\"?lang=%s\" lang=\"%s\"%s>%s</a>",
                watch_language_code(l), watch_language_code(l),
                l == p->language ? " aria-current=\"true\"" : "",
                watch_language_name(l));
    }
    put(p, "</nav>\n");
}

static enum watch_word state_word(const char *state)
{
    static const struct {
        const char *name;
        enum watch_word word;
    } states[] = {{"registering", WATCH_REGISTERING},
                  {"active", WATCH_ACTIVE},
                  {"attention", WATCH_ATTENTION},
                  {"paused", WATCH_PAUSED}};
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
        if (strcmp(state, states[i].name) == 0)
            return states[i].word;
    return WATCH_ENDED;
}

static void put_header(const struct page *p, const json_t *view)
{
    put_languages(p);
    put_tagged(p, "<header><div><h1>", text_of(view, "miner"), "</h1>\n");
    put_word(p, "<div class=\"dim\">", WATCH_CERTIFICATE, " ");
    const char *number = text_of(view, "certificate");
    put_tagged(p, "", *number != '\0' ? number : "\xe2\x80\x94", "</div></div>\n");
    put_word(p, "<div><span class=\"dim\">", WATCH_STATE, "</span> ");
    put_word(p, "<span class=\"chip\">", state_word(text_of(view, "state")),
             "</span></div></header>\n");
}

static void put_rates(const struct page *p, const json_t *view)
{
    static const struct {
        const char *key;
        enum watch_word word;
    } spans[] = {
        {"1m", WATCH_1M}, {"10m", WATCH_10M}, {"1h", WATCH_1H}, {"24h", WATCH_24H}};
    char cell[CELL_SIZE];
    const json_t *rates = json_object_get(view, "hashrate");
    put_word(p, "<section><h2>", WATCH_HASHRATE, "</h2>\n");
    format_rate(cell, p, rates, "10m");
    put_tagged(p, "<p class=\"big\">", cell, "</p><dl>\n");
    for (size_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++) {
        format_rate(cell, p, rates, spans[i].key);
        put_pair(p, spans[i].word, cell, false);
    }
    put(p, "</dl></section>\n");
}

static void put_shares(const struct page *p, const json_t *view)
{
    char cell[CELL_SIZE];
    const json_t *shares = json_object_get(view, "shares");
    put_word(p, "<section><h2>", WATCH_SHARES, "</h2><dl>\n");
    format_integer(cell, p, shares, "accepted");
    put_pair(p, WATCH_ACCEPTED, cell, false);
    format_integer(cell, p, shares, "refused");
    put_pair(p, WATCH_REFUSED, cell, false);
    format_number(cell, p, text_of(shares, "work"));
    put_pair(p, WATCH_WORK, cell, false);
    format_time(cell, p, shares, "last");
    put_pair(p, WATCH_LAST_SHARE, cell, false);
    put(p, "</dl></section>\n");
}

struct money {
    const char *key;
    enum watch_word word;
    bool is_sum;
    bool only_if_any; /* what hardly anybody has */
};

static void put_money(const struct page *p, enum watch_word title, const json_t *from,
                      const struct money *rows, size_t count)
{
    char cell[CELL_SIZE];
    put_word(p, "<section><h2>", title, "</h2><dl>\n");
    for (size_t i = 0; i < count; i++) {
        const json_t *amount = json_object_get(from, rows[i].key);
        if (rows[i].only_if_any &&
            json_integer_value(json_object_get(amount, "sat")) == 0)
            continue;
        format_amount(cell, p, from, rows[i].key);
        put_pair(p, rows[i].word, cell, rows[i].is_sum);
    }
    put(p, "</dl></section>\n");
}

static void put_balances(const struct page *p, const json_t *view)
{
    static const struct money balance[] = {
        {"immature", WATCH_IMMATURE, false, false},
        {"mature", WATCH_MATURE, false, false},
        {"held", WATCH_HELD, false, true},
        {"reserved", WATCH_RESERVED, false, true},
        {"receivable", WATCH_RECEIVABLE, false, true},
        {"total", WATCH_TOTAL, true, false}};
    static const struct money period[] = {{"credited", WATCH_CREDITED, false, false},
                                          {"paid", WATCH_PAID, false, false},
                                          {"reversed", WATCH_REVERSED, false, true},
                                          {"adjusted", WATCH_ADJUSTED, false, true}};
    put_money(p, WATCH_BALANCE, json_object_get(view, "balance"), balance,
              sizeof(balance) / sizeof(balance[0]));
    put_money(p, WATCH_PERIOD, json_object_get(view, "period"), period,
              sizeof(period) / sizeof(period[0]));
}

/* --- tables ----------------------------------------------------------------------------- */

struct column {
    enum watch_word word;
    bool is_number;
};

static void put_columns(const struct page *p, enum watch_word title,
                        const struct column *columns, size_t count)
{
    put_word(p, "<section><h2>", title,
             "</h2><div class=\"wide\"><table><thead><tr>\n");
    for (size_t i = 0; i < count; i++)
        put_word(p,
                 columns[i].is_number ? "<th scope=\"col\" class=\"n\">"
                                      : "<th scope=\"col\">",
                 columns[i].word, "</th>");
    put(p, "</tr></thead><tbody>\n");
}

static void put_cell(const struct page *p, const char *text)
{
    put_tagged(p, "<td>", text, "</td>");
}

static void put_number_cell(const struct page *p, const char *text)
{
    put_tagged(p, "<td class=\"n\">", text, "</td>");
}

/* A table's end, or a sentence that there is nothing in it. */
static void put_table_end(const struct page *p, const json_t *rows,
                          enum watch_word none)
{
    put(p, "</tbody></table></div>");
    if (json_array_size(rows) == 0)
        put_word(p, "<p class=\"dim\">", none, "</p>");
    put(p, "</section>\n");
}

static void put_worker(const struct page *p, const json_t *w)
{
    char cell[CELL_SIZE];
    put_tagged(p, "<tr><th scope=\"row\">", text_of(w, "name"), "</th>");
    format_rate(cell, p, json_object_get(w, "hashrate"), "10m");
    put_number_cell(p, cell);
    format_integer(cell, p, w, "accepted");
    put_number_cell(p, cell);
    format_integer(cell, p, w, "refused");
    put_number_cell(p, cell);
    format_time(cell, p, w, "last");
    put_cell(p, cell);
    format_integer(cell, p, w, "live");
    put_number_cell(p, cell);
    put_cell(p, text_of(w, "software"));
    put(p, "</tr>\n");
}

static void put_workers(const struct page *p, const json_t *view)
{
    static const struct column columns[] = {
        {WATCH_NAME, false},    {WATCH_HASHRATE, true},    {WATCH_ACCEPTED, true},
        {WATCH_REFUSED, true},  {WATCH_LAST_SHARE, false}, {WATCH_CONNECTED, true},
        {WATCH_SOFTWARE, false}};
    size_t i;
    json_t *w, *rows = json_object_get(view, "workers");
    json_int_t all = json_integer_value(json_object_get(view, "worker_count"));
    json_int_t hidden = all - (json_int_t)json_array_size(rows);
    put_columns(p, WATCH_WORKERS, columns, sizeof(columns) / sizeof(columns[0]));
    json_array_foreach(rows, i, w) put_worker(p, w);
    if (hidden > 0)
        fprintf(p->out,
                "<tr><td colspan=\"7\">+%" JSON_INTEGER_FORMAT " %s</td></tr>\n",
                hidden, word(p, WATCH_AND_MORE));
    put_table_end(p, rows, WATCH_NO_WORKERS);
}

static enum watch_word kind_word(const char *kind)
{
    return strcmp(kind, "credit") == 0     ? WATCH_CREDIT
           : strcmp(kind, "reversal") == 0 ? WATCH_REVERSAL
                                           : WATCH_ADJUSTMENT;
}

static void put_hash_cell(const struct page *p, const char *hash)
{
    put_tagged(p, "<td class=\"hash\">", hash, "</td>");
}

static void put_credits(const struct page *p, const json_t *view)
{
    static const struct column columns[] = {{WATCH_TIME, false},
                                            {WATCH_KIND, false},
                                            {WATCH_AMOUNT, true},
                                            {WATCH_BLOCK, false}};
    char cell[CELL_SIZE];
    size_t i;
    json_t *c, *rows = json_object_get(view, "credits");
    put_columns(p, WATCH_CREDITS, columns, sizeof(columns) / sizeof(columns[0]));
    json_array_foreach(rows, i, c)
    {
        format_time(cell, p, c, "time");
        put_tagged(p, "<tr><th scope=\"row\">", cell, "</th>");
        put_cell(p, word(p, kind_word(text_of(c, "kind"))));
        format_amount(cell, p, c, "amount");
        put_number_cell(p, cell);
        put_hash_cell(p, text_of(c, "block"));
        put(p, "</tr>\n");
    }
    put_table_end(p, rows, WATCH_NO_CREDITS);
}

static void put_payments(const struct page *p, const json_t *view)
{
    static const struct column columns[] = {{WATCH_TIME, false},
                                            {WATCH_AMOUNT, true},
                                            {WATCH_TRANSACTION, false},
                                            {WATCH_OUTPUT, true}};
    char cell[CELL_SIZE];
    size_t i;
    json_t *c, *rows = json_object_get(view, "payments");
    put_columns(p, WATCH_PAYMENTS, columns, sizeof(columns) / sizeof(columns[0]));
    json_array_foreach(rows, i, c)
    {
        bool has_output = json_is_integer(json_object_get(c, "vout"));
        format_time(cell, p, c, "time");
        put_tagged(p, "<tr><th scope=\"row\">", cell, "</th>");
        format_amount(cell, p, c, "amount");
        put_number_cell(p, cell);
        put_hash_cell(p, text_of(c, "reference"));
        format_integer(cell, p, c, "vout");
        put_number_cell(p, has_output ? cell : "");
        put(p, "</tr>\n");
    }
    put_table_end(p, rows, WATCH_NO_PAYMENTS);
}

static void put_footer(const struct page *p, const json_t *view)
{
    char cell[CELL_SIZE];
    int64_t minutes = p->offset_ms / 60000, size = minutes < 0 ? -minutes : minutes;
    format_time(cell, p, view, "made_at");
    put_word(p, "<footer><p>", WATCH_MADE_AT, " ");
    put_tagged(p, "", cell, ". ");
    format_time(cell, p, view, "until");
    put_word(p, "", WATCH_UNTIL, " ");
    put_tagged(p, "", cell, ". ");
    put_word(p, "", WATCH_ALL_TIMES, ": ");
    put_text(p, text_of(json_object_get(view, "zone"), "name"));
    fprintf(p->out, " (UTC%c%02d:%02d).</p>\n", minutes < 0 ? '-' : '+',
            (int)(size / 60), (int)(size % 60));
    put_word(p, "<p>", WATCH_POOL, ": ");
    put_text(p, text_of(view, "pool"));
    if (strcmp(text_of(view, "network"), "main") != 0)
        put_tagged(p, " (", text_of(view, "network"), ")");
    put_word(p, ". ", WATCH_NOTE, "</p></footer>\n");
}

/* --- pages ------------------------------------------------------------------------------ */

/* `text` is the stream's; what is returned is as all memory here. */
static char *finish(struct page *p, char **text, const size_t *size)
{
    put(p, "</body></html>\n");
    int failed = fclose(p->out);
    assert(failed == 0); /* out of memory, as conf/mem.h */
    char *page = mem_copy(*text, *size);
    free(*text); /* allowed: open_memstream() allocated it */
    return page;
}

char *watch_page(const json_t *view, enum watch_language language)
{
    char *text = NULL;
    size_t size = 0;
    const json_t *zone = json_object_get(view, "zone");
    struct page p = {.out = open_memstream(&text, &size), .language = language};
    assert(p.out != NULL);
    p.offset_ms =
        json_integer_value(json_object_get(zone, "utc_offset_minutes")) * 60000;
    put_start(&p, WATCH_TITLE, true);
    put_header(&p, view);
    put(&p, "<main><div class=\"cards\">\n");
    put_rates(&p, view);
    put_shares(&p, view);
    put_balances(&p, view);
    put(&p, "</div>\n");
    put_workers(&p, view);
    put_credits(&p, view);
    put_payments(&p, view);
    put(&p, "</main>\n");
    put_footer(&p, view);
    return finish(&p, &text, &size);
}

char *watch_page_plain(enum watch_language language, enum watch_word heading,
                       enum watch_word sentence)
{
    char *text = NULL;
    size_t size = 0;
    struct page p = {.out = open_memstream(&text, &size), .language = language};
    assert(p.out != NULL);
    put_start(&p, heading, false);
    put_languages(&p);
    put_word(&p, "<main><h1>", heading, "</h1>\n");
    put_word(&p, "<p>", sentence, "</p></main>\n");
    return finish(&p, &text, &size);
}

void watch_page_style_hash(char out[WATCH_STYLE_HASH_SIZE])
{
    unsigned char hash[SHA256_DIGEST_LENGTH];
    SHA256((const unsigned char *)style, sizeof(style) - 1, hash);
    EVP_EncodeBlock((unsigned char *)out, hash, sizeof(hash));
}
