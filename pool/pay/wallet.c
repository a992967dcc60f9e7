#include "pool/pay/wallet.h"

#include "conf/locked.h"
#include "conf/mem.h"
#include "payout/wif.h"
#include "pool/keyfile.h"
#include "share/network.h"

#include <assert.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

/* What the key file held, in locked memory. */
struct unlocked {
    bool is_extended; /* else one key */
    struct bip32_key master;
    uint8_t single[PRIVATE_KEY_SIZE];
};

struct wallet {
    const struct conf *conf; /* borrowed */
    const struct network *network;
    struct sign_context *context;
    struct descriptor branches[2];
    struct script *looked; /* of WALLET_LOOK receive indices */
    size_t look_count;
    struct locked *key;        /* struct unlocked; NULL: locked */
    struct locked *passphrase; /* of a descriptor, which has it once; NULL: not read */
};

static const char *const branch_names[] = {"receive", "change"};

const char *wallet_branch_name(enum wallet_branch b)
{
    return branch_names[b];
}

bool wallet_branch_parse(enum wallet_branch *b, const char *name)
{
    for (size_t i = 0; i < 2; i++)
        if (strcmp(branch_names[i], name) == 0) {
            *b = (enum wallet_branch)i;
            return true;
        }
    return false;
}

/* --- opening ---------------------------------------------------------------------- */

static enum kz_err read_branch(struct wallet *w, enum wallet_branch b, const char *text,
                               char why[WALLET_WHY_SIZE])
{
    struct descriptor_problem problem;
    enum kz_err err =
        descriptor_parse(&w->branches[b], &problem, w->network, text, strlen(text));
    if (err == KZ_OK && descriptor_has_private(&w->branches[b])) {
        problem = (struct descriptor_problem){.why = "it has a private key: only a key "
                                                     "file may"};
        err = KZ_RANGE;
    }
    if (err != KZ_OK)
        snprintf(why, WALLET_WHY_SIZE,
                 "payout.wallet: %s descriptor, character %zu: %s", branch_names[b],
                 problem.position + 1, problem.why);
    return err == KZ_OK ? KZ_OK : KZ_RANGE;
}

static enum kz_err read_file(struct wallet *w, char why[WALLET_WHY_SIZE])
{
    struct keyfile_public *about = mem_new(sizeof(*about));
    struct key_problem problem;
    enum kz_err err = keyfile_read_public(about, &problem, w->conf->pay.key_file);
    if (err != KZ_OK)
        snprintf(why, WALLET_WHY_SIZE, "%.120s: %.100s", w->conf->pay.key_file,
                 problem.text);
    else if (about->network != w->network) {
        snprintf(why, WALLET_WHY_SIZE,
                 "%.120s: it is a key for network \"%s\", not \"%s\"",
                 w->conf->pay.key_file, about->network->name, w->network->name);
        err = KZ_RANGE;
    }
    if (err == KZ_OK)
        err = read_branch(w, WALLET_RECEIVE, about->receive, why);
    if (err == KZ_OK)
        err = read_branch(w, WALLET_CHANGE, about->change, why);
    mem_free(about);
    return err == KZ_OK ? KZ_OK : KZ_RANGE;
}

static enum kz_err read_settings(struct wallet *w, char why[WALLET_WHY_SIZE])
{
    const struct conf_pay *pay = &w->conf->pay;
    if (pay->receive[0] == '\0' || pay->change[0] == '\0') {
        snprintf(why, WALLET_WHY_SIZE,
                 "payout.wallet: key_file is not set, and neither are both receive and "
                 "change: which coins are the pool's is not known");
        return KZ_EMPTY;
    }
    enum kz_err err = read_branch(w, WALLET_RECEIVE, pay->receive, why);
    return err == KZ_OK ? read_branch(w, WALLET_CHANGE, pay->change, why) : err;
}

/* An address in the settings is one of the first. */
static void look_ahead(struct wallet *w)
{
    struct descriptor_output out;
    w->look_count =
        descriptor_is_ranged(&w->branches[WALLET_RECEIVE]) ? WALLET_LOOK : 1;
    w->looked = mem_array(w->look_count, sizeof(*w->looked));
    for (uint32_t i = 0; i < w->look_count; i++)
        if (descriptor_expand(&out, &w->branches[WALLET_RECEIVE], w->context, i) ==
            KZ_OK)
            w->looked[i] = out.script;
}

enum kz_err wallet_open(struct wallet **out, char why[WALLET_WHY_SIZE],
                        const struct conf *conf)
{
    struct wallet *w = mem_new(sizeof(*w));
    w->conf = conf;
    w->network = network_of(conf->network);
    w->context = sign_context_new();
    enum kz_err err =
        conf->pay.key_file[0] != '\0' ? read_file(w, why) : read_settings(w, why);
    if (err != KZ_OK) {
        wallet_close(w);
        return err;
    }
    look_ahead(w);
    *out = w;
    return KZ_OK;
}

void wallet_close(struct wallet *w)
{
    if (w == NULL)
        return;
    wallet_lock(w);
    locked_free(w->passphrase);
    sign_context_free(w->context);
    mem_free(w->looked);
    mem_free(w);
}

bool wallet_can_sign(const struct wallet *w)
{
    return w->conf->pay.key_file[0] != '\0';
}

const struct sign_context *wallet_context(const struct wallet *w)
{
    return w->context;
}

/* --- what is ours ----------------------------------------------------------------- */

enum kz_err wallet_output(struct descriptor_output *out, const struct wallet *w,
                          const struct wallet_place *place)
{
    return descriptor_expand(out, &w->branches[place->branch], w->context,
                             place->index);
}

bool wallet_is_at(const struct wallet *w, const struct wallet_place *place,
                  struct bytes script)
{
    struct descriptor_output out;
    return wallet_output(&out, w, place) == KZ_OK && out.script.len == script.len &&
           memcmp(out.script.b, script.p, script.len) == 0;
}

enum kz_err wallet_find(struct wallet_place *out, const struct wallet *w,
                        struct bytes script, uint32_t height)
{
    struct wallet_place place = {WALLET_RECEIVE, height};
    for (uint32_t i = 0; i < w->look_count; i++)
        if (w->looked[i].len == script.len &&
            memcmp(w->looked[i].b, script.p, script.len) == 0) {
            *out = (struct wallet_place){WALLET_RECEIVE, i};
            return KZ_OK;
        }
    if (!wallet_is_at(w, &place, script))
        return KZ_EMPTY;
    *out = place;
    return KZ_OK;
}

struct input_form wallet_form(const struct wallet *w, enum wallet_branch branch)
{
    static const enum input_kind kinds[] = {
        [DESCRIPTOR_PKH] = INPUT_P2PKH,
        [DESCRIPTOR_WPKH] = INPUT_P2WPKH,
        [DESCRIPTOR_SH_WPKH] = INPUT_P2SH_P2WPKH,
        [DESCRIPTOR_TR] = INPUT_P2TR,
        [DESCRIPTOR_SH_MULTI] = INPUT_P2SH_MULTISIG,
        [DESCRIPTOR_WSH_MULTI] = INPUT_P2WSH_MULTISIG,
    };
    const struct descriptor *d = &w->branches[branch];
    struct input_form form = {.kind = kinds[d->type]};
    if (d->type == DESCRIPTOR_SH_MULTI || d->type == DESCRIPTOR_WSH_MULTI) {
        form.m = (uint8_t)d->required;
        form.n = (uint8_t)d->key_count;
    }
    return form;
}

/* --- the key ---------------------------------------------------------------------- */

static enum kz_err take_secret(struct unlocked *u, const struct wallet *w,
                               const struct keyfile_secret *s,
                               char why[WALLET_WHY_SIZE])
{
    const struct bytes data = {locked_bytes(s->data), locked_size(s->data)};
    const char *text = (const char *)data.p, *bad = "";
    bool compressed;
    enum kz_err err = KZ_RANGE;
    switch (s->kind) {
    case KEYFILE_SEED:
        u->is_extended = true;
        err = bip32_from_seed(&u->master, w->conf->network != CONF_MAIN, data);
        break;
    case KEYFILE_XPRV:
        u->is_extended = true;
        err = bip32_parse(&u->master, &bad, text, data.len);
        break;
    case KEYFILE_WIF:
        err = wif_parse(u->single, &compressed, &bad, w->network, text, data.len);
        break;
    }
    if (err != KZ_OK)
        snprintf(why, WALLET_WHY_SIZE, "%.120s: what it holds is no key: %.80s",
                 w->conf->pay.key_file, bad);
    return err == KZ_OK ? KZ_OK : KZ_RANGE;
}

/* The passphrase is kept only where it could not be read again, and was the right one. */
static enum kz_err open_file(struct keyfile_secret *secret, struct wallet *w,
                             struct key_problem *problem,
                             const struct passphrase_source *source)
{
    struct keyfile_public *about = mem_new(sizeof(*about));
    enum kz_err err = KZ_OK;
    if (w->passphrase == NULL)
        err = passphrase_read(&w->passphrase, problem, source);
    if (err == KZ_OK)
        err = keyfile_open(
            about, secret, problem, w->conf->pay.key_file,
            (struct bytes){locked_bytes(w->passphrase), locked_size(w->passphrase)});
    if (err != KZ_OK || source->fd < 0) {
        locked_free(w->passphrase);
        w->passphrase = NULL;
    }
    mem_free(about);
    return err;
}

enum kz_err wallet_unlock(struct wallet *w, char why[WALLET_WHY_SIZE],
                          const struct passphrase_source *source)
{
    struct locked *key = NULL;
    struct key_problem problem = {.text = ""};
    struct keyfile_secret secret = {.data = NULL};
    if (w->key != NULL)
        return KZ_OK;
    enum kz_err err = open_file(&secret, w, &problem, source);
    if (err != KZ_OK) {
        snprintf(why, WALLET_WHY_SIZE, "%.120s: %.100s", w->conf->pay.key_file,
                 problem.text);
        return err;
    }
    err = locked_new(&key, sizeof(struct unlocked));
    if (err == KZ_OK)
        err = take_secret(locked_data(key), w, &secret, why);
    else
        snprintf(why, WALLET_WHY_SIZE, "memory cannot be locked: see the log");
    locked_free(secret.data);
    if (err != KZ_OK) {
        locked_free(key);
        return err;
    }
    w->key = key;
    return KZ_OK;
}

void wallet_lock(struct wallet *w)
{
    locked_free(w->key);
    w->key = NULL;
}

/* --- signing ---------------------------------------------------------------------- */

/* The keys of one transaction's inputs, in locked memory while it is signed. */
struct keyring {
    struct locked *memory;
    uint8_t (*keys)[PRIVATE_KEY_SIZE]; /* one an input */
};

static bool has_fingerprint(const struct wallet *w, const struct bip32_key *k,
                            const struct key_origin *origin)
{
    uint8_t fingerprint[BIP32_FINGERPRINT_SIZE];
    bip32_fingerprint(fingerprint, w->context, k);
    return memcmp(fingerprint, origin->fingerprint, sizeof(fingerprint)) == 0;
}

/* The private key of an output's only public key; it must give that one again. */
static enum kz_err derive(uint8_t out[PRIVATE_KEY_SIZE], const struct wallet *w,
                          const struct descriptor_output *o)
{
    const struct unlocked *u = locked_bytes(w->key);
    uint8_t pubkey[PUBKEY_SIZE];
    struct bip32_key k;
    enum kz_err err = o->key_count == 1 ? KZ_OK : KZ_RANGE;
    if (err == KZ_OK && u->is_extended) {
        const struct key_origin *origin = &o->keys[0].origin;
        err =
            has_fingerprint(w, &u->master, origin)
                ? bip32_descend(&k, w->context, &u->master, origin->path, origin->count)
                : KZ_RANGE;
        if (err == KZ_OK)
            memcpy(out, k.key + 1, PRIVATE_KEY_SIZE);
        bip32_wipe(&k);
    } else if (err == KZ_OK) {
        memcpy(out, u->single, PRIVATE_KEY_SIZE);
    }
    if (err == KZ_OK)
        err = sign_public_key(pubkey, w->context, out);
    bool is_it =
        err == KZ_OK && memcmp(pubkey + 1, o->keys[0].pubkey + 1, XONLY_SIZE) == 0;
    return is_it ? KZ_OK : KZ_RANGE;
}

static enum kz_err fill_coin(struct txsign_coin *c, struct keyring *ring, size_t i,
                             const struct wallet *w, struct descriptor_output *o,
                             const struct wallet_place *place)
{
    enum kz_err err = wallet_output(o, w, place);
    if (err == KZ_OK)
        err = derive(ring->keys[i], w, o);
    if (err != KZ_OK)
        return err;
    c->redeem = script_bytes(&o->redeem);
    c->witness_script = script_bytes(&o->witness);
    c->keys = (const uint8_t(*)[PRIVATE_KEY_SIZE]) & ring->keys[i];
    c->key_count = 1;
    return RAND_bytes(c->aux, sizeof(c->aux)) == 1 ? KZ_OK : KZ_RANGE;
}

enum kz_err wallet_sign(struct tx *t, char why[WALLET_WHY_SIZE], const struct wallet *w,
                        const struct wallet_place *places,
                        const struct tx_output *spent)
{
    struct keyring ring = {.memory = NULL};
    struct txsign_problem problem = {.what = ""};
    size_t n = t->input_count;
    if (w->key == NULL) {
        snprintf(why, WALLET_WHY_SIZE, "there is no key here: it is signed elsewhere");
        return KZ_RANGE;
    }
    if (locked_new(&ring.memory, n * sizeof(ring.keys[0])) != KZ_OK) {
        snprintf(why, WALLET_WHY_SIZE, "memory cannot be locked: see the log");
        return KZ_RANGE;
    }
    ring.keys = locked_data(ring.memory);
    struct txsign_coin *coins = mem_array(n, sizeof(*coins));
    struct descriptor_output *outputs = mem_array(n, sizeof(*outputs));
    enum kz_err err = KZ_OK;
    for (size_t i = 0; i < n && err == KZ_OK; i++) {
        coins[i].spent = spent[i];
        err = fill_coin(&coins[i], &ring, i, w, &outputs[i], &places[i]);
        if (err != KZ_OK)
            snprintf(why, WALLET_WHY_SIZE,
                     "input %zu: the key in the file is not the one of %s/%u", i,
                     branch_names[places[i].branch], (unsigned)places[i].index);
    }
    if (err == KZ_OK) {
        err = txsign_all(t, &problem, w->context, coins);
        if (err != KZ_OK)
            snprintf(why, WALLET_WHY_SIZE, "input %zu: %s", problem.input,
                     problem.what);
    }
    mem_free(outputs);
    mem_free(coins);
    locked_free(ring.memory);
    return err == KZ_OK ? KZ_OK : KZ_RANGE;
}
