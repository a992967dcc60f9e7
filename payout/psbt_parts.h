/* payout/psbt_parts.h - what the files of PSBT share and nobody else needs.
 *
 * Reading takes from the front of borrowed bytes, which then are what is left; a
 * refused take leaves them as they were. Writing appends to a buffer that grows.
 *
 * Ownership  a buffer's bytes are its holder's to mem_free().
 * Thread     any. Pure. */
#ifndef PAYOUT_PSBT_PARTS_H
#define PAYOUT_PSBT_PARTS_H

#include "payout/psbt.h"

/* False: there is less, or a compact size is not minimal. */
KZ_MUST_USE bool psbt_take(struct bytes *out, struct bytes *from, size_t len);
KZ_MUST_USE bool psbt_take_compact(uint64_t *v, struct bytes *from);
/* A compact size and that many bytes. */
KZ_MUST_USE bool psbt_take_sized(struct bytes *out, struct bytes *from);
/* An output as a transaction has it, all of `in`; the script is borrowed. */
KZ_MUST_USE bool psbt_read_output(struct tx_output *out, struct bytes in);

bool psbt_is_same_output(const struct tx_output *a, const struct tx_output *b);

struct psbt_buffer {
    uint8_t *p;
    size_t len, room;
};
void psbt_add(struct psbt_buffer *b, struct bytes in);
void psbt_add_compact(struct psbt_buffer *b, uint64_t v);
void psbt_add_sized(struct psbt_buffer *b, struct bytes in);

/* One map up to its end mark, sorted, of at most PSBT_RECORDS_MAX records. NULL, or what
 * is wrong with it. */
const char *psbt_map_read(struct psbt_map *map, struct bytes *from);
void psbt_map_write(struct psbt_buffer *b, const struct psbt_map *map);
void psbt_map_clear(struct psbt_map *map);
void psbt_map_copy(struct psbt_map *to, const struct psbt_map *from);
/* Takes out the records of which `drop` says so. */
void psbt_map_drop(struct psbt_map *map, bool (*drop)(const struct psbt_record *));

/* Forms of fields. All records of a map are what `version` (0 or 2) allows there, with
 * what it requires. NULL, or what is wrong with which `field`. */
const char *psbt_check_fields(const char **field, const struct psbt_map *map,
                              enum psbt_place place, unsigned version);
/* A type that psbt_check_fields() knows for inputs. */
bool psbt_is_known_input(const struct psbt_record *record);

/* The output that an input spends, from whichever of its two records there is; both
 * have to agree. Its script is the caller's to mem_free(). KZ_EMPTY: neither is there. */
KZ_MUST_USE enum kz_err psbt_read_spent(struct tx_output *out,
                                        struct psbt_problem *problem,
                                        const struct psbt *p, size_t input);

/* The transaction that the fields of version 2 describe. */
KZ_MUST_USE enum kz_err psbt_build_tx(struct tx *t, struct psbt_problem *problem,
                                      const struct psbt *p, size_t input_count,
                                      size_t output_count);

#endif
