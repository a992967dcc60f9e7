/* tests/fuzz/fuzz_guide.c - lines that are answers to an application's questions.
 *
 * Whatever is answered, questions end with the input; a record that comes out can be
 * shown, judged and written as JSON, and nothing that was shown is a control character. */
#include "conf/mem.h"
#include "pool/guide.h"
#include "tests/fuzz/profile_fixture.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_record(const struct guide *g, json_t *record)
{
    char why[RECORD_WHY_SIZE];
    json_t *findings = NULL;
    guide_print_record(g, record);
    if (guide_find(&findings, why, g, record) == KZ_OK)
        guide_print_findings(g->out, g->words, findings);
    char *text = json_dumps(record, 0);
    assert(text != NULL);
    free(text);
    json_decref(findings);
    json_decref(record);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct profile profile;
    struct conf *conf = mem_new(sizeof(*conf));
    json_t *basis = json_pack("{s:s}", "code", "application"), *record = NULL;
    char *shown = NULL;
    size_t len = 0;
    fill_profile(&profile);
    conf->network = CONF_REGTEST;
    const struct record_act act = {.by = "fuzz",
                                   .role = AUDIT_OPERATOR,
                                   .reason = "applied",
                                   .basis = basis,
                                   .profile = &profile,
                                   .conf = conf,
                                   .now_ms = NOW_MS};
    struct words *words = words_of_take(NULL);
    FILE *in = size > 0 ? fmemopen((void *)data, size, "r") : fopen("/dev/null", "r");
    FILE *out = open_memstream(&shown, &len);
    const struct guide g = {in, out, words, &act};
    if (guide_run(&record, &g, NULL) == KZ_OK)
        try_record(&g, record);
    fclose(in);
    fclose(out);
    for (size_t i = 0; i < len; i++)
        assert((unsigned char)shown[i] >= ' ' || shown[i] == '\n');
    free(shown);
    words_free(words);
    json_decref(basis);
    mem_free(conf);
    return 0;
}
