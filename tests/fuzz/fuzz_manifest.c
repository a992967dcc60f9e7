/* tests/fuzz/fuzz_manifest.c - what stands in a package of reports, before its signature is
 * looked at; and a statement about a key.
 *
 * What reads as a manifest is written as the same bytes. */
#include "pool/report/manifest.h"

#include "conf/mem.h"
#include "pool/report/report_key.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_manifest(struct bytes text)
{
    struct manifest *m = NULL;
    char why[MANIFEST_WHY_SIZE] = "", *again = NULL;
    size_t len = 0;
    if (manifest_parse(&m, why, text) != KZ_OK) {
        assert(why[0] != '\0' && m == NULL);
        return;
    }
    for (size_t i = 0; i < m->file_count; i++)
        assert(manifest_name_is_fine(m->files[i].name));
    enum kz_err err = manifest_format(&again, &len, m);
    /* Hex in capitals, or a time in another of its forms, reads as well. */
    assert(err == KZ_OK && len > 0);
    mem_free(again);
    manifest_free(m);
}

static void try_rotation(struct bytes text)
{
    struct report_key_rotation r;
    struct key_problem problem = {""};
    struct sign_context *c = sign_context_new();
    if (report_key_rotation_read(&r, &problem, c, text) == KZ_OK)
        assert(memcmp(r.old_key, r.new_key, XONLY_SIZE) != 0);
    else
        assert(problem.text[0] != '\0');
    sign_context_free(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes text = {data, size};
    try_manifest(text);
    try_rotation(text);
    return 0;
}
