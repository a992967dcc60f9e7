/* pool/spool.h - found blocks on disk, so that none is lost with the process.
 *
 * A block is written to data_dir/blocks/HEIGHT-HASH.hex (hex and a line end, as
 * `bitcoin-cli submitblock` takes it) by a thread of its own: whoever sends it to the
 * nodes never waits for a disk, and a full disk is a log line. When its fate is known
 * the file is renamed to .accepted, .rejected or .stale. What is still .hex at the next
 * start is to be sent again.
 *
 * A file is complete or not there: written under another name, synced, renamed, and the
 * directory synced. Of files with a known fate the newest SPOOL_KEEP stay; one that is
 * still .hex is never removed.
 *
 * Ownership  everything is copied.
 * Errors     a block that cannot be written is logged with the path and the reason; a
 *            queue above SPOOL_QUEUE_BYTES refuses the block the same way.
 * Thread     write and mark: any. start, stop, pending: one. */
#ifndef POOL_SPOOL_H
#define POOL_SPOOL_H

#include "share/hash256.h"

#define SPOOL_KEEP        200
#define SPOOL_QUEUE_BYTES ((size_t)256 * 1024 * 1024)
#define SPOOL_FILE_MAX    ((size_t)16 * 1024 * 1024) /* hex of a block: below 8 MB */

struct spool;

enum spool_fate { SPOOL_ACCEPTED, SPOOL_REJECTED, SPOOL_STALE };

/* Makes data_dir/blocks where it is not there, and starts the thread. */
KZ_MUST_USE enum kz_err spool_start(struct spool **out, const char *data_dir);
/* Waits until all is written. NULL accepted. */
void spool_stop(struct spool *s);

void spool_write(struct spool *s, const struct hash256 *hash, uint32_t height,
                 const char *hex, size_t hex_len);
/* The same at once, on the calling thread, into the kernel's page cache: survives the end
 * of this process from then on, not a power cut. For who must not answer before that.
 * KZ_IO: logged. */
KZ_MUST_USE enum kz_err spool_write_now(struct spool *s, const struct hash256 *hash,
                                        uint32_t height, const char *hex,
                                        size_t hex_len);
/* Acts after what was written before it. Unknown hashes are ignored. */
void spool_mark(struct spool *s, const struct hash256 *hash, enum spool_fate fate);

/* Gives every block without a known fate, whose header has the hash that its name says;
 * a file that is damaged is logged and skipped. `hex` is borrowed for the call. Reads
 * on the calling thread: meant for the start. Returns how many it gave. */
size_t spool_pending(const struct spool *s,
                     void (*on_block)(void *ctx, const struct hash256 *hash,
                                      uint32_t height, const char *hex, size_t hex_len),
                     void *ctx);

#endif
