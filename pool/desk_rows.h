/* pool/desk_rows.h - the table of pool/desk.h: for desk.c, and for who lists the commands.
 *
 * Thread  control; the rows are constant, their functions do no I/O but what they say. */
#ifndef POOL_DESK_ROWS_H
#define POOL_DESK_ROWS_H

#include "pool/registry/registry.h"

struct desk_row;

/* What a registry_how_fn of the table is given. */
struct desk_what {
    const struct desk_row *row;
    const json_t *arguments;
    struct vault *vault;
    struct screen_shelf *screens;
};

struct desk_notice {
    const struct desk_row *row;
    const json_t *arguments;
    const struct registry_order *order;
    const struct registry *registry;
    const struct conf *conf;
    struct vault *vault;
};

/* Facts and detail of the event, whom it is about ("": nobody), and what whoever asked is
 * told (NULL: the row's answer); the caller's. */
struct desk_noted {
    json_t *facts, *detail, *answer;
    char miner[MINER_ID_MAX + 1];
};

struct desk_row {
    const char *command;
    enum audit_role role; /* AUDIT_OPERATOR: whoever is listed */
    const char *reason;   /* where none is given; NULL: it must be */
    const char *code;     /* of the basis, where none is given */
    registry_how_fn *how; /* changes a record */
    enum miner_state to;  /* of those that move it */
    enum record_proposed proposes;
    bool needs_address;
    bool may_be_ordered; /* by an authority's order, at once and by one */
    bool by_rank;        /* an officer does it as such, not as whoever is listed */
    /* Changes no record. */
    enum kz_err (*notice)(struct desk_noted *out, char why[RECORD_WHY_SIZE],
                          const struct desk_notice *n);
    enum audit_word word; /* of a notice */
    /* Answers at once, and nothing happened: no event. */
    enum kz_err (*look)(json_t **answer, char why[RECORD_WHY_SIZE],
                        const struct desk_notice *n);
    /* Of the record, which it takes; NULL: it is the answer itself. */
    json_t *(*answer)(json_t *record, const char *address, const struct conf *conf);
};

/* NULL: none of the table. */
const struct desk_row *desk_row_find(const char *command);

/* Of pool/desk_vault.c. */
enum kz_err desk_vault_check(json_t **answer, char why[RECORD_WHY_SIZE],
                             const struct desk_notice *n);
enum kz_err desk_vault_rotate(struct desk_noted *out, char why[RECORD_WHY_SIZE],
                              const struct desk_notice *n);
enum kz_err desk_disclose(struct desk_noted *out, char why[RECORD_WHY_SIZE],
                          const struct desk_notice *n);
registry_how_fn desk_update, desk_screen;

/* Confirms another person's open proposal of just this, or else makes one. */
enum kz_err desk_in_twos(json_t **out, struct record_happened *happened,
                         char why[RECORD_WHY_SIZE], const json_t *record,
                         const struct record_proposal *p, const struct record_act *act);

#endif
