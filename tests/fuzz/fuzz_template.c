/* tests/fuzz/fuzz_template.c - what a node may answer to getblocktemplate.
 *
 * Bytes to JSON to a template, and, where it is one, on to a job and a block: sizes,
 * weights and hex come from outside all the way. */
#include "conf/mem.h"
#include "share/job.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use_template(struct template *t)
{
    static const uint8_t script[22] = {0x00, 0x14};
    static const uint8_t header[80], extranonce[JOB_EXTRANONCE_SIZE];
    const struct job_output output = {t->coinbase_value_sat, {script, sizeof(script)}};
    const struct job_spec spec = {.template = t,
                                  .id = {1},
                                  .ntime = t->curtime,
                                  .tag = "/Kariz/",
                                  .outputs = &output,
                                  .output_count = 1};
    struct job *job = NULL;
    char why[JOB_WHY_SIZE];
    size_t len = 0;
    if (job_new(&job, why, &spec) != KZ_OK)
        return;
    char *hex = job_block_hex(job, header, extranonce, &len);
    assert(strlen(hex) == len && hex_is_valid(hex, len));
    mem_free(hex);
    job_unref(job);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *json = json_loadb((const char *)data, size, 0, NULL);
    for (int signet = 0; json != NULL && signet <= 1; signet++) {
        const struct template_rules rules = {.signet = signet == 1};
        struct template *t = NULL;
        char why[TEMPLATE_WHY_SIZE] = "";
        if (template_parse(&t, why, json, &rules) == KZ_OK)
            use_template(t);
        else
            assert(why[0] != '\0');
        template_unref(t);
    }
    json_decref(json);
    return 0;
}
