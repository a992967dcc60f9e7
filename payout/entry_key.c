#include "payout/entry_key.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum form { FORM_OBJECT, FORM_MINER, FORM_PPS, FORM_NUMBER, FORM_NAME };
enum counter { COUNTER_NONE, COUNTER_FROM_1, COUNTER_0_UNSAID };

struct row {
    const char *name;
    enum form form;
    const char *prefix;
    const char *verb;
    enum counter counter;
};

static const struct row rows[ENTRY_KINDS] = {
    [ENTRY_BLOCK_ACCEPTED] = {"block_accepted", FORM_OBJECT, "blk", "accept",
                              COUNTER_NONE},
    [ENTRY_BLOCK_ORPHANED] = {"block_orphaned", FORM_OBJECT, "blk", "orphan",
                              COUNTER_FROM_1},
    [ENTRY_BLOCK_REVIVED] = {"block_revived", FORM_OBJECT, "blk", "revive",
                             COUNTER_FROM_1},
    [ENTRY_BLOCK_MATURED] = {"block_matured", FORM_OBJECT, "blk", "mature",
                             COUNTER_NONE},
    [ENTRY_PPS_ACCRUAL] = {"pps_accrual", FORM_PPS, "pps", "to", COUNTER_FROM_1},
    [ENTRY_HOLD] = {"hold", FORM_MINER, "mn", "hold", COUNTER_FROM_1},
    [ENTRY_RELEASE] = {"release", FORM_MINER, "mn", "release", COUNTER_FROM_1},
    [ENTRY_PAYOUT_RESERVED] = {"payout_reserved", FORM_OBJECT, "po", "reserve",
                               COUNTER_NONE},
    [ENTRY_PAYOUT_CONFIRMED] = {"payout_confirmed", FORM_OBJECT, "po", "confirm",
                                COUNTER_0_UNSAID},
    [ENTRY_PAYOUT_UNCONFIRMED] = {"payout_unconfirmed", FORM_OBJECT, "po", "unconfirm",
                                  COUNTER_FROM_1},
    [ENTRY_PAYOUT_ABANDONED] = {"payout_abandoned", FORM_OBJECT, "po", "abandon",
                                COUNTER_NONE},
    [ENTRY_CAPITAL_IN] = {"capital_in", FORM_NUMBER, "cap", "", COUNTER_FROM_1},
    [ENTRY_CAPITAL_OUT] = {"capital_out", FORM_NUMBER, "cap", "", COUNTER_FROM_1},
    [ENTRY_CORRECTION] = {"correction", FORM_NAME, "adj", "", COUNTER_NONE},
    [ENTRY_OVERPAYMENT_FOUND] = {"overpayment_found", FORM_NAME, "adj", "",
                                 COUNTER_NONE},
    [ENTRY_OVERPAYMENT_NETTED] = {"overpayment_netted", FORM_NAME, "adj", "",
                                  COUNTER_NONE},
    [ENTRY_PAYOUT_FEE] = {"payout_fee", FORM_OBJECT, "po", "fee", COUNTER_FROM_1},
    [ENTRY_PAYOUT_FEE_BACK] = {"payout_fee_back", FORM_OBJECT, "po", "unfee",
                               COUNTER_FROM_1},
};

const char *entry_kind_name(enum entry_kind kind)
{
    return rows[kind].name;
}

enum kz_err entry_kind_parse(enum entry_kind *kind, const char *text, size_t len)
{
    for (enum entry_kind k = ENTRY_BLOCK_ACCEPTED; k < ENTRY_KINDS; k++)
        if (strlen(rows[k].name) == len && memcmp(rows[k].name, text, len) == 0) {
            *kind = k;
            return KZ_OK;
        }
    return KZ_PARSE;
}

static bool is_object(const char *text, const char *more)
{
    for (const char *p = text; *p != '\0'; p++) {
        bool is_letter = (*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9');
        if (!is_letter && strchr(more, *p) == NULL)
            return false;
    }
    return text[0] != '\0';
}

static bool is_miner(const struct miner_id *miner)
{
    struct miner_id same;
    return miner_id_parse(&same, miner->text, strnlen(miner->text, MINER_ID_MAX + 1)) ==
           KZ_OK;
}

/* Objects are hashes, payout ids and UUIDs: upper case stands for what people number
 * by hand, as in the spec's own "B1". */
static bool is_sound(const struct entry_key *k)
{
    const struct row *row = &rows[k->kind];
    struct payout_id id;
    if (k->n > INT64_MAX || (k->n == 0 && row->counter == COUNTER_FROM_1) ||
        (k->n != 0 && row->counter == COUNTER_NONE))
        return false;
    switch (row->form) {
    case FORM_OBJECT:
        if (strcmp(row->prefix, "po") == 0)
            return payout_id_parse(&id, k->object, strlen(k->object)) == KZ_OK;
        return is_object(k->object, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-");
    case FORM_NAME:
        return is_object(k->object, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-");
    case FORM_PPS:
        return is_object(k->object, ":.=-") && is_miner(&k->miner);
    case FORM_MINER:
        return is_miner(&k->miner);
    case FORM_NUMBER:
        break;
    }
    return true;
}

enum kz_err entry_key_format(char out[ENTRY_KEY_SIZE], const struct entry_key *k)
{
    const struct row *row = &rows[k->kind];
    char number[24] = "";
    if (!is_sound(k))
        return KZ_PARSE;
    if (k->n != 0)
        snprintf(number, sizeof(number), ":%" PRIu64, k->n);
    switch (row->form) {
    case FORM_OBJECT:
        snprintf(out, ENTRY_KEY_SIZE, "%s:%s:%s%s", row->prefix, k->object, row->verb,
                 number);
        break;
    case FORM_MINER:
        snprintf(out, ENTRY_KEY_SIZE, "%s:%s:%s%s", row->prefix, k->miner.text,
                 row->verb, number);
        break;
    case FORM_PPS:
        snprintf(out, ENTRY_KEY_SIZE, "%s:%s:%s:to=%s", row->prefix, k->object,
                 k->miner.text, number + 1);
        break;
    case FORM_NUMBER:
        snprintf(out, ENTRY_KEY_SIZE, "%s%s", row->prefix, number);
        break;
    case FORM_NAME:
        snprintf(out, ENTRY_KEY_SIZE, "%s:%s", row->prefix, k->object);
        break;
    }
    return KZ_OK;
}

/* All digits; 0 when there are none, too many, or anything else. */
static uint64_t read_number(const char *text, size_t len)
{
    uint64_t n = 0;
    if (len > 19)
        return 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return 0;
        n = n * 10 + (uint64_t)(text[i] - '0');
    }
    return n;
}

static bool copy_object(struct entry_key *k, const char *text, size_t len)
{
    if (len >= sizeof(k->object))
        return false;
    memcpy(k->object, text, len);
    return true;
}

/* Where the last colon of text[0 .. len) stands; `len` when there is none. */
static size_t last_colon(const char *text, size_t len)
{
    for (size_t at = len; at > 0; at--)
        if (text[at - 1] == ':')
            return at - 1;
    return len;
}

/* "<object>:<verb>[:<n>]" */
static bool read_object(struct entry_key *k, const char *text, size_t len)
{
    const char *colon = memchr(text, ':', len);
    if (colon == NULL)
        return false;
    size_t object_len = (size_t)(colon - text);
    size_t verb_end = object_len + 1 + strlen(rows[k->kind].verb);
    if (verb_end < len)
        k->n = read_number(text + verb_end + 1, len - verb_end - 1);
    if (rows[k->kind].form == FORM_MINER)
        return miner_id_parse(&k->miner, text, object_len) == KZ_OK;
    return copy_object(k, text, object_len);
}

/* "<period>:<miner>:to=<work>", where a period may have colons. */
static bool read_pps(struct entry_key *k, const char *text, size_t len)
{
    size_t to = last_colon(text, len);
    size_t miner = last_colon(text, to);
    if (to == len || miner == to || len - to < 4)
        return false;
    k->n = read_number(text + to + 4, len - to - 4);
    return miner_id_parse(&k->miner, text + miner + 1, to - miner - 1) == KZ_OK &&
           copy_object(k, text, miner);
}

static bool read_parts(struct entry_key *k, const char *text, size_t len)
{
    switch (rows[k->kind].form) {
    case FORM_OBJECT:
    case FORM_MINER:
        return read_object(k, text, len);
    case FORM_PPS:
        return read_pps(k, text, len);
    case FORM_NUMBER:
        k->n = read_number(text, len);
        return true;
    case FORM_NAME:
        return copy_object(k, text, len);
    }
    return false;
}

/* The parts are taken where they must stand, written again and compared: so nothing
 * but the one spelling passes, whatever the parts above let through. */
enum kz_err entry_key_parse(struct entry_key *k, enum entry_kind kind, const char *text,
                            size_t len)
{
    struct entry_key made = {.kind = kind};
    char again[ENTRY_KEY_SIZE];
    size_t skip = strlen(rows[kind].prefix) + 1;
    if (len <= skip || len >= sizeof(again) ||
        !read_parts(&made, text + skip, len - skip) ||
        entry_key_format(again, &made) != KZ_OK)
        return KZ_PARSE;
    if (strlen(again) != len || memcmp(again, text, len) != 0)
        return KZ_PARSE;
    *k = made;
    return KZ_OK;
}
