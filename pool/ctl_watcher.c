#include "pool/ctl_watcher.h"

#include "pool/ctl_table.h"

#include <stdio.h>

/* The address stands alone on its line: it is copied, and not seen again. */
void show_watcher_made(const json_t *result)
{
    const char *url = ctl_text(result, "url");
    printf("watcher %s of %s, until %.16sZ\n\n", ctl_text(result, "id"),
           ctl_text(result, "miner"), ctl_text(result, "until"));
    if (url[0] != '\0')
        printf("  %s\n\n", url);
    else
        printf("  %s\n\n(behind the pool's web address: http.url is not set)\n",
               ctl_text(result, "path"));
    printf("note: %s\n", ctl_text(result, "note"));
}

static void fill_watcher(char row[CTL_COLUMNS_MAX][CTL_CELL_SIZE], const json_t *w)
{
    ctl_set_cell(row[0], ctl_text(w, "id"));
    ctl_set_cell(row[1], ctl_text(w, "miner"));
    snprintf(row[2], CTL_CELL_SIZE, "%.16sZ", ctl_text(w, "from"));
    snprintf(row[3], CTL_CELL_SIZE, "%.16sZ", ctl_text(w, "until"));
    ctl_set_cell(row[4], json_is_true(json_object_get(w, "live")) ? "" : "over");
    ctl_set_cell(row[5], ctl_text(w, "by"));
}

void show_watchers(const json_t *result)
{
    struct ctl_table t = {.head = {"WATCHER", "MINER", "FROM", "UNTIL", "", "MADE BY"},
                          .columns = 6};
    ctl_print_array(&t, result, fill_watcher);
}
