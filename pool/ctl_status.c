#include "pool/ctl_client.h"
#include "pool/ctl_local.h"
#include "pool/ctl_show.h"
#include "share/bytes.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WATCH_S     2
#define WATCH_MAX_S 86400

static int show_once(const struct ctl_place *place)
{
    char why[CTL_WHY_SIZE];
    json_t *status;
    if (ctl_call(&status, why, place->socket, "status", NULL, CTL_PATIENCE_S) !=
        KZ_OK) {
        fprintf(stderr, "karizctl: %s\n", why);
        return 1;
    }
    if (place->json) {
        json_dumpf(status, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
        puts("");
    } else {
        show_status(status);
    }
    json_decref(status);
    return fflush(stdout) == 0 ? 0 : 1;
}

/* Of an option: true is what stands alone. False: not from 1 to `max`. */
static bool read_count(long *out, const json_t *arguments, const char *name, long max)
{
    const char *text = json_string_value(json_object_get(arguments, name));
    uint64_t v = 0;
    if (text == NULL)
        return true;
    if (!decimal_read(&v, text, (uint64_t)max) || v == 0)
        return false;
    *out = (long)v;
    return true;
}

/* Home, and nothing below: redrawn in place without a blank screen in between. */
static void begin_picture(bool is_terminal)
{
    if (is_terminal)
        fputs("\033[H\033[J", stdout);
}

static int watch(const struct ctl_place *place, long seconds, long count)
{
    bool is_terminal = isatty(STDOUT_FILENO) == 1;
    int status = 0;
    if (is_terminal)
        fputs("\033[2J", stdout);
    for (long i = 0; count == 0 || i < count; i++) {
        if (i > 0)
            poll(NULL, 0, (int)seconds * 1000);
        begin_picture(is_terminal);
        status = show_once(place); /* a daemon that starts again is waited for */
        if (!is_terminal && !place->json)
            puts("");
        if (fflush(stdout) != 0)
            return 1; /* nobody reads any more */
    }
    return status;
}

int ctl_status(const struct ctl_place *place, const json_t *arguments)
{
    long seconds = WATCH_S, count = 0;
    bool is_watched = json_object_get(arguments, "watch") != NULL;
    if (!read_count(&seconds, arguments, "watch", WATCH_MAX_S) ||
        !read_count(&count, arguments, "count", 1000000)) {
        fputs("karizctl: --watch and --count take a number from 1\n", stderr);
        return 2;
    }
    return is_watched ? watch(place, seconds, count) : show_once(place);
}
