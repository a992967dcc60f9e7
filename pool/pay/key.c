#include "pool/pay/key.h"

#include "conf/clock.h"
#include "conf/mem.h"
#include "payout/address.h"
#include "payout/wif.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEED_SIZE 32
#define SHOWN     3 /* addresses of each branch */

static int complain(const char *path, const char *why)
{
    fprintf(stderr, "kariz-payout: %s: %s\n", path, why);
    return EXIT_FAILURE;
}

/* --- what may be seen ------------------------------------------------------------- */

static void print_branch(const char *name, const char *text,
                         const struct network *network, const struct sign_context *c)
{
    struct descriptor d;
    struct descriptor_problem problem;
    struct descriptor_output out;
    printf("%-10s %s\n", name, text);
    if (descriptor_parse(&d, &problem, network, text, strlen(text)) != KZ_OK)
        return;
    for (uint32_t i = 0; i < (descriptor_is_ranged(&d) ? SHOWN : 1); i++) {
        char address[ADDRESS_TEXT_SIZE];
        if (descriptor_expand(&out, &d, c, i) == KZ_OK &&
            address_format(address, network, script_bytes(&out.script)) == KZ_OK)
            printf("  %-8u %s\n", (unsigned)i, address);
    }
}

static void print_public(const struct keyfile_public *about)
{
    struct sign_context *c = sign_context_new();
    char time[CLOCK_TEXT_SIZE];
    clock_utc_format(time, about->created_ms);
    printf("network    %s\ncreated    %s\n", about->network->name, time);
    print_branch("receive", about->receive, about->network, c);
    print_branch("change", about->change, about->network, c);
    sign_context_free(c);
}

int key_show(const struct key_order *order)
{
    struct keyfile_public *about = mem_new(sizeof(*about));
    struct key_problem problem;
    enum kz_err err = keyfile_read_public(about, &problem, order->path);
    if (err == KZ_OK)
        print_public(about);
    mem_free(about);
    return err == KZ_OK ? EXIT_SUCCESS : complain(order->path, problem.text);
}

/* --- making one ------------------------------------------------------------------- */

/* A secret and its public half. */
struct made {
    enum keyfile_kind kind;
    struct locked *secret;
    size_t len;
};

static const char *describe_master(struct keyfile_public *about,
                                   const struct bip32_key *master,
                                   const struct key_order *order)
{
    struct sign_context *c = sign_context_new();
    enum kz_err err = descriptor_of_account(about->receive, c, master, order->type,
                                            order->account, 0);
    if (err == KZ_OK)
        err = descriptor_of_account(about->change, c, master, order->type,
                                    order->account, 1);
    sign_context_free(c);
    return err == KZ_OK ? NULL : "this key gives no addresses";
}

/* One key, one address: for receiving and for change. */
static const char *describe_single(struct keyfile_public *about,
                                   const uint8_t key[PRIVATE_KEY_SIZE],
                                   const struct key_order *order)
{
    static const char *const forms[] = {[DESCRIPTOR_PKH] = "pkh(%s)",
                                        [DESCRIPTOR_WPKH] = "wpkh(%s)",
                                        [DESCRIPTOR_SH_WPKH] = "sh(wpkh(%s))",
                                        [DESCRIPTOR_TR] = "tr(%s)"};
    uint8_t pubkey[PUBKEY_SIZE];
    char hex[2 * PUBKEY_SIZE + 1];
    struct sign_context *c = sign_context_new();
    enum kz_err err = sign_public_key(pubkey, c, key);
    sign_context_free(c);
    if (err != KZ_OK)
        return "it is no private key";
    hex_encode(hex, pubkey, sizeof(pubkey));
    const char *form = forms[order->type];
    size_t before = strcspn(form, "%");
    snprintf(about->receive, sizeof(about->receive), "%.*s%s%s", (int)before, form, hex,
             form + before + 2);
    memcpy(about->change, about->receive, sizeof(about->change));
    return NULL;
}

static const char *describe_secret(struct keyfile_public *about, const struct made *m,
                                   const struct key_order *order)
{
    const struct bytes data = {locked_bytes(m->secret), m->len};
    bool is_test = order->network != network_of(CONF_MAIN), compressed = false;
    const char *why = NULL, *bad = "it is no such key";
    struct locked *work = NULL;
    if (locked_new(&work, sizeof(struct bip32_key)) != KZ_OK)
        return "memory cannot be locked";
    struct bip32_key *master = locked_data(work);
    switch (m->kind) {
    case KEYFILE_SEED:
        why = bip32_from_seed(master, is_test, data) == KZ_OK
                  ? describe_master(about, master, order)
                  : "a seed has 16 to 64 bytes";
        break;
    case KEYFILE_XPRV:
        why = bip32_parse(master, &bad, (const char *)data.p, data.len) == KZ_OK
                  ? describe_master(about, master, order)
                  : bad;
        break;
    case KEYFILE_WIF:
        why = wif_parse(master->key, &compressed, &bad, order->network,
                        (const char *)data.p, data.len) != KZ_OK
                  ? bad
              : !compressed ? "a key of an uncompressed public key is not taken"
                            : describe_single(about, master->key, order);
        break;
    }
    locked_free(work);
    return why;
}

static const char *make_new(struct made *m)
{
    m->kind = KEYFILE_SEED;
    m->len = SEED_SIZE;
    if (locked_new(&m->secret, SEED_SIZE) != KZ_OK)
        return "memory cannot be locked";
    return RAND_priv_bytes(locked_data(m->secret), SEED_SIZE) == 1
               ? NULL
               : "the system has no random bytes";
}

/* xprv..., tprv..., hex digits of a seed, or else WIF. */
static const char *take_given(struct made *m, const struct key_order *order,
                              struct key_problem *problem)
{
    const struct passphrase_source from = {.fd = order->key_fd};
    struct locked *line = NULL;
    if (passphrase_read(&line, problem, &from) != KZ_OK)
        return problem->text;
    const char *text = locked_bytes(line);
    size_t len = locked_size(line);
    bool is_hex = hex_is_valid(text, len) && len >= 2 * BIP32_SEED_MIN;
    m->kind = is_hex                                       ? KEYFILE_SEED
              : len > 4 && memcmp(text + 1, "prv", 3) == 0 ? KEYFILE_XPRV
                                                           : KEYFILE_WIF;
    m->len = is_hex ? len / 2 : len;
    const char *why = NULL;
    if (m->len > KEYFILE_SECRET_MAX || locked_new(&m->secret, m->len) != KZ_OK)
        why = "it is too long for a key";
    else if (!is_hex)
        memcpy(locked_data(m->secret), text, len);
    else if (hex_decode(locked_data(m->secret), m->len, text, len) != KZ_OK)
        why = "it is no seed in hex";
    locked_free(line);
    return why;
}

static const char *write_file(struct keyfile_public *about, const struct made *m,
                              const struct key_order *order,
                              struct key_problem *problem)
{
    struct locked *passphrase = NULL;
    if (passphrase_read(&passphrase, problem, &order->passphrase) != KZ_OK)
        return problem->text;
    const struct keyfile_plan plan = {
        .about = about,
        .kind = m->kind,
        .secret = {locked_bytes(m->secret), m->len},
        .passphrase = {locked_bytes(passphrase), locked_size(passphrase)},
        .scrypt_n = order->scrypt_n};
    enum kz_err err = keyfile_create(order->path, problem, &plan);
    locked_free(passphrase);
    return err == KZ_OK ? NULL : problem->text;
}

int key_create(const struct key_order *order)
{
    struct keyfile_public *about = mem_new(sizeof(*about));
    struct made m = {.secret = NULL};
    struct key_problem problem = {.text = ""};
    about->network = order->network;
    about->created_ms = clock_utc_ms();
    const char *why =
        order->key_fd < 0 ? make_new(&m) : take_given(&m, order, &problem);
    if (why == NULL)
        why = describe_secret(about, &m, order);
    if (why == NULL)
        why = write_file(about, &m, order, &problem);
    if (why == NULL) {
        print_public(about);
        printf("written to %s: keep a copy of it and, elsewhere, its passphrase\n",
               order->path);
    }
    locked_free(m.secret);
    mem_free(about);
    return why == NULL ? EXIT_SUCCESS : complain(order->path, why);
}

/* --- checking one ----------------------------------------------------------------- */

/* The type of the file's own descriptor, so that they can be made again. */
static bool is_same(const struct keyfile_public *a, const struct keyfile_public *b)
{
    size_t n = strcspn(a->receive, "#"), m = strcspn(a->change, "#");
    return strncmp(a->receive, b->receive, n) == 0 &&
           strncmp(a->change, b->change, m) == 0;
}

static const char *check_secret(const struct keyfile_public *about,
                                const struct keyfile_secret *secret,
                                const struct key_order *order)
{
    const struct made m = {secret->kind, secret->data, locked_size(secret->data)};
    struct keyfile_public *again = mem_new(sizeof(*again));
    struct descriptor d;
    struct descriptor_problem problem;
    struct key_order like = *order;
    const char *why = "its descriptors are not its key's";
    like.network = about->network;
    if (descriptor_parse(&d, &problem, about->network, about->receive,
                         strlen(about->receive)) == KZ_OK) {
        like.type = d.type;
        /* Of an account the third step is the account's number. */
        for (like.account = 0; like.account < 100 && why != NULL; like.account++)
            if (describe_secret(again, &m, &like) == NULL && is_same(about, again))
                why = NULL;
    }
    mem_free(again);
    return why;
}

int key_check(const struct key_order *order)
{
    struct keyfile_public *about = mem_new(sizeof(*about));
    struct keyfile_secret secret = {.data = NULL};
    struct key_problem problem = {.text = ""};
    struct locked *passphrase = NULL;
    const char *why = NULL;
    enum kz_err err = passphrase_read(&passphrase, &problem, &order->passphrase);
    if (err == KZ_OK)
        err = keyfile_open(
            about, &secret, &problem, order->path,
            (struct bytes){locked_bytes(passphrase), locked_size(passphrase)});
    if (err == KZ_OK)
        why = check_secret(about, &secret, order);
    else
        why = problem.text;
    if (why == NULL) {
        print_public(about);
        puts("the passphrase opens it, and its key gives these addresses");
    }
    locked_free(passphrase);
    locked_free(secret.data);
    mem_free(about);
    return why == NULL ? EXIT_SUCCESS : complain(order->path, why);
}
