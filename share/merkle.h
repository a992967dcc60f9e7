/* share/merkle.h - the merkle branch beside the coinbase, and folding it.
 *
 * A branch is what mining.notify carries: the sibling at each level on the way from
 * transaction 0 to the root. Where a level has an odd count its last node is paired
 * with itself. All hashes in internal order. Pure; any thread. */
#ifndef SHARE_MERKLE_H
#define SHARE_MERKLE_H

#include "share/hash256.h"

/* `hashes[0 .. count)` are all transactions' in order; [0], the coinbase's, is not
 * read. They are used up. `branch` has room for `max`; returns how many, or `max` + 1
 * when it would take more. */
size_t merkle_branch(struct hash256 *branch, size_t max, struct hash256 *hashes,
                     size_t count);

/* The root over `leaf` at index 0. */
void merkle_fold(struct hash256 *root, const struct hash256 *leaf,
                 const struct hash256 *branch, size_t count);

#endif
