/* Can the pool bear to pay for shares before it finds blocks?
 *
 * What is the pool's own: coins and receivables less everything owed (I5). As all accounts
 * sum to 0, that is the income, expenses and capital alone, with the other sign; so the
 * miners' balances need not be read.
 *
 *   below payout.pps_reserve   a warning, in the log and in status
 *   below 0                    pay per share is suspended: from the next template on slices
 *                              are marked as PPLNS's. Slices closed until then were
 *                              promised, and are credited.
 *
 * It stays suspended, also over a restart (KEY_FALLBACK), until an operator asks again, by
 * a reload or a restart, and the pool's own is at least payout.pps_reserve. */
#include "pool/accounts_parts.h"

#include "conf/clock.h"
#include "share/keys.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static bool is_pools_own(const char *text)
{
    struct account account;
    if (account_parse(&account, text, strlen(text)) != KZ_OK)
        return false;
    switch (account_kind(&account)) {
    case ACCOUNT_IS_INCOME:
    case ACCOUNT_IS_EXPENSE:
    case ACCOUNT_IS_EQUITY:
        return true;
    case ACCOUNT_IS_ASSET:
    case ACCOUNT_IS_LIABILITY:
        break;
    }
    return false;
}

static bool read_solvency(int64_t *sat, struct accounts *a)
{
    json_t *accounts, *value;
    const char *name;
    int64_t sum = 0;
    if (store_read_hash(&accounts, a->store, KEY_ACCOUNTS) != KZ_OK)
        return false;
    json_object_foreach(accounts, name, value)
    {
        if (is_pools_own(name))
            sum -= accounts_number(accounts, name);
    }
    json_decref(accounts);
    *sat = sum;
    return true;
}

static bool read_is_suspended(bool *is, struct accounts *a)
{
    json_t *text;
    enum kz_err err = store_read_field(&text, a->store, KEY_FALLBACK, a->conf.instance);
    if (err != KZ_OK && err != KZ_EMPTY)
        return false;
    *is = err == KZ_OK && json_string_value(text)[0] != '\0';
    if (err == KZ_OK)
        json_decref(text);
    return true;
}

static bool write_is_suspended(struct accounts *a, bool is)
{
    char since[24] = "";
    if (is)
        snprintf(since, sizeof(since), "%" PRId64, clock_utc_ms());
    return accounts_write(a, json_pack("{s:[], s:[[s, s, s]]}", "entries", "marks",
                                       "fallback", a->conf.instance, since));
}

static void tell(struct accounts *a, int64_t solvency, bool is_suspended)
{
    char text[ACCOUNTS_ALARM] = "";
    if (is_suspended)
        snprintf(text, sizeof(text),
                 "%s is suspended and PPLNS in force: the pool's own is %" PRId64
                 " satoshi; restore payout.pps_reserve, then reload",
                 scheme_name((enum scheme)a->conf.payout.scheme), solvency);
    else if (solvency < a->conf.payout.pps_reserve_sat)
        snprintf(text, sizeof(text),
                 "the pool's own is %" PRId64
                 " satoshi, below payout.pps_reserve of %" PRId64,
                 solvency, a->conf.payout.pps_reserve_sat);
    pthread_mutex_lock(&a->lock);
    bool is_new = (a->warning[0] == '\0') != (text[0] == '\0');
    snprintf(a->warning, sizeof(a->warning), "%s", text);
    a->solvency = solvency;
    a->knows_solvency = true;
    pthread_mutex_unlock(&a->lock);
    if (is_new && !is_suspended && text[0] != '\0')
        log_warn("pps_reserve_low", kv_i64("solvency", solvency),
                 kv_i64("reserve", a->conf.payout.pps_reserve_sat));
}

/* False: not now. */
static bool change(struct accounts *a, bool to, int64_t solvency)
{
    const char *scheme = scheme_name((enum scheme)a->conf.payout.scheme);
    if (!write_is_suspended(a, to))
        return false;
    atomic_store(&a->is_suspended, to);
    if (to)
        log_error("pps_suspended", kv_str("scheme", scheme), kv_str("now", "pplns"),
                  kv_i64("solvency", solvency));
    else
        log_warn("pps_resumed", kv_str("scheme", scheme), kv_i64("solvency", solvency));
    return true;
}

bool reserve_judge(struct accounts *a)
{
    int64_t solvency;
    bool is = atomic_load(&a->is_suspended);
    /* Old slices of pay per share under another scheme: nothing to be suspended. */
    if (!scheme_pays_shares((enum scheme)a->conf.payout.scheme))
        return true;
    if (!read_solvency(&solvency, a) || (!a->is_judged && !read_is_suspended(&is, a)))
        return false;
    bool is_asked = !a->is_judged || atomic_load(&a->look_again);
    bool was = is;
    if (is && is_asked && solvency >= a->conf.payout.pps_reserve_sat)
        is = false;
    else if (!is && solvency < 0)
        is = true;
    if (is != was && !change(a, is, solvency))
        return false;
    if (is && !a->is_judged && was)
        log_error("pps_suspended", kv_str("now", "pplns"),
                  kv_i64("solvency", solvency));
    atomic_store(&a->is_suspended, is);
    atomic_store(&a->look_again, false);
    a->is_judged = true;
    tell(a, solvency, is);
    return true;
}

struct slice_terms accounts_terms_in_force(struct accounts *a)
{
    struct conf conf = a->conf;
    if (atomic_load(&a->is_suspended))
        conf.payout.scheme = CONF_PPLNS;
    return accounts_terms(&conf);
}

void accounts_look_again(struct accounts *a)
{
    atomic_store(&a->look_again, true);
    accounts_wake(a);
}
