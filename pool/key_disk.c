#include "pool/key_disk.h"

#include "conf/mem.h"
#include "conf/private_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

/* `why` of conf/private_file.h. */
static enum kz_err fail(struct key_problem *problem, enum kz_err err, const char *why)
{
    snprintf(problem->text, sizeof(problem->text), "the key file %s", why);
    return err;
}

enum kz_err key_disk_create(const char *path, struct key_problem *problem,
                            const char *text)
{
    char why[PRIVATE_FILE_WHY_SIZE];
    const struct private_file f = {AT_FDCWD, path};
    enum kz_err err = private_file_create(&f, why, text, strlen(text));
    return err == KZ_OK ? KZ_OK : fail(problem, err, why);
}

enum kz_err key_disk_read(char **text, size_t *len, struct key_problem *problem,
                          const char *path)
{
    char why[PRIVATE_FILE_WHY_SIZE], *all = mem_new(KEY_DISK_MAX);
    const struct private_file f = {AT_FDCWD, path};
    enum kz_err err = private_file_read(all, len, why, &f, KEY_DISK_MAX);
    if (err == KZ_OK) {
        *text = all;
        return KZ_OK;
    }
    mem_free(all);
    if (err != KZ_EMPTY)
        return fail(problem, err, why);
    snprintf(problem->text, sizeof(problem->text), "there is no key file");
    return KZ_EMPTY;
}
