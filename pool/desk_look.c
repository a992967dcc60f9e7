/* What anybody who may use the control socket may look at: pool/desk.h. */
#include "conf/clock.h"
#include "pool/desk.h"
#include "pool/pool_parts.h"
#include "pool/registry/record_todo.h"
#include "share/bytes.h"

#define DAYS_MAX 3660

void desk_profile(void *ctx, struct control_request *r, const json_t *arguments)
{
    const struct pool *p = ctx;
    (void)arguments;
    control_reply(r, json_pack("{s:O, s:s}", "profile", p->profile->json, "network",
                               conf_network_name(p->conf->network)));
}

void desk_todo(void *ctx, struct control_request *r, const json_t *arguments)
{
    const struct pool *p = ctx;
    const char *text = control_text(arguments, "days");
    uint64_t days = RECORD_TODO_DAYS;
    const struct record_act act = {
        .profile = p->profile, .conf = p->conf, .now_ms = clock_utc_ms()};
    if (text != NULL && !decimal_read(&days, text, DAYS_MAX)) {
        control_refuse(r, "days: \"%.16s\": 0 to %d expected", text, DAYS_MAX);
        return;
    }
    json_t *records = registry_records(p->registry);
    control_reply(r, record_todo(records, &act, (int)days));
    json_decref(records);
}
