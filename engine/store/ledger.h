/* ledger.h: the loss ledger as it stands in the state: what became of every sample that was expected.
 *
 *     s $ledger, 0, partition, record, 'a', source, 0, tag, 0, cause        -> an account that is open: its last row,
 * two hours s $ledger, 0, partition, record, 'h', hour, source, 0, tag, 0, cause  -> an hour that is closed s $ledger,
 * 0, partition, record, 'h', hour, source, 0, tag, 0, cause, 0, letter -> a letter that came in after all
 *
 * It is state of the epochs (epochs.h), so it counts once whatever happens. `cause` is empty for what is counted of
 * rows, else the reason of what is counted of losses. Who counts is runtime/counting.h.
 */
#ifndef POTLINE_STORE_LEDGER_H
#define POTLINE_STORE_LEDGER_H

#include "store/state.h"
#include "store/store.h"

#define PL_LEDGER_NODE "$ledger" /* no node of a graph is called that */

enum pl_ledger_count {
    PL_LEDGER_EXPECTED, /* samples that came, and those that were due and did not */
    PL_LEDGER_ACCEPTED,
    PL_LEDGER_LATE,
    PL_LEDGER_DUPLICATE,
    PL_LEDGER_REJECTED,
    PL_LEDGER_MISSING,
    PL_LEDGER_UNKEPT, /* of the rejected: there is no letter */
    PL_LEDGER_COUNTS
};
extern const char *const pl_ledger_names[PL_LEDGER_COUNTS];

struct pl_ledger_hour {
    pl_time begin; /* PL_TIME_MIN: none */
    int64_t count[PL_LEDGER_COUNTS];
};

struct pl_ledger_account {
    const char *source, *tag, *cause; /* the tag is empty where it is not known */
    pl_time last;                     /* time of its last row */
    struct pl_ledger_hour hour[2];    /* the newest, and one before it */
};

pl_time pl_ledger_hour_of(pl_time time);

/* ---- Entries of an epoch ---- */

void pl_ledger_put_account(struct pl_buffer *out, const struct pl_ledger_account *account);
/* `letter`: 0 for an hour that is closed. */
void pl_ledger_put_hour(struct pl_buffer *out, const struct pl_ledger_account *account,
                        const struct pl_ledger_hour *hour, uint64_t letter);

/* The open accounts of a partition at the last epoch. */
typedef enum pl_code pl_ledger_account_visitor(void *arg, const struct pl_ledger_account *account,
                                               struct pl_error **error);
enum pl_code pl_ledger_accounts(struct pl_store *store, uint16_t partition, pl_ledger_account_visitor *each, void *arg,
                                struct pl_error **error);

/* For another number of partitions: every entry, the open accounts first; those of several partitions that are the same
 * are added up, so that whoever gives all of one account to one partition loses nothing. Both are borrowed. */
typedef enum pl_code pl_ledger_sharer(void *arg, const struct pl_ledger_account *account,
                                      const struct pl_state_entry *entry, struct pl_error **error);
enum pl_code pl_ledger_share(struct pl_store *store, unsigned partitions, pl_ledger_sharer *each, void *arg,
                             struct pl_error **error);

/* Forgets the hours in front of `before`, of every partition. */
enum pl_code pl_ledger_trim(struct pl_store *store, pl_time before, struct pl_error **error);

/* ---- Asking ---- */

struct pl_ledger_query {
    pl_time from, to;         /* hours that begin in from <= time < to */
    const char *source, *tag; /* globs; NULL: all */
};

/* A sum over the hours and partitions, of one source, tag and cause; or, with an empty cause, over all causes; or, with
 * a NULL tag, over all tags. */
struct pl_ledger_sum {
    const char *source, *tag, *cause;
    int64_t count[PL_LEDGER_COUNTS];
};

struct pl_ledger_report {
    struct pl_ledger_sum *causes; /* by source, tag and cause: those with losses */
    struct pl_ledger_sum *tags;   /* by source and tag */
    struct pl_ledger_sum *sources;
    uint32_t cause_count, tag_count, source_count;
    struct pl_ledger_sum total;
};

/* As of the last epoch. pl_ledger_report_fini in success and failure. */
enum pl_code pl_ledger_ask(struct pl_store *store, const struct pl_ledger_query *query, struct pl_ledger_report *report,
                           struct pl_error **error);
void pl_ledger_report_fini(struct pl_ledger_report *report);

/* Is what was expected the sum of what became of it? */
bool pl_ledger_adds_up(const struct pl_ledger_sum *sum);

/* What was lost of what was expected, 0 to 1: missing and rejected ones, with `late` late ones too. A duplicate was not
 * expected. */
double pl_ledger_loss(const struct pl_ledger_sum *sum, bool late);

#endif
