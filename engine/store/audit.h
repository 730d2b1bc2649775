/* audit.h: who did what, and when: append-only, each record chained to the one before it.
 *
 *     sequence (big-endian) -> SHA-256 over (the hash before, the record) | the record as one msgpack map
 *
 * A record that is removed, changed or moved breaks the chain from there on. Records are kept for good; one is in the
 * kernel's hands when the append returns.
 *
 * Threads: any.
 */
#ifndef POTLINE_STORE_AUDIT_H
#define POTLINE_STORE_AUDIT_H

#include <potline/time.h>

#include "store/store.h"

enum { PL_AUDIT_HASH = 32, PL_AUDIT_TEXT_MAX = 4096 /* longer texts are cut */ };

/* Texts that are not given are NULL on appending and "" on reading. */
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
};

struct pl_audit;

enum pl_code pl_audit_open(struct pl_store *store, struct pl_audit **audit, struct pl_error **error);
void pl_audit_close(struct pl_audit *audit); /* NULL is fine */
enum pl_code pl_audit_append(struct pl_audit *audit, struct pl_audit_record *record, struct pl_error **error);

/* Calls `each` for records from sequence `from` on, in order, until one does not return PL_OK; texts are borrowed for
 * the call. PL_CORRUPT names the first record that is missing, changed or out of place. Works on a read-only store. */
typedef enum pl_code pl_audit_visitor(void *arg, const struct pl_audit_record *record, struct pl_error **error);
enum pl_code pl_audit_each(struct pl_store *store, uint64_t from, pl_audit_visitor *each, void *arg,
                           struct pl_error **error);

#endif
