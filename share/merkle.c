#include "share/merkle.h"

size_t merkle_branch(struct hash256 *branch, size_t max, struct hash256 *hashes,
                     size_t count)
{
    size_t steps = 0;
    while (count > 1) {
        if (steps == max)
            return max + 1;
        branch[steps++] = hashes[1];
        size_t next = (count + 1) / 2;
        for (size_t i = 1; i < next; i++) {
            size_t right = 2 * i + 1 < count ? 2 * i + 1 : 2 * i;
            hash256_pair(&hashes[i], &hashes[2 * i], &hashes[right]);
        }
        count = next;
    }
    return steps;
}

void merkle_fold(struct hash256 *root, const struct hash256 *leaf,
                 const struct hash256 *branch, size_t count)
{
    struct hash256 h = *leaf;
    for (size_t i = 0; i < count; i++)
        hash256_pair(&h, &h, &branch[i]);
    *root = h;
}
