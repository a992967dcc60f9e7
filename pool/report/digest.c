#include "pool/report/digest.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE 65536

static enum kz_err digest_all(struct hash256 *sha256, uint64_t *bytes, EVP_MD_CTX *x,
                              int fd)
{
    uint8_t piece[PIECE];
    uint64_t all = 0;
    bool ok = x != NULL && EVP_DigestInit_ex(x, EVP_sha256(), NULL) == 1;
    while (ok) {
        ssize_t n = read(fd, piece, sizeof(piece));
        if (n < 0 && errno == EINTR)
            continue;
        if (n == 0)
            break;
        ok = n > 0 && EVP_DigestUpdate(x, piece, (size_t)n) == 1;
        all += ok ? (uint64_t)n : 0;
    }
    if (!ok || EVP_DigestFinal_ex(x, sha256->b, NULL) != 1)
        return KZ_IO;
    *bytes = all;
    return KZ_OK;
}

enum kz_err digest_file(struct hash256 *sha256, uint64_t *bytes, const char *path)
{
    struct stat st;
    /* O_NONBLOCK: a named pipe there must not stop the program. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return errno == ELOOP ? KZ_RANGE : KZ_IO;
    enum kz_err err = KZ_IO;
    if (fstat(fd, &st) == 0 && !S_ISREG(st.st_mode)) {
        err = KZ_RANGE;
    } else {
        EVP_MD_CTX *x = EVP_MD_CTX_new();
        err = digest_all(sha256, bytes, x, fd);
        EVP_MD_CTX_free(x);
    }
    close(fd);
    return err;
}
