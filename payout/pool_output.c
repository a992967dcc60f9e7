#include "payout/pool_output.h"

#include "conf/mem.h"
#include "payout/descriptor.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct pool_output {
    struct address last; /* of `height`; without a descriptor of any */
    uint32_t height;
    struct sign_context *context; /* NULL: an address */
    struct descriptor descriptor;
};

static enum address_type type_of(enum descriptor_type type)
{
    switch (type) {
    case DESCRIPTOR_PKH:
        return ADDRESS_P2PKH;
    case DESCRIPTOR_WPKH:
        return ADDRESS_P2WPKH;
    case DESCRIPTOR_TR:
        return ADDRESS_P2TR;
    case DESCRIPTOR_WSH_MULTI:
        return ADDRESS_P2WSH;
    case DESCRIPTOR_SH_WPKH:
    case DESCRIPTOR_SH_MULTI:
        break;
    }
    return ADDRESS_P2SH;
}

static enum kz_err expand(struct pool_output *p, uint32_t height)
{
    struct descriptor_output o;
    enum kz_err err = descriptor_expand(&o, &p->descriptor, p->context, height);
    if (err != KZ_OK)
        return err;
    assert(o.script.len <= sizeof(p->last.script));
    p->last = (struct address){.type = type_of(o.type), .script_len = o.script.len};
    memcpy(p->last.script, o.script.b, o.script.len);
    p->height = height;
    return KZ_OK;
}

KZ_PRINTF(3, 4)
static enum kz_err refuse(char why[POOL_OUTPUT_WHY_SIZE], enum kz_err err,
                          const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(why, POOL_OUTPUT_WHY_SIZE, format, args);
    va_end(args);
    return err;
}

static enum kz_err read_address(struct pool_output *p, char why[POOL_OUTPUT_WHY_SIZE],
                                const struct network *network, const char *text)
{
    struct address_problem problem;
    enum kz_err err = address_parse(&p->last, &problem, network, text, strlen(text));
    if (err == KZ_OK)
        err = address_check_payable(&p->last, &problem);
    return err == KZ_OK ? KZ_OK
                        : refuse(why, err, "expected an address of network \"%s\": %s",
                                 network->name, address_fault_text(problem.fault));
}

static bool has_any_private(const struct descriptor *d)
{
    for (size_t i = 0; i < d->key_count; i++)
        if (d->keys[i].key.is_private)
            return true;
    return false;
}

static enum kz_err read_descriptor(struct pool_output *p,
                                   char why[POOL_OUTPUT_WHY_SIZE],
                                   const struct network *network, const char *text)
{
    struct descriptor_problem problem;
    enum kz_err err =
        descriptor_parse(&p->descriptor, &problem, network, text, strlen(text));
    if (err != KZ_OK)
        return refuse(
            why, err,
            "expected a descriptor of network \"%s\": %s, at its character %zu",
            network->name, problem.why, problem.position + 1);
    if (has_any_private(&p->descriptor))
        return refuse(why, KZ_RANGE,
                      "expected public keys only: karizd never holds a key that can "
                      "spend");
    p->context = sign_context_new();
    if (expand(p, 0) != KZ_OK)
        return refuse(why, KZ_RANGE, "expected keys that make an address");
    return KZ_OK;
}

enum kz_err pool_output_new(struct pool_output **out, char why[POOL_OUTPUT_WHY_SIZE],
                            const struct network *network, const char *address,
                            const char *descriptor)
{
    struct pool_output *p = mem_new(sizeof(*p));
    enum kz_err err = descriptor[0] != '\0'
                          ? read_descriptor(p, why, network, descriptor)
                          : read_address(p, why, network, address);
    if (err != KZ_OK) {
        pool_output_free(p);
        return err;
    }
    *out = p;
    return KZ_OK;
}

void pool_output_free(struct pool_output *p)
{
    if (p == NULL)
        return;
    descriptor_wipe(&p->descriptor);
    sign_context_free(p->context);
    mem_free(p);
}

enum kz_err pool_output_at(struct address *out, struct pool_output *p, uint32_t height)
{
    enum kz_err err = KZ_OK;
    if (p->context != NULL && height != p->height)
        err = expand(p, height);
    if (err == KZ_OK)
        *out = p->last;
    return err;
}
