/* tests/fuzz/fuzz_backup.c - a backup's manifest, as it comes from some disk.
 *
 * Whatever is taken can be written again and is then taken as the same, and no name in it
 * leads out of the backup. */
#include "conf/mem.h"
#include "pool/backup_manifest.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_again(const struct backup_manifest *m)
{
    char *text = NULL, *again = NULL, why[BACKUP_WHY_SIZE];
    size_t len = 0, again_len = 0;
    struct backup_manifest back;
    enum kz_err err = backup_manifest_format(&text, &len, why, m);
    assert(err == KZ_OK);
    err = backup_manifest_parse(&back, why, (struct bytes){(const uint8_t *)text, len});
    assert(err == KZ_OK);
    err = backup_manifest_format(&again, &again_len, why, &back);
    assert(err == KZ_OK && strcmp(text, again) == 0);
    backup_manifest_clear(&back);
    mem_free(text);
    mem_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char why[BACKUP_WHY_SIZE] = "";
    struct backup_manifest m;
    if (backup_manifest_parse(&m, why, (struct bytes){data, size}) != KZ_OK) {
        assert(why[0] != '\0');
        return 0;
    }
    for (size_t i = 0; i < m.file_count; i++)
        assert(backup_file_name_is_good(m.files[i].name) &&
               backup_manifest_find(&m, m.files[i].name) == &m.files[i]);
    write_again(&m);
    backup_manifest_clear(&m);
    return 0;
}
