#include "pool/commands_address.h"

#include "conf/mem.h"
#include "pool/pool_parts.h"

/* A request that waits for the registry. */
struct waiting {
    struct pool *pool;
    struct control_request *request;
    char *address;
    json_t *(*answer)(const struct waiting *w, json_t *record); /* takes the record */
};

static json_t *whole_record(const struct waiting *w, json_t *record)
{
    (void)w;
    return record;
}

/* NULL: the challenge is gone again. */
static json_t *challenge_of(const struct waiting *w, json_t *record)
{
    char message[PROOF_MESSAGE_SIZE];
    json_t *answer = NULL;
    if (record_challenge_message(message, record, w->address, w->pool->conf) == KZ_OK)
        answer = json_pack("{s:s, s:s, s:s}", "miner", record_text(record, "miner_id"),
                           "address", w->address, "message", message);
    json_decref(record);
    return answer;
}

/* A registry_done_fn: on control. */
static void on_changed(void *ctx, enum kz_err err, json_t *record, const char *text)
{
    struct waiting *w = ctx;
    json_t *answer = err == KZ_OK ? w->answer(w, record) : NULL;
    if (err != KZ_OK)
        control_refuse(w->request, "%s", text);
    else if (answer == NULL)
        control_refuse(w->request, "the record was changed meanwhile; try again");
    else
        control_reply(w->request, answer);
    mem_free(w->address);
    mem_free(w);
}

static void change(struct pool *p, struct control_request *r, const json_t *arguments,
                   record_address_fn *how,
                   json_t *(*answer)(const struct waiting *w, json_t *record))
{
    const char *id = control_text(arguments, "miner");
    const struct record_address_change c = {
        .address = control_text(arguments, "address"),
        .basis = control_text(arguments, "basis"),
        .signature = control_text(arguments, "signature"),
        .actor = control_actor(r)};
    if (id == NULL || c.address == NULL) {
        control_refuse(r, "needs a miner and an address");
        return;
    }
    struct waiting *w = mem_new(sizeof(*w));
    *w = (struct waiting){p, r, mem_text(c.address), answer};
    registry_change_address(p->registry, id, how, &c, on_changed, w);
}

void commands_address_add(void *ctx, struct control_request *r, const json_t *arguments)
{
    change(ctx, r, arguments, record_with_address, whole_record);
}

void commands_address_end(void *ctx, struct control_request *r, const json_t *arguments)
{
    change(ctx, r, arguments, record_without_address, whole_record);
}

void commands_address_challenge(void *ctx, struct control_request *r,
                                const json_t *arguments)
{
    change(ctx, r, arguments, record_with_challenge, challenge_of);
}

void commands_address_prove(void *ctx, struct control_request *r,
                            const json_t *arguments)
{
    change(ctx, r, arguments, record_with_proof, whole_record);
}
