/* The operator's own money in the ledger: what is put in so that pay per share can owe before
 * it earns, and what is taken out. Two persons answer for each entry. */
#include "pool/accounts_parts.h"

#include "conf/clock.h"
#include "share/bytes.h"
#include "share/keys.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum kz_err accounts_capital(struct accounts *a, const struct capital_request *r)
{
    pthread_mutex_lock(&a->lock);
    bool is_free = !a->has_capital;
    if (is_free) {
        a->capital = *r;
        a->has_capital = true;
        a->wake = true;
        pthread_cond_signal(&a->is_awake);
    }
    pthread_mutex_unlock(&a->lock);
    return is_free ? KZ_OK : KZ_BUSY;
}

/* The number of the last such entry; false: not now. */
static bool read_number(uint64_t *n, struct accounts *a)
{
    json_t *text;
    char key[KEY_SIZE];
    key_mark(key, "capital");
    enum kz_err err = store_read_field(&text, a->store, key, "n");
    *n = 0;
    if (err != KZ_OK)
        return err == KZ_EMPTY;
    *n = decimal_of(json_string_value(text));
    json_decref(text);
    return true;
}

static enum kz_err make_entry(struct entry *e, const struct capital_request *r,
                              uint64_t n)
{
    struct amount amount;
    const struct postings_manual m = {
        .id = "", .n = n, .basis = &r->basis, .time_ms = clock_utc_ms()};
    if (!amount_from_sat(&amount, r->sat > 0 ? r->sat : -r->sat))
        return KZ_RANGE;
    return r->sat > 0 ? postings_capital_in(e, amount, &m)
                      : postings_capital_out(e, amount, &m);
}

/* What is mature, free of debts and not lent out already is all that may leave. */
static enum kz_err check_out(struct accounts *a, const struct capital_request *r)
{
    json_t *accounts;
    enum kz_err err = store_read_hash(&accounts, a->store, KEY_ACCOUNTS);
    if (err != KZ_OK)
        return KZ_IO;
    int64_t coins = accounts_number(accounts, "coins.mature");
    json_decref(accounts);
    return -r->sat <= coins ? KZ_OK : KZ_RANGE;
}

static enum kz_err book(struct accounts *a, const struct capital_request *r,
                        const char **text)
{
    struct entry e;
    uint64_t n;
    char number[24];
    *text = "Redis is away; nothing was booked";
    if (!read_number(&n, a))
        return KZ_IO;
    enum kz_err err = r->sat < 0 ? check_out(a, r) : KZ_OK;
    if (err != KZ_OK) {
        *text = err == KZ_RANGE ? "more than the mature coins that the ledger knows"
                                : *text;
        return err;
    }
    if (make_entry(&e, r, n + 1) != KZ_OK) {
        *text = "needs an amount, a reason, and two persons who are not the same";
        return KZ_RANGE;
    }
    snprintf(number, sizeof(number), "%" PRIu64, n + 1);
    a->accounts_changed = true;
    if (accounts_write(a,
                       json_pack("{s:[o], s:[[s, s, s]]}", "entries",
                                 accounts_entry(&e), "marks", "capital", "n", number)))
        return KZ_OK;
    if (a->is_journaled)
        *text = "it is journaled, and booked when Redis is back: do not repeat it";
    return KZ_IO;
}

void capital_step(struct accounts *a, bool may_book)
{
    pthread_mutex_lock(&a->lock);
    const struct capital_request r = a->capital;
    bool has = a->has_capital;
    a->has_capital = false;
    pthread_mutex_unlock(&a->lock);
    if (!has)
        return;
    const char *text = "the accounts wait for Redis; nothing was booked";
    enum kz_err err = may_book ? book(a, &r, &text) : KZ_IO;
    if (err == KZ_OK)
        log_info("capital_booked", kv_i64("sat", r.sat),
                 kv_str("reason", r.basis.reason), kv_str("by", r.basis.by[0]),
                 kv_str("and_by", r.basis.by[1]));
    r.on_done(r.ctx, err, err == KZ_OK ? "" : text);
}
