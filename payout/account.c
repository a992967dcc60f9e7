#include "payout/account.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum parts { PARTS_NONE, PARTS_MINER, PARTS_PAYOUT_MINER };

struct row {
    const char *text;
    enum account_kind kind;
    enum parts parts;
    bool is_pending;
};

static const struct row rows[ACCOUNT_NAMES] = {
    [ACCOUNT_COINS_IMMATURE] = {"coins.immature", ACCOUNT_IS_ASSET, PARTS_NONE, true},
    [ACCOUNT_COINS_MATURE] = {"coins.mature", ACCOUNT_IS_ASSET, PARTS_NONE, false},
    [ACCOUNT_COINS_DIRECT] = {"coins.direct", ACCOUNT_IS_ASSET, PARTS_NONE, true},
    [ACCOUNT_RECEIVABLE] = {"receivable", ACCOUNT_IS_ASSET, PARTS_MINER, false},
    [ACCOUNT_IMMATURE] = {"immature", ACCOUNT_IS_LIABILITY, PARTS_MINER, true},
    [ACCOUNT_MATURE] = {"mature", ACCOUNT_IS_LIABILITY, PARTS_MINER, false},
    [ACCOUNT_HELD] = {"held", ACCOUNT_IS_LIABILITY, PARTS_MINER, false},
    [ACCOUNT_RESERVED] = {"reserved", ACCOUNT_IS_LIABILITY, PARTS_PAYOUT_MINER, false},
    [ACCOUNT_FEE_IMMATURE] = {"fee.immature", ACCOUNT_IS_INCOME, PARTS_NONE, true},
    [ACCOUNT_FEE] = {"fee", ACCOUNT_IS_INCOME, PARTS_NONE, false},
    [ACCOUNT_BLOCK_IMMATURE] = {"block.immature", ACCOUNT_IS_INCOME, PARTS_NONE, true},
    [ACCOUNT_BLOCK] = {"block", ACCOUNT_IS_INCOME, PARTS_NONE, false},
    [ACCOUNT_NETWORK_FEE] = {"network_fee", ACCOUNT_IS_EXPENSE, PARTS_NONE, false},
    [ACCOUNT_PPS_COST] = {"pps_cost", ACCOUNT_IS_EXPENSE, PARTS_NONE, false},
    [ACCOUNT_CAPITAL] = {"capital", ACCOUNT_IS_EQUITY, PARTS_NONE, false},
};

enum kz_err payout_id_parse(struct payout_id *id, const char *text, size_t len)
{
    if (len < 1 || len > PAYOUT_ID_MAX)
        return KZ_PARSE;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'))
            return KZ_PARSE;
    }
    memset(id->text, 0, sizeof(id->text));
    memcpy(id->text, text, len);
    return KZ_OK;
}

bool payout_id_equal(const struct payout_id *a, const struct payout_id *b)
{
    return strcmp(a->text, b->text) == 0;
}

struct account account_pool(enum account_name name)
{
    assert(name < ACCOUNT_NAMES && rows[name].parts == PARTS_NONE);
    return (struct account){.name = name};
}

struct account account_miner(enum account_name name, const struct miner_id *miner)
{
    assert(name < ACCOUNT_NAMES && rows[name].parts == PARTS_MINER);
    return (struct account){.name = name, .miner = *miner};
}

struct account account_reserved(const struct payout_id *payout,
                                const struct miner_id *miner)
{
    return (struct account){
        .name = ACCOUNT_RESERVED, .payout = *payout, .miner = *miner};
}

/* The name that is all of text[0 .. len), or ACCOUNT_NAMES. */
static enum account_name find_name(const char *text, size_t len)
{
    enum account_name name = ACCOUNT_COINS_IMMATURE;
    for (; name < ACCOUNT_NAMES; name++)
        if (strlen(rows[name].text) == len && memcmp(rows[name].text, text, len) == 0)
            break;
    return name;
}

static size_t part_len(const char *text, size_t len)
{
    const char *colon = len > 0 ? memchr(text, ':', len) : NULL;
    return colon != NULL ? (size_t)(colon - text) : len;
}

enum kz_err account_parse(struct account *a, const char *text, size_t len)
{
    size_t first = part_len(text, len);
    struct account made = {.name = find_name(text, first)};
    if (made.name == ACCOUNT_NAMES)
        return KZ_PARSE;
    bool has_more = first < len;
    if (has_more != account_has_miner(made.name))
        return KZ_PARSE;
    const char *rest = has_more ? text + first + 1 : text + first;
    size_t rest_len = (size_t)(text + len - rest);
    if (account_has_payout(made.name)) {
        size_t second = part_len(rest, rest_len);
        if (second == rest_len || payout_id_parse(&made.payout, rest, second) != KZ_OK)
            return KZ_PARSE;
        rest += second + 1;
        rest_len -= second + 1;
    }
    if (has_more && miner_id_parse(&made.miner, rest, rest_len) != KZ_OK)
        return KZ_PARSE;
    *a = made;
    return KZ_OK;
}

void account_format(char out[ACCOUNT_TEXT_SIZE], const struct account *a)
{
    const char *name = rows[a->name].text;
    switch (rows[a->name].parts) {
    case PARTS_NONE:
        snprintf(out, ACCOUNT_TEXT_SIZE, "%s", name);
        break;
    case PARTS_MINER:
        snprintf(out, ACCOUNT_TEXT_SIZE, "%s:%s", name, a->miner.text);
        break;
    case PARTS_PAYOUT_MINER:
        snprintf(out, ACCOUNT_TEXT_SIZE, "%s:%s:%s", name, a->payout.text,
                 a->miner.text);
        break;
    }
}

enum account_kind account_kind(const struct account *a)
{
    return rows[a->name].kind;
}

bool account_has_miner(enum account_name name)
{
    return rows[name].parts != PARTS_NONE;
}

bool account_has_payout(enum account_name name)
{
    return rows[name].parts == PARTS_PAYOUT_MINER;
}

bool account_is_pending(enum account_name name)
{
    return rows[name].is_pending;
}

int account_compare(const struct account *a, const struct account *b)
{
    if (a->name != b->name)
        return a->name < b->name ? -1 : 1;
    int by_payout = strcmp(a->payout.text, b->payout.text);
    return by_payout != 0 ? by_payout : strcmp(a->miner.text, b->miner.text);
}
