/* pool/report/fill.h - a report's cells set one after the other.
 *
 * A source fills dozens of cells from records; the first that is refused ends it, and is
 * named once. What a record lacks stays empty; and so does what no cell can hold of a
 * draft, which may have any errors: one bad application must not end all reports.
 *
 * Units   as pool/report/table.h; of records: GH/s, W, kW, dates, ISO times.
 * Errors  `err` and `why` of the first refusal; from then on nothing is set.
 * Thread  one at a time. */
#ifndef POOL_REPORT_FILL_H
#define POOL_REPORT_FILL_H

#include "pool/report/history.h"
#include "pool/report/source.h"

#define FILL_GHS_MILLIONTHS 1000 /* a GH/s in millionths of a TH/s */

struct fill {
    struct report *report;
    char *why; /* SOURCE_WHY_SIZE */
    enum kz_err err;
    bool is_draft; /* of the row, until the next one begins */
};

/* A new report of this kind, and whoever fills it. */
KZ_MUST_USE enum kz_err fill_begin(struct fill *f, char why[SOURCE_WHY_SIZE],
                                   enum report_id id, const struct report_source *s);
/* Totals, and the report is the caller's; on an error it is freed. */
KZ_MUST_USE enum kz_err fill_end(struct report **out, struct fill *f);

void fill_row(struct fill *f);
void fill_text(struct fill *f, const char *column, const char *text);
void fill_number(struct fill *f, const char *column, int64_t number);
/* Of an object's member: a text, a whole number times `scale`, an ISO time. */
void fill_member(struct fill *f, const char *column, const json_t *object,
                 const char *member);
void fill_whole(struct fill *f, const char *column, const json_t *object,
                const char *member, int64_t scale);
void fill_time(struct fill *f, const char *column, const json_t *object,
               const char *member);

/* miner_id to residence_country, of a record; NULL: they stay empty. */
void fill_miner(struct fill *f, const json_t *record);
/* official_name: of a person out of the vault, as long as it is the one of the record. Who
 * was erased, or has another name by now, has none here any more. */
void fill_name(struct fill *f, const json_t *record, struct vault *vault);

/* The last day of the zone that the report covers, and the first. */
void fill_days(char first[PERIOD_DATE_SIZE], char last[PERIOD_DATE_SIZE],
               const struct report_source *s);
/* Whether an entry of a list with "from" and "to" (dates) was there on any day of
 * [first, last]: the day "to" is the first on which it was not any more. */
bool fill_was_there(const json_t *entry, const char *first, const char *last);
/* The instant that the report's facts are of: its period's end, or now before that. */
int64_t fill_instant(const struct report_source *s);

#endif
