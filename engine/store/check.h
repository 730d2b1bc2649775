/* check.h: looking through everything that a data folder keeps, without stopping at the first thing that is wrong.
 *
 * A finding is told and the search goes on; what is returned says whether it could be made at all. All of it works on a
 * read-only store, beside an engine that writes.
 *
 * A finding is removable when nothing else depends on the entry: a record of a zone whose rows cannot be read, say. Of
 * the log, the checkpoint and the audit nothing is: a gap there is what they are there to show.
 */
#ifndef POTLINE_STORE_CHECK_H
#define POTLINE_STORE_CHECK_H

#include "store/lake.h"

struct pl_finding {
    const char *area; /* "silver" */
    const char *text; /* "node a, partition 0, record 17: ..." */
    bool removable;
    enum pl_store_family family; /* of a removable one */
    const void *key;
    size_t key_size;
};

struct pl_check {
    struct pl_store *store;
    struct pl_tags *tags; /* takes the names that are read */
    void (*found)(void *arg, const struct pl_finding *finding);
    void *arg;
    uint64_t checked; /* entries so far: added to */
};

void pl_check_found(const struct pl_check *check, const char *area, const char *format, ...) PL_PRINTF(3, 4);
/* Reading a family has ended before its end: that is a finding too. Frees *error. */
void pl_check_unreadable(const struct pl_check *check, const char *area, struct pl_error **error);

enum pl_code pl_check_zone(struct pl_check *check, enum pl_zone_id id, struct pl_error **error); /* not bronze */
enum pl_code pl_check_state(struct pl_check *check, struct pl_error **error); /* the checkpoint and what led to it */
enum pl_code pl_check_kept(struct pl_check *check, struct pl_error **error);
enum pl_code pl_check_audit(struct pl_check *check, struct pl_error **error);

#endif
