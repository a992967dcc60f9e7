#include "pool/commands_backup.h"

#include "pool/desk.h"
#include "pool/pool_parts.h"

#include <string.h>

/* A backup_done_fn. */
static void on_done(void *ctx, enum kz_err err, json_t *value, const char *text)
{
    struct control_request *r = ctx;
    if (err == KZ_OK)
        control_reply(r, value);
    else
        control_refuse(r, "%s", text[0] != '\0' ? text : kz_err_text(err));
}

/* Whose name the audit chain gets. False: nobody of the settings, or not an officer, which
 * the vault's key takes. */
static bool may_make(struct backup_wish *wish, const struct conf *c,
                     struct control_request *r)
{
    struct desk_person person;
    if (!desk_find_person(&person, c, r))
        return false;
    snprintf(wish->by, sizeof(wish->by), "%s", person.name);
    if (person.is_officer || !wish->with_master_key)
        return true;
    control_refuse(r, "%s is an operator; the vault's key takes an officer",
                   person.name);
    return false;
}

void commands_backup_make(void *ctx, struct control_request *r, const json_t *arguments)
{
    struct pool *p = ctx;
    const char *dir = control_text(arguments, "dir");
    struct backup_wish wish = {
        .with_master_key = json_is_true(json_object_get(arguments, "with_master_key"))};
    if (dir != NULL && (dir[0] != '/' || strlen(dir) >= sizeof(wish.dir))) {
        control_refuse(r, "dir: an absolute path below %zu bytes expected",
                       sizeof(wish.dir));
        return;
    }
    snprintf(wish.dir, sizeof(wish.dir), "%s", dir != NULL ? dir : "");
    if (p->backup == NULL)
        control_refuse(r, "stopping");
    else if (may_make(&wish, p->conf, r))
        backup_ask(p->backup, &wish, on_done, r);
}
