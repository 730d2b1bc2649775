/* audit.h: who did what, and when: append-only, each record chained to the one before it.
 *
 *     sequence (big-endian) -> SHA-256 over (the hash before, the sequence, the record) | the record as one msgpack map
 *     0                     -> the last sequence | its hash, and once records are pruned the last of those | its hash
 *
 * A record that is removed, changed, moved or put in breaks the chain from there on; the entry under 0, written
 * together with each record, tells when the last ones are gone. A record is in the kernel's hands when the append
 * returns.
 *
 * There is no key in this: whoever can write the folder, and computes every hash anew, leaves a chain that is whole.
 * A place of the chain (sequence and hash) that is kept elsewhere, an anchor, uncovers that, and a tail that was cut.
 *
 * Old records are pruned, the whole beginning of the chain at a time. What remains begins behind them, and holds a
 * record of the pruning that names the place of the last of them; without it the beginning counts as missing.
 *
 * Threads: any.
 */
#ifndef POTLINE_STORE_AUDIT_H
#define POTLINE_STORE_AUDIT_H

#include <potline/time.h>

#include "store/store.h"

enum { PL_AUDIT_HASH = 32, PL_AUDIT_TEXT_MAX = 4096 /* longer texts are cut */ };

/* Texts that are not given are NULL on appending and "" on reading. What is not UTF-8 in them becomes U+FFFD. */
struct pl_audit_record {
    uint64_t sequence; /* from 1; set by append */
    pl_time time;
    const char *user;
    const char *role;
    const char *origin; /* where it came from: "shell", "engine", "http 10.0.0.7" */
    const char *action; /* the command: "alarms ack", "login" */
    const char *object; /* what it was about: "clean.spike.k" */
    const char *from;   /* its value before */
    const char *to;     /* and after */
    const char *reason;
    const char *outcome; /* "done", "refused", or why it failed */
    const char *correlation;
    const char *detail;          /* what else belongs to it */
    uint8_t hash[PL_AUDIT_HASH]; /* set by append */
    /* Beside the record, in the same write; NULL on reading. */
    const char *opens;  /* a name under which an end is owed from here on */
    const char *closes; /* this is the end of what was opened under that name */
};

struct pl_audit;

/* To append. Damage at the end is no reason not to go on: it is logged, and left for pl_audit_each to find. */
enum pl_code pl_audit_open(struct pl_store *store, struct pl_audit **audit, struct pl_error **error);
void pl_audit_close(struct pl_audit *audit); /* NULL is fine */
enum pl_code pl_audit_append(struct pl_audit *audit, struct pl_audit_record *record, struct pl_error **error);

/* Calls `each` for records from sequence `from` (1: all) on, in order, until one does not return PL_OK; the record is
 * borrowed for the call. PL_CORRUPT names the first record that is missing, changed or out of place; the ones in front
 * of it have been given. Works on a read-only store. */
typedef enum pl_code pl_audit_visitor(void *arg, const struct pl_audit_record *record, struct pl_error **error);
enum pl_code pl_audit_each(struct pl_store *store, uint64_t from, pl_audit_visitor *each, void *arg,
                           struct pl_error **error);

/* Calls `each` for what is owed an end, with the record that opened it (without texts where that is pruned or damaged),
 * in the order of names that begin with `prefix`, until one does not return PL_OK. `each` may append. */
typedef enum pl_code pl_audit_owed_visitor(void *arg, const char *name, const struct pl_audit_record *record,
                                           struct pl_error **error);
enum pl_code pl_audit_owed_each(struct pl_audit *audit, const char *prefix, pl_audit_owed_visitor *each, void *arg,
                                struct pl_error **error);

/* ---- Places in the chain ---- */

/* As text "SEQUENCE:HASH", the hash in hexadecimal. */
struct pl_audit_place {
    uint64_t sequence; /* 0: there is none */
    uint8_t hash[PL_AUDIT_HASH];
};

enum { PL_AUDIT_PLACE_TEXT = 20 + 1 + 2 * PL_AUDIT_HASH + 1 };

void pl_audit_place_put(const struct pl_audit_place *place, char text[PL_AUDIT_PLACE_TEXT]);
bool pl_audit_place_read(const char *text, struct pl_audit_place *place); /* the whole of the text; no sequence 0 */

/* The last record, to be kept elsewhere. */
void pl_audit_head(struct pl_audit *audit, struct pl_audit_place *place);

/* What the folder itself says: the last record that is pruned, and the last one there is. */
enum pl_code pl_audit_places(struct pl_store *store, struct pl_audit_place *pruned, struct pl_audit_place *last,
                             struct pl_error **error);

/* ---- Pruning ---- */

#define PL_AUDIT_PRUNE "audit prune"  /* the action of its records; `to` is the place of the last that was removed */
#define PL_AUDIT_LEAST (730 * PL_DAY) /* how long records stay, unless somebody takes it upon him */

/* Removes the records in front of the first one that is not older than `before`, and appends a record of how many they
 * were, by action and user. `record` gives its time, origin, reason and the like. *removed may be 0: nothing was
 * written. PL_CORRUPT: they are damaged, and stay. One thread at a time. */
enum pl_code pl_audit_prune(struct pl_audit *audit, pl_time before, struct pl_audit_record *record, uint64_t *removed,
                            struct pl_error **error);

#endif
