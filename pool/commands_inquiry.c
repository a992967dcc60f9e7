#include "pool/commands_inquiry.h"

#include "pool/inquiry.h"
#include "pool/pool_parts.h"

/* An inquiry_done_fn. */
static void on_done(void *ctx, enum kz_err err, json_t *value, const char *text)
{
    struct control_request *r = ctx;
    if (err == KZ_OK) {
        control_reply(r, value);
        return;
    }
    json_decref(value);
    control_refuse(r, "%s", text[0] != '\0' ? text : kz_err_text(err));
}

static void ask(struct pool *p, struct control_request *r, enum inquiry_kind kind,
                const json_t *arguments)
{
    if (p->inquiry == NULL)
        control_refuse(r, "stopping");
    else
        inquiry_ask(p->inquiry, kind, arguments, on_done, r);
}

/* The thread has no registry: whether the miner is in it goes along. */
static void ask_of_miner(struct pool *p, struct control_request *r,
                         enum inquiry_kind kind, const json_t *arguments)
{
    json_t *all = arguments != NULL ? json_copy((json_t *)arguments) : json_object();
    const char *miner = control_text(all, "miner");
    json_t *record = miner != NULL ? registry_show(p->registry, miner) : NULL;
    json_object_set_new(all, "registered", json_boolean(record != NULL));
    json_decref(record);
    ask(p, r, kind, all);
    json_decref(all);
}

void commands_balance(void *ctx, struct control_request *r, const json_t *arguments)
{
    ask_of_miner(ctx, r, INQUIRY_BALANCE, arguments);
}

void commands_statement(void *ctx, struct control_request *r, const json_t *arguments)
{
    ask_of_miner(ctx, r, INQUIRY_STATEMENT, arguments);
}

void commands_ledger_verify(void *ctx, struct control_request *r,
                            const json_t *arguments)
{
    ask(ctx, r, INQUIRY_VERIFY, arguments);
}

void commands_block_explain(void *ctx, struct control_request *r,
                            const json_t *arguments)
{
    ask(ctx, r, INQUIRY_BLOCK, arguments);
}

void commands_payout_list(void *ctx, struct control_request *r, const json_t *arguments)
{
    ask(ctx, r, INQUIRY_PAYOUTS, arguments);
}

void commands_payout_show(void *ctx, struct control_request *r, const json_t *arguments)
{
    ask(ctx, r, INQUIRY_PAYOUT, arguments);
}
