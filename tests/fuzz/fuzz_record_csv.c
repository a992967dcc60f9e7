/* tests/fuzz/fuzz_record_csv.c - tables from elsewhere: applications, and an authority's
 * list.
 *
 * A file is taken as far as it is right, and what was not taken is told. */
#include "conf/mem.h"
#include "pool/registry/reconcile.h"
#include "pool/registry/record_csv.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_import(const char *text, size_t len)
{
    struct conf *conf = mem_new(sizeof(*conf));
    const struct profile profile = {.code = "TM", .version = "1"};
    json_t *drafts, *problems, *basis = json_pack("{s:s}", "note", "x");
    const struct record_act act = {.by = "operator-1",
                                   .role = AUDIT_OPERATOR,
                                   .reason = "applied",
                                   .basis = basis,
                                   .profile = &profile,
                                   .conf = conf,
                                   .now_ms = INT64_C(1795694400000)};
    conf->network = CONF_REGTEST;
    record_csv_read(&drafts, &problems, text, len, &act);
    assert(json_array_size(drafts) == 0); /* the profile allows no kind */
    assert(json_array_size(problems) <= RECORD_CSV_PROBLEMS_MAX);
    json_decref(drafts);
    json_decref(problems);
    json_decref(basis);
    mem_free(conf);
}

static void try_reconcile(const char *text, size_t len)
{
    char why[CSV_WHY_SIZE] = "";
    json_t *rows = NULL;
    if (reconcile_read(&rows, why, text, len) != KZ_OK) {
        assert(why[0] != '\0');
        return;
    }
    json_t *none = json_array();
    json_t *found = reconcile(none, rows);
    assert(json_array_size(found) ==
           json_array_size(rows)); /* missing here, or twice */
    json_decref(found);
    json_decref(none);
    json_decref(rows);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    try_import((const char *)data, size);
    try_reconcile((const char *)data, size);
    return 0;
}
