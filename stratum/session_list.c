#include "stratum/session_list.h"

#include "conf/mem.h"
#include "stratum/session.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

struct gather {
    atomic_uint missing;
    unsigned fronts;
    struct miner_id miner; /* "" for all */
    size_t max;
    void (*on_done)(void *ctx, json_t *sessions);
    void *ctx;
    json_t *parts[]; /* NULL: none */
};

struct gather *gather_new(unsigned fronts, const char *miner, size_t max,
                          void (*on_done)(void *ctx, json_t *sessions), void *ctx)
{
    struct gather *g = mem_new(sizeof(*g) + fronts * sizeof(g->parts[0]));
    atomic_init(&g->missing, fronts);
    g->fronts = fronts;
    snprintf(g->miner.text, sizeof(g->miner.text), "%s", miner);
    g->max = max;
    g->on_done = on_done;
    g->ctx = ctx;
    return g;
}

static void set_text(json_t *o, const char *key, const char *text)
{
    json_object_set_new(o, key, json_string(text));
}

static void set_number(json_t *o, const char *key, uint64_t v)
{
    json_object_set_new(o, key, json_integer((json_int_t)v));
}

static json_t *session_json(const struct session *s, const struct session_login *l)
{
    char address[NETADDR_TEXT_SIZE], key[32];
    json_t *o = json_object();
    netaddr_format(address, &s->conn.peer, true);
    set_text(o, "miner", l->miner.text);
    set_text(o, "worker", l->worker.text);
    set_text(o, "address", address);
    set_text(o, "agent", s->agent != NULL ? s->agent : "");
    set_text(o, "coinbase", direct_class_name(s->class));
    json_object_set_new(o, "difficulty",
                        json_real(difficulty_to_double(s->difficulty)));
    json_object_set_new(o, "hashrate", json_real(vardiff_hashrate(&s->vardiff)));
    set_number(o, "connected_ms", (uint64_t)s->connected_ms);
    set_number(o, "shares", s->shares);
    set_number(o, "session", s->id);
    json_object_set_new(o, "tls", json_boolean(s->conn.ssl != NULL));
    set_text(o, "listener", s->front->shared->listener_text[s->listener]);
    for (size_t i = 0; s->info != NULL && i < SESSION_INFO; i++) {
        snprintf(key, sizeof(key), "info.%s", session_info_names[i]);
        if (s->info[i] != NULL)
            set_text(o, key, s->info[i]);
    }
    return o;
}

/* A proxy's session has a line for each of its workers. */
static void add_session(const struct gather *g, json_t *list, const struct session *s)
{
    for (size_t i = 0; i < s->login_count && json_array_size(list) < g->max; i++) {
        const struct session_login *l = s->logins[i];
        if (l->is_active &&
            (g->miner.text[0] == '\0' || miner_id_equal(&g->miner, &l->miner)))
            json_array_append_new(list, session_json(s, l));
    }
}

static void gather_finish(struct gather *g)
{
    json_t *all = json_array();
    for (unsigned i = 0; i < g->fronts; i++) {
        if (g->parts[i] != NULL)
            json_array_extend(all, g->parts[i]);
        json_decref(g->parts[i]);
    }
    g->on_done(g->ctx, all);
    mem_free(g);
}

void gather_part(struct gather *g, unsigned index, const struct front *f)
{
    json_t *list = NULL;
    if (f != NULL) {
        list = json_array();
        for (size_t i = 0; i < f->count; i++)
            add_session(g, list, f->sessions[i]);
    }
    g->parts[index] = list;
    if (atomic_fetch_sub_explicit(&g->missing, 1, memory_order_acq_rel) == 1)
        gather_finish(g);
}
