#include "pool/audit/vault_box.h"

#include "conf/mem.h"
#include "payout/sighash.h"
#include "pool/canon.h"

#include <assert.h>
#include <openssl/rand.h>
#include <string.h>

#define FORMAT     1
#define KEY_ID_TAG "Kariz/vault-key/1"

static const char *const kinds[] = {[BOX_KEY] = "key", [BOX_DATA] = "data"};

void box_clear(struct box *b)
{
    mem_free(b->ciphertext);
    *b = (struct box){0};
}

void box_key_id(uint8_t out[BOX_KEY_ID_SIZE], const uint8_t key[GCM_KEY_SIZE])
{
    struct hash256 h;
    hash_tagged(&h, KEY_ID_TAG, (struct bytes){key, GCM_KEY_SIZE},
                (struct bytes){NULL, 0});
    memcpy(out, h.b, BOX_KEY_ID_SIZE);
}

static json_t *open_members(const struct box *b)
{
    char under[2 * BOX_KEY_ID_SIZE + 1];
    hex_encode(under, b->under, sizeof(b->under));
    return json_pack("{s:i, s:s, s:s, s:s, s:I}", "kariz_vault", FORMAT, "kind",
                     kinds[b->kind], "miner", b->miner.text, "under", under, "version",
                     (json_int_t)b->version);
}

/* Ours: it has a form. */
static char *form_take(json_t *value, size_t *len)
{
    char *text = NULL;
    enum kz_err err = canon_format(&text, len, value);
    assert(err == KZ_OK);
    json_decref(value);
    return text;
}

/* --- sealing ---------------------------------------------------------------------- */

enum kz_err box_seal(struct box *b, const uint8_t key[GCM_KEY_SIZE], struct bytes plain)
{
    size_t len = 0;
    assert(plain.len > 0);
    box_key_id(b->under, key);
    if (RAND_bytes(b->nonce, sizeof(b->nonce)) != 1)
        return KZ_IO;
    mem_free(b->ciphertext);
    b->ciphertext = mem_new(plain.len);
    b->len = plain.len;
    char *open_text = form_take(open_members(b), &len);
    struct gcm g = {key, b->nonce, {(const uint8_t *)open_text, len}};
    enum kz_err err = gcm_seal(b->ciphertext, b->tag, &g, plain);
    mem_free(open_text);
    return err;
}

enum kz_err box_open(uint8_t *out, const struct box *b, const uint8_t key[GCM_KEY_SIZE])
{
    size_t len = 0;
    char *open_text = form_take(open_members(b), &len);
    struct gcm g = {key, b->nonce, {(const uint8_t *)open_text, len}};
    enum kz_err err = gcm_open(out, &g, (struct bytes){b->ciphertext, b->len}, b->tag);
    mem_free(open_text);
    return err;
}

/* --- text ------------------------------------------------------------------------- */

static void set_hex(json_t *root, const char *name, const uint8_t *p, size_t len)
{
    char *hex = mem_new(2 * len + 1);
    hex_encode(hex, p, len);
    json_object_set_new(root, name, json_string(hex));
    mem_free(hex);
}

char *box_format(const struct box *b, size_t *len)
{
    json_t *root = open_members(b);
    set_hex(root, "nonce", b->nonce, sizeof(b->nonce));
    set_hex(root, "tag", b->tag, sizeof(b->tag));
    set_hex(root, "ciphertext", b->ciphertext, b->len);
    return form_take(root, len);
}

/* In lower case: a box has one text. */
static bool read_hex(uint8_t *out, size_t len, const char *text)
{
    return strpbrk(text, "ABCDEF") == NULL &&
           hex_decode(out, len, text, strlen(text)) == KZ_OK;
}

static bool read_kind(enum box_kind *kind, const char *name)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(kinds[i], name) == 0) {
            *kind = (enum box_kind)i;
            return true;
        }
    }
    return false;
}

static bool read_members(struct box *b, json_t *root)
{
    json_int_t format = 0, version = 0;
    const char *kind = "", *miner = "", *under = "", *nonce = "", *tag = "", *hex = "";
    if (json_unpack_ex(root, NULL, JSON_STRICT,
                       "{s:I, s:s, s:s, s:s, s:I, s:s, s:s, s:s}", "kariz_vault",
                       &format, "kind", &kind, "miner", &miner, "under", &under,
                       "version", &version, "nonce", &nonce, "tag", &tag, "ciphertext",
                       &hex) != 0 ||
        format != FORMAT || version < 1 || !read_kind(&b->kind, kind) ||
        miner_id_parse(&b->miner, miner, strlen(miner)) != KZ_OK ||
        !read_hex(b->under, sizeof(b->under), under) ||
        !read_hex(b->nonce, sizeof(b->nonce), nonce) ||
        !read_hex(b->tag, sizeof(b->tag), tag) || strlen(hex) < 2)
        return false;
    b->version = (uint64_t)version;
    b->ciphertext = mem_new(strlen(hex) / 2);
    b->len = strlen(hex) / 2;
    return read_hex(b->ciphertext, b->len, hex);
}

enum kz_err box_parse(struct box *b, struct bytes text)
{
    json_t *root = NULL;
    struct box read = {0};
    if (canon_read(&root, text) != KZ_OK)
        return KZ_PARSE;
    enum kz_err err = read_members(&read, root) ? KZ_OK : KZ_PARSE;
    json_decref(root);
    if (err == KZ_OK)
        *b = read;
    else
        box_clear(&read);
    return err;
}
