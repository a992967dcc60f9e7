#include "conf/locked.h"

#include "conf/log.h"
#include "conf/mem.h"

#include <assert.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <sys/mman.h>
#include <unistd.h>

struct locked {
    void *p;
    size_t size, mapped;
};

static enum kz_err refuse(const char *call, const char *hint, size_t bytes)
{
    log_error("memory_not_locked", kv_str("call", call), kv_u64("bytes", bytes),
              kv_errno(errno), kv_str("hint", hint));
    return KZ_IO;
}

static enum kz_err protect(void *p, size_t len)
{
    if (mlock(p, len) != 0)
        return refuse("mlock", "raise RLIMIT_MEMLOCK (LimitMEMLOCK= of the service)",
                      len);
    if (madvise(p, len, MADV_DONTDUMP) != 0 || madvise(p, len, MADV_WIPEONFORK) != 0)
        return refuse("madvise", "needs Linux 4.14", len);
    return KZ_OK;
}

enum kz_err locked_new(struct locked **out, size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t len = (size + page - 1) / page * page;
    assert(size > 0 && size <= LOCKED_MAX);
    void *p =
        mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return refuse("mmap", "out of address space", len);
    enum kz_err err = protect(p, len);
    if (err != KZ_OK) {
        munmap(p, len);
        return err;
    }
    struct locked *l = mem_new(sizeof(*l));
    *l = (struct locked){p, size, len};
    *out = l;
    return KZ_OK;
}

void locked_free(struct locked *l)
{
    if (l == NULL)
        return;
    OPENSSL_cleanse(l->p, l->mapped);
    munmap(l->p, l->mapped); /* unlocks too */
    mem_free(l);
}

void *locked_data(struct locked *l)
{
    return l->p;
}

const void *locked_bytes(const struct locked *l)
{
    return l->p;
}

size_t locked_size(const struct locked *l)
{
    return l->size;
}
