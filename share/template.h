/* share/template.h - what the node gave: a block template, checked.
 *
 * template_parse() reads the result of getblocktemplate (BIP22, BIP23, BIP145), checks
 * every field it uses, computes txids' merkle branch and our own witness commitment
 * (BIP141) and compares it with the node's. A template that fails any check is refused
 * whole, with a text that names the field and what was wrong; the caller keeps the
 * work it has.
 *
 * Ownership  immutable and counted: template_ref/template_unref, NULL accepted.
 * Errors     KZ_PARSE, KZ_RANGE with `why` filled; *out untouched.
 * Thread     parse: one at a time each; the result: any. Pure (jansson reads memory).
 */
#ifndef SHARE_TEMPLATE_H
#define SHARE_TEMPLATE_H

#include "share/hash256.h"
#include "share/target.h"

#include <jansson.h>

#define TEMPLATE_BRANCH_MAX   16 /* 2^16 transactions: more than 4M weight can hold */
#define TEMPLATE_LONGPOLL_MAX 256

struct template_tx {
    const char *hex; /* borrowed from the template */
    size_t hex_len;
};

struct template
{
    uint32_t height;
    uint32_t version;
    uint32_t nbits;
    uint32_t curtime; /* header time the node proposes, Unix seconds */
    uint32_t mintime;
    struct hash256 prev_hash;
    struct target network_target; /* of nbits */
    int64_t coinbase_value_sat;
    uint64_t weight; /* sum over the transactions, without header and coinbase */
    uint64_t sigops;
    uint64_t weight_limit;
    uint64_t sigop_limit;
    size_t tx_count; /* without the coinbase */
    struct template_tx *txs;
    size_t branch_count;
    struct hash256 branch[TEMPLATE_BRANCH_MAX]; /* index 0, internal order, as hashed */
    bool has_witness_commitment; /* segwit is active: the coinbase must carry it */
    struct hash256 witness_commitment;
    char longpoll_id[TEMPLATE_LONGPOLL_MAX + 1]; /* "" when the node gives none */
    bool has_proposal;             /* node names the capability "proposal" */
    struct bytes signet_challenge; /* empty but on signet */
};

struct template_rules {
    bool signet; /* the network asks for rule "signet" */
};

#define TEMPLATE_WHY_SIZE 200

/* `result` is borrowed. Unknown rules that begin with "!" are refused (BIP9). */
KZ_MUST_USE enum kz_err template_parse(struct template **out,
                                       char why[TEMPLATE_WHY_SIZE],
                                       const json_t *result,
                                       const struct template_rules *rules);
struct template *template_ref(const struct template *t);
void template_unref(struct template *t);

#endif
