#include "pool/report_desk.h"

#include "pool/registry/record_act.h"
#include "pool/report/alert.h"
#include "pool/report/cell.h"
#include "pool/report/report_key.h"
#include "share/bytes.h"

#include <string.h>

#define TEXT_MAX 200

static const char *argument(const struct desk_notice *n, const char *key)
{
    return json_string_value(json_object_get(n->arguments, key));
}

/* A text that is short and there; or may lack. */
static bool copy_text(json_t *detail, char why[RECORD_WHY_SIZE],
                      const struct desk_notice *n, const char *key, bool is_needed)
{
    const char *text = argument(n, key);
    if (text == NULL && !is_needed)
        return true;
    if (text == NULL || text[0] == '\0' || strlen(text) > TEXT_MAX ||
        !cell_text_is_clean(text)) {
        record_refuse(why,
                      "%s: a text of at most %d bytes without control characters "
                      "expected",
                      key, TEXT_MAX);
        return false;
    }
    json_object_set_new(detail, key, json_string(text));
    return true;
}

static enum kz_err end_with(struct desk_noted *out, json_t *detail, bool is_good)
{
    if (!is_good) {
        json_decref(detail);
        return KZ_RANGE;
    }
    out->detail = detail;
    out->answer = json_pack("{s:s}", "note", "written down");
    return KZ_OK;
}

static bool copy_hash(json_t *detail, char why[RECORD_WHY_SIZE],
                      const struct desk_notice *n)
{
    uint8_t hash[32];
    const char *hex = argument(n, "manifest");
    if (hex == NULL || hex_decode(hash, sizeof(hash), hex, strlen(hex)) != KZ_OK) {
        record_refuse(why, "manifest: 64 hex digits expected");
        return false;
    }
    json_object_set_new(detail, "manifest", json_string(hex));
    return true;
}

static bool take_miner(struct desk_noted *out, char why[RECORD_WHY_SIZE],
                       const struct desk_notice *n)
{
    struct miner_id id;
    const char *miner = argument(n, "miner");
    if (miner == NULL)
        return true;
    if (miner_id_parse(&id, miner, strlen(miner)) != KZ_OK) {
        record_refuse(why, "miner: an id expected");
        return false;
    }
    memcpy(out->miner, id.text, sizeof(out->miner));
    return true;
}

enum kz_err report_desk_note(struct desk_noted *out, char why[RECORD_WHY_SIZE],
                             const struct desk_notice *n)
{
    json_t *detail = json_object();
    bool is_good =
        copy_hash(detail, why, n) && copy_text(detail, why, n, "period", true) &&
        copy_text(detail, why, n, "level", true) &&
        copy_text(detail, why, n, "status", true) &&
        copy_text(detail, why, n, "request", false) && take_miner(out, why, n);
    return end_with(out, detail, is_good);
}

enum kz_err report_desk_key(struct desk_noted *out, char why[RECORD_WHY_SIZE],
                            const struct desk_notice *n)
{
    struct report_key_rotation rotation;
    struct key_problem problem = {""};
    const char *text = argument(n, "statement");
    if (text == NULL)
        return record_refuse(why, "statement: is missing");
    struct sign_context *c = sign_context_new();
    enum kz_err err = report_key_rotation_read(
        &rotation, &problem, c, (struct bytes){(const uint8_t *)text, strlen(text)});
    sign_context_free(c);
    if (err != KZ_OK)
        return record_refuse(why, "statement: %.200s", problem.text);
    return end_with(out, json_loads(text, 0, NULL), true);
}

enum kz_err report_desk_decide(struct desk_noted *out, char why[RECORD_WHY_SIZE],
                               const struct desk_notice *n)
{
    const char *rule = argument(n, "rule");
    if (rule == NULL || !alert_is_rule(rule))
        return record_refuse(why, "rule: one of those that R8 names expected");
    json_t *detail = json_object();
    bool is_good = copy_text(detail, why, n, "rule", true) &&
                   copy_text(detail, why, n, "decision", true) &&
                   take_miner(out, why, n);
    return end_with(out, detail, is_good);
}
