#include "payout/entry.h"

#include "conf/mem.h"

#include <assert.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define ROOM_FIRST 8

bool entry_basis_is_double(const struct entry_basis *basis)
{
    return basis->reason[0] != '\0' && basis->by[0][0] != '\0' &&
           basis->by[1][0] != '\0' && strcmp(basis->by[0], basis->by[1]) != 0;
}

void entry_init(struct entry *e, enum entry_kind kind, int64_t time_ms)
{
    memset(e, 0, sizeof(*e));
    e->key.kind = kind;
    e->time_ms = time_ms;
}

void entry_clear(struct entry *e)
{
    if (e == NULL)
        return;
    mem_free(e->postings);
    mem_free(e->outputs);
    memset(e, 0, sizeof(*e));
}

void entry_copy(struct entry *to, const struct entry *from)
{
    *to = *from;
    to->postings =
        mem_copy(from->postings, from->posting_count * sizeof(*from->postings));
    to->outputs = mem_copy(from->outputs, from->output_count * sizeof(*from->outputs));
    to->posting_room = from->posting_count;
    to->output_room = from->output_count;
}

void entry_post(struct entry *e, const struct account *account, struct amount amount)
{
    if (e->posting_count == e->posting_room) {
        e->posting_room = e->posting_room == 0 ? ROOM_FIRST : 2 * e->posting_room;
        e->postings = mem_resize(e->postings, e->posting_room * sizeof(*e->postings));
    }
    e->postings[e->posting_count++] = (struct posting){*account, amount};
}

void entry_pay(struct entry *e, const struct entry_output *output)
{
    if (e->output_count == e->output_room) {
        e->output_room = e->output_room == 0 ? ROOM_FIRST : 2 * e->output_room;
        e->outputs = mem_resize(e->outputs, e->output_room * sizeof(*e->outputs));
    }
    e->outputs[e->output_count++] = *output;
}

static int by_account(const void *a, const void *b)
{
    const struct posting *x = a, *y = b;
    return account_compare(&x->account, &y->account);
}

static int by_vout(const void *a, const void *b)
{
    const struct entry_output *x = a, *y = b;
    return x->vout < y->vout ? -1 : x->vout > y->vout ? 1 : 0;
}

/* Sorted postings: those of one account become one, zeros go. */
static bool merge(struct entry *e)
{
    size_t kept = 0;
    for (size_t i = 0; i < e->posting_count;) {
        struct posting sum = e->postings[i++];
        for (; i < e->posting_count && by_account(&sum, &e->postings[i]) == 0; i++)
            if (!amount_add(&sum.amount, sum.amount, e->postings[i].amount))
                return false;
        if (!amount_is_zero(sum.amount))
            e->postings[kept++] = sum;
    }
    e->posting_count = kept;
    return true;
}

/* I1 for one entry. */
static bool sums_to_zero(const struct entry *e)
{
    struct amount sum = amount_zero();
    for (size_t i = 0; i < e->posting_count; i++)
        if (!amount_add(&sum, sum, e->postings[i].amount))
            return false;
    return amount_is_zero(sum);
}

static bool are_outputs_sound(const struct entry *e)
{
    for (size_t i = 0; i < e->output_count; i++) {
        const struct entry_output *o = &e->outputs[i];
        if (amount_is_negative(o->value) || amount_is_zero(o->value))
            return false;
        if (i > 0 && e->outputs[i - 1].vout == o->vout)
            return false;
    }
    return true;
}

/* UTF-8 without control characters: so that it prints as one line anywhere, and its
 * JSON needs no escape with two spellings. */
static bool is_text(const char *text)
{
    for (const char *p = text; *p != '\0'; p++)
        if ((*p >= 0 && *p < ' ') || *p == 0x7f)
            return false;
    json_t *checked = json_string(text);
    bool is_utf8 = checked != NULL;
    json_decref(checked);
    return is_utf8;
}

/* A second person only behind a first. */
static bool is_basis(const struct entry_basis *basis)
{
    return is_text(basis->reason) && is_text(basis->by[0]) && is_text(basis->by[1]) &&
           (basis->by[0][0] != '\0' || basis->by[1][0] == '\0');
}

enum kz_err entry_seal_part(struct entry *e)
{
    char key[ENTRY_KEY_SIZE];
    enum kz_err err = entry_key_format(key, &e->key);
    if (err != KZ_OK)
        return err;
    if (!is_text(e->reference) || !is_basis(&e->basis))
        return KZ_PARSE;
    if (e->posting_count > ENTRY_PARTS_MAX || e->output_count > ENTRY_PARTS_MAX ||
        e->time_ms < 0)
        return KZ_RANGE;
    if (e->posting_count > 0)
        qsort(e->postings, e->posting_count, sizeof(*e->postings), by_account);
    if (e->output_count > 0)
        qsort(e->outputs, e->output_count, sizeof(*e->outputs), by_vout);
    return merge(e) && are_outputs_sound(e) ? KZ_OK : KZ_RANGE;
}

enum kz_err entry_seal(struct entry *e)
{
    enum kz_err err = entry_seal_part(e);
    return err == KZ_OK && !sums_to_zero(e) ? KZ_RANGE : err;
}

struct amount entry_amount(const struct entry *e, const struct account *account)
{
    struct posting wanted = {.account = *account};
    if (e->posting_count == 0)
        return amount_zero();
    const struct posting *p = bsearch(&wanted, e->postings, e->posting_count,
                                      sizeof(*e->postings), by_account);
    return p != NULL ? p->amount : amount_zero();
}

const struct entry_output *entry_output_of(const struct entry *e,
                                           const struct miner_id *miner)
{
    for (size_t i = 0; i < e->output_count; i++)
        if (miner_id_equal(&e->outputs[i].miner, miner))
            return &e->outputs[i];
    return NULL;
}

/* The range of money is the same on both sides of zero. */
struct amount entry_turned(struct amount a)
{
    struct amount turned = amount_zero();
    bool fits = amount_sub(&turned, turned, a);
    assert(fits);
    (void)fits;
    return turned;
}

static void add_number(struct sha256_state *s, uint64_t n)
{
    uint8_t le[8];
    write_le64(le, n);
    sha256_add(s, le, sizeof(le));
}

/* With its zero byte: so that neighbours cannot run into each other. */
static void add_text(struct sha256_state *s, const char *text)
{
    sha256_add(s, text, strlen(text) + 1);
}

void entry_content_hash(struct hash256 *out, const struct entry *e)
{
    char text[ACCOUNT_TEXT_SIZE];
    struct sha256_state s;
    sha256_begin(&s);
    add_text(&s, entry_kind_name(e->key.kind));
    add_text(&s, e->key.object);
    add_number(&s, e->posting_count);
    for (size_t i = 0; i < e->posting_count; i++) {
        account_format(text, &e->postings[i].account);
        add_text(&s, text);
        add_number(&s, (uint64_t)amount_to_sat(e->postings[i].amount));
    }
    for (size_t i = 0; i < e->output_count; i++) {
        add_text(&s, e->outputs[i].miner.text);
        add_number(&s, e->outputs[i].vout);
        add_number(&s, (uint64_t)amount_to_sat(e->outputs[i].value));
    }
    sha256_end_double(out, &s);
}
