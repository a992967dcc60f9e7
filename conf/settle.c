#include "conf/settle.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

/* A share must earn at least one unit of work of 2^22 hashes (accounting, section 1);
 * on regtest the unit is one hash. */
#define MIN_DIFFICULTY         (1.0 / 1024)
#define MIN_DIFFICULTY_REGTEST 2.4e-10 /* 1 of 2^32, and a little */
#define DEFAULT_DIFFICULTY     8192.0

static enum kz_err refuse(struct conf_problem *p, const char *key, const char *format,
                          ...) KZ_PRINTF(3, 4);

static enum kz_err refuse(struct conf_problem *p, const char *key, const char *format,
                          ...)
{
    va_list args;
    snprintf(p->key, sizeof(p->key), "%s", key);
    va_start(args, format);
    vsnprintf(p->expected, sizeof(p->expected), format, args);
    va_end(args);
    return KZ_RANGE;
}

/* `text` is digits only; false above `max`. */
static bool parse_number(uint32_t *out, const char *text, uint32_t max)
{
    uint64_t v = 0;
    if (text[0] == '\0' || strlen(text) > 9)
        return false;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9')
            return false;
        v = v * 10 + (uint64_t)(*text - '0');
    }
    *out = (uint32_t)v;
    return v <= max;
}

bool settle_host(struct conf_host *out, const char *text)
{
    char copy[CONF_TEXT_MAX + 1];
    snprintf(copy, sizeof(copy), "%s", text);
    char *colon = strrchr(copy, ':');
    uint32_t port = 0;
    if (colon == NULL || !parse_number(&port, colon + 1, 65535) || port == 0)
        return false;
    *colon = '\0';
    size_t len = strlen(copy);
    bool bracketed = len > 2 && copy[0] == '[' && copy[len - 1] == ']';
    if (bracketed)
        copy[len - 1] = '\0';
    snprintf(out->host, sizeof(out->host), "%s", copy + bracketed);
    out->port = (uint16_t)port;
    return out->host[0] != '\0' && strchr(out->host, '/') == NULL;
}

/* "host:port/db" */
static bool parse_tcp_url(struct conf *c, const char *rest)
{
    char copy[CONF_TEXT_MAX + 1];
    struct conf_host at;
    uint32_t db = 0;
    snprintf(copy, sizeof(copy), "%s", rest);
    char *slash = strchr(copy, '/');
    if (slash != NULL)
        *slash = '\0';
    if (slash != NULL && slash[1] != '\0' && !parse_number(&db, slash + 1, 9999))
        return false;
    if (!settle_host(&at, copy))
        return false;
    memcpy(c->redis_host, at.host, sizeof(c->redis_host));
    c->redis_port = at.port;
    c->redis_db = db;
    return true;
}

/* The characters that a sentinel takes. */
static bool is_master_name(const char *text)
{
    for (const char *p = text; *p != '\0'; p++) {
        bool letter = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z');
        if (!letter && !(*p >= '0' && *p <= '9') && strchr(".-_", *p) == NULL)
            return false;
    }
    return text[0] != '\0';
}

/* `url` is ""; the sentinels are there, or what only they make sense of is wrong. */
static enum kz_err settle_sentinels(struct conf *c, struct conf_problem *problem)
{
    if (c->redis_sentinel_count > 0) {
        if (c->redis_master[0] == '\0')
            snprintf(c->redis_master, sizeof(c->redis_master), "kariz");
        c->redis_mode = CONF_REDIS_SENTINEL;
        return is_master_name(c->redis_master)
                   ? KZ_OK
                   : refuse(problem, "redis.master",
                            "expected the name that the sentinels watch it by: "
                            "letters, digits, '.', '-', '_'");
    }
    if (c->redis_master[0] != '\0')
        return refuse(problem, "redis.master", "expected only together with sentinels");
    if (c->redis_sentinel_password_file[0] != '\0')
        return refuse(problem, "redis.sentinel_password_file",
                      "expected only together with sentinels");
    c->redis_mode = CONF_REDIS_EMBEDDED;
    return KZ_OK;
}

enum kz_err settle_redis_url(struct conf *c, const char *url,
                             struct conf_problem *problem)
{
    if (url[0] != '\0' && c->redis_sentinel_count > 0)
        return refuse(problem, "redis.url",
                      "expected either url or sentinels: the address of the server is "
                      "what the sentinels tell");
    if (url[0] == '\0' || strcmp(url, "embedded") == 0)
        return settle_sentinels(c, problem);
    enum kz_err err = settle_sentinels(c, problem);
    if (err != KZ_OK)
        return err;
    if (strncmp(url, "unix:///", 8) == 0 && strlen(url) - 7 < 108) {
        c->redis_mode = CONF_REDIS_UNIX;
        snprintf(c->redis_path, sizeof(c->redis_path), "%s", url + 7);
        return KZ_OK;
    }
    if (strncmp(url, "redis://", 8) == 0 && parse_tcp_url(c, url + 8)) {
        c->redis_mode = CONF_REDIS_TCP;
        return KZ_OK;
    }
    return refuse(
        problem, "redis",
        "expected \"embedded\", \"unix:///path\" or \"redis://host:port/db\"");
}

static void default_node(struct conf *c)
{
    static const struct {
        unsigned port;
        const char *folder;
    } of[] = {
        [CONF_MAIN] = {8332, ""},
        [CONF_TEST] = {18332, "testnet3/"},
        [CONF_TESTNET4] = {48332, "testnet4/"},
        [CONF_SIGNET] = {38332, "signet/"},
        [CONF_REGTEST] = {18443, "regtest/"},
    };
    struct conf_node *n = &c->nodes[0];
    snprintf(n->url, sizeof(n->url), "http://127.0.0.1:%u", of[c->network].port);
    snprintf(n->cookie_file, sizeof(n->cookie_file), "/var/lib/bitcoin/%s.cookie",
             of[c->network].folder);
    c->node_count = 1;
}

static enum kz_err settle_nodes(struct conf *c, struct conf_problem *problem)
{
    if (c->node_count == 0)
        default_node(c);
    for (size_t i = 0; i < c->node_count; i++) {
        const struct conf_node *n = &c->nodes[i];
        char key[64];
        snprintf(key, sizeof(key), "nodes[%zu].url", i);
        if (strncmp(n->url, "http://", 7) != 0 || n->url[7] == '\0')
            return refuse(problem, key, "expected http://host:port");
        if (strchr(n->url, '@') != NULL)
            return refuse(problem, key,
                          "expected no user or password in the URL; use "
                          "user and password_file");
        snprintf(key, sizeof(key), "nodes[%zu]", i);
        bool cookie = n->cookie_file[0] != '\0';
        bool user = n->user[0] != '\0' && n->password_file[0] != '\0';
        bool part = n->user[0] != '\0' || n->password_file[0] != '\0';
        if (cookie == user || (part && !user))
            return refuse(problem, key,
                          "expected either cookie_file, or user and password_file");
    }
    return KZ_OK;
}

static double clamp(double v, double low, double high)
{
    return v < low ? low : v > high ? high : v;
}

static enum kz_err settle_listener(const struct conf *c, struct conf_listener *l,
                                   const char *key, struct conf_problem *problem)
{
    double least = c->network == CONF_REGTEST ? MIN_DIFFICULTY_REGTEST : MIN_DIFFICULTY;
    const char *colon = strrchr(l->address, ':');
    uint32_t port;
    if (colon == NULL || colon == l->address || !parse_number(&port, colon + 1, 65535))
        return refuse(problem, key, "expected an address host:port or [IPv6]:port");
    if (l->minimum <= 0)
        l->minimum = c->stratum.minimum;
    if (l->maximum <= 0)
        l->maximum = fmax(c->stratum.maximum, l->minimum);
    if (l->minimum > l->maximum)
        return refuse(problem, key, "expected minimum <= maximum (%g, %g)", l->minimum,
                      l->maximum);
    if (l->minimum < least)
        return refuse(problem, key,
                      "expected a minimum of at least %g on this network, "
                      "where a share earns one unit of work",
                      least);
    if (l->difficulty <= 0)
        l->difficulty = clamp(DEFAULT_DIFFICULTY, l->minimum, l->maximum);
    if (l->difficulty < l->minimum || l->difficulty > l->maximum)
        return refuse(problem, key, "expected a difficulty from %g to %g", l->minimum,
                      l->maximum);
    if (l->tls &&
        (c->stratum.tls_certificate[0] == '\0' || c->stratum.tls_key[0] == '\0'))
        return refuse(problem, key,
                      "tls needs stratum.tls.certificate and stratum.tls.key");
    if (l->proxy_protocol != (l->proxy_peer_count > 0))
        return refuse(problem, key,
                      "expected proxy_protocol and proxy_peers together or neither");
    return KZ_OK;
}

static bool is_name(const char *text)
{
    return text[0] != '\0' &&
           strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(text);
}

static bool is_printable(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text < ' ' || *text == 0x7f)
            return false;
    }
    return true;
}

/* "" or "HH:MM". */
static bool is_time(const char *text)
{
    char hour[3], minute[3];
    uint32_t n;
    if (text[0] == '\0')
        return true;
    if (strlen(text) != 5 || text[2] != ':')
        return false;
    snprintf(hour, sizeof(hour), "%.2s", text);
    snprintf(minute, sizeof(minute), "%.2s", text + 3);
    return parse_number(&n, hour, 23) && parse_number(&n, minute, 59);
}

static enum kz_err settle_pay(const struct conf_pay *pay, struct conf_problem *problem)
{
    if (!is_time(pay->at))
        return refuse(problem, "payout.at",
                      "expected \"HH:MM\", 00:00 to 23:59, or \"\"");
    if (pay->fee_floor > pay->fee_ceiling)
        return refuse(problem, "payout.fee.floor",
                      "expected no more than payout.fee.ceiling (%lld)",
                      (long long)pay->fee_ceiling);
    if (pay->key_file[0] != '\0' && (pay->receive[0] != '\0' || pay->change[0] != '\0'))
        return refuse(problem, "payout.wallet.key_file",
                      "expected a key file, or receive and change, not both");
    for (size_t i = 0; i < pay->list_count; i++)
        if (pay->lists[i][0] != '/')
            return refuse(problem, "payout.lists", "expected absolute paths");
    if (pay->screen[0] != '\0' && pay->screen[0] != '/')
        return refuse(problem, "payout.screen", "expected an absolute path");
    return KZ_OK;
}

static bool is_below(const char *path, const char *folder)
{
    size_t len = strlen(folder);
    while (len > 1 && folder[len - 1] == '/')
        len--;
    return strncmp(path, folder, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

static enum kz_err settle_backup(const struct conf *c, struct conf_problem *problem)
{
    if (c->backup_at[0] == '\0' || !is_time(c->backup_at))
        return refuse(problem, "backup.at", "expected \"HH:MM\", 00:00 to 23:59");
    if (c->backup_dir[0] != '\0' && c->backup_dir[0] != '/')
        return refuse(problem, "backup.dir", "expected an absolute path, or \"\"");
    if (is_below(c->backup_dir, c->data_dir) || is_below(c->backup_dir, c->vault))
        return refuse(
            problem, "backup.dir",
            "expected a path outside data_dir and the vault: what is lost with "
            "them is no backup");
    return KZ_OK;
}

void conf_data_folder(char *out, size_t size, const char *name)
{
    snprintf(out, size, KARIZ_DATADIR "/%s", name);
    if (access(out, F_OK) != 0)
        snprintf(out, size, KARIZ_SOURCE_DATADIR "/%s", name);
}

static bool is_listed_twice(const struct conf *c, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (c->operators[k].uid == c->operators[i].uid ||
            strcmp(c->operators[k].name, c->operators[i].name) == 0)
            return true;
    return false;
}

static enum kz_err settle_report(const struct conf *c, struct conf_problem *problem)
{
    bool has_dir = c->report_dir[0] != '\0', has_key = c->report_key_file[0] != '\0';
    if (has_dir != has_key)
        return refuse(problem, has_dir ? "report.key_file" : "report.dir",
                      "expected both, or neither");
    if (has_dir && c->report_dir[0] != '/')
        return refuse(problem, "report.dir", "expected an absolute path");
    if (has_key && c->report_key_file[0] != '/')
        return refuse(problem, "report.key_file", "expected an absolute path");
    if (has_dir && c->operator_name[0] == '\0')
        return refuse(problem, "registry.operator",
                      "expected a name: reports say whose they are");
    return KZ_OK;
}

static enum kz_err settle_registry(struct conf *c, struct conf_problem *problem)
{
    if (!is_name(c->jurisdiction))
        return refuse(problem, "registry.jurisdiction",
                      "expected a code such as \"tm\"");
    if (c->profiles[0] == '\0')
        conf_data_folder(c->profiles, sizeof(c->profiles), "jurisdictions");
    if (c->vault[0] == '\0')
        snprintf(c->vault, sizeof(c->vault), "%s/vault", c->data_dir);
    if (c->profiles[0] != '/')
        return refuse(problem, "registry.profiles", "expected an absolute path");
    if (c->vault[0] != '/')
        return refuse(problem, "registry.vault", "expected an absolute path");
    for (size_t i = 0; i < c->watch_list_count; i++)
        if (c->watch_lists[i][0] != '/')
            return refuse(problem, "registry.watch_lists", "expected absolute paths");
    for (size_t i = 0; i < c->report_journal_count; i++)
        if (c->report_journals[i][0] != '/')
            return refuse(problem, "report.journals", "expected absolute paths");
    if (!c->four_eyes && c->network != CONF_REGTEST)
        return refuse(problem, "registry.four_eyes",
                      "expected true on every network but regtest");
    for (size_t i = 0; i < c->operator_count; i++) {
        char key[64];
        snprintf(key, sizeof(key), "registry.operators[%zu]", i);
        if (c->operators[i].name[0] == '\0' || !is_printable(c->operators[i].name))
            return refuse(problem, key, "expected a name without control characters");
        if (is_listed_twice(c, i))
            return refuse(problem, key, "expected a uid and a name of its own");
    }
    return KZ_OK;
}

/* What karizctl prints in front of a path, for people to copy. */
static bool is_web_address(const char *url)
{
    size_t len = strlen(url);
    bool has_scheme =
        strncmp(url, "https://", 8) == 0 || strncmp(url, "http://", 7) == 0;
    return has_scheme && url[len - 1] != '/' && is_printable(url) &&
           strpbrk(url, " \"'<>?#") == NULL;
}

static enum kz_err settle_http(const struct conf *c, struct conf_problem *problem)
{
    const char *colon = strrchr(c->http_listen, ':');
    uint32_t port;
    if (c->http_listen[0] != '\0' && (colon == NULL || colon == c->http_listen ||
                                      !parse_number(&port, colon + 1, 65535)))
        return refuse(problem, "http.listen",
                      "expected an IP address and a port: 127.0.0.1:8080");
    if (c->http_url[0] != '\0' && !is_web_address(c->http_url))
        return refuse(problem, "http.url",
                      "expected https://host, without a slash at the end");
    return KZ_OK;
}

enum kz_err settle(struct conf *c, struct conf_problem *problem)
{
    if (!is_name(c->instance))
        return refuse(problem, "instance", "expected lower-case letters, digits, '-'");
    if (c->data_dir[0] != '/')
        return refuse(problem, "data_dir", "expected an absolute path");
    if (c->control_socket[0] != '/')
        return refuse(problem, "control.socket", "expected an absolute path");
    enum kz_err err = settle_registry(c, problem);
    if (err == KZ_OK)
        err = settle_report(c, problem);
    if (err == KZ_OK)
        err = settle_http(c, problem);
    if (err != KZ_OK)
        return err;
    if (!is_printable(c->coinbase_tag))
        return refuse(problem, "coinbase.tag", "expected no control characters");
    if (c->coinbase_address[0] == '\0' && c->coinbase_descriptor[0] == '\0')
        return refuse(problem, "coinbase.address",
                      "must be given, or coinbase.descriptor: where the pool is paid");
    if (c->coinbase_address[0] != '\0' && c->coinbase_descriptor[0] != '\0')
        return refuse(problem, "coinbase.descriptor",
                      "expected it or coinbase.address, not both");
    if (c->redis_server[0] == '\0')
        snprintf(c->redis_server, sizeof(c->redis_server), "redis-server");
    if (c->stratum.minimum > c->stratum.maximum)
        return refuse(problem, "stratum.vardiff.minimum",
                      "expected at most the maximum");
    err = settle_nodes(c, problem);
    if (err == KZ_OK)
        err = settle_pay(&c->pay, problem);
    if (err == KZ_OK)
        err = settle_backup(c, problem);
    for (size_t i = 0; err == KZ_OK && i < c->stratum.listen_count; i++) {
        char key[64];
        snprintf(key, sizeof(key), "stratum.listen[%zu]", i);
        err = settle_listener(c, &c->stratum.listen[i], key, problem);
    }
    return err;
}

const char *conf_network_name(enum conf_network n)
{
    switch (n) {
    case CONF_MAIN:
        return "main";
    case CONF_TEST:
        return "test";
    case CONF_TESTNET4:
        return "testnet4";
    case CONF_SIGNET:
        return "signet";
    case CONF_REGTEST:
        return "regtest";
    }
    return "?";
}
