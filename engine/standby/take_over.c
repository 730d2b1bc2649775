/* take_over.c: a copy becomes a folder of its own right. */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "standby/follow_impl.h"
#include "store/audit.h"

static enum pl_code note(struct pl_store *store, const struct pl_lineage *lineage, uint64_t before, const char *from,
                         const char *why, struct pl_error **error) {
    char was[32], is[32];
    struct pl_clock wall;
    struct pl_audit *audit;
    pl_clock_init(&wall, PL_CLOCK_WALL, 0);
    snprintf(was, sizeof was, "generation %" PRIu64, before);
    snprintf(is, sizeof is, "generation %" PRIu64, lineage->generation);
    struct pl_audit_record record = {.time = pl_clock_now(&wall),
                                     .origin = "standby",
                                     .action = "standby takeover",
                                     .object = from,
                                     .from = was,
                                     .to = is,
                                     .reason = why,
                                     .outcome = "done"};
    enum pl_code code = pl_audit_open(store, &audit, error);
    if (code) return code;
    code = pl_audit_append(audit, &record, error);
    pl_audit_close(audit);
    return code;
}

enum pl_code pl__take_over(struct pl_store *store, struct pl_lineage *lineage, const char *from, const char *why,
                           struct pl_error **error) {
    uint64_t before = lineage->generation;
    enum pl_code code = pl_lineage_read(store, lineage, error); /* as the last write has left it */
    if (!code) code = pl_lineage_take_over(store, lineage, error);
    return code ? code : note(store, lineage, before, from, why, error);
}

enum pl_code pl_standby_take_over(const char *data, struct pl_store_key *key, const char *why,
                                  struct pl_error **error) {
    struct pl_store *store;
    struct pl_lineage lineage;
    char current[4096];
    if (snprintf(current, sizeof current, "%s/store/CURRENT", data) >= (int)sizeof current || access(current, F_OK))
        return pl_error_set(error, PL_NOT_FOUND, "%s: not a data folder", data);
    enum pl_code code = pl_store_open(data, &(struct pl_store_options){.key = key, .follow = true}, &store, error);
    if (code) return code;
    code = pl_lineage_read(store, &lineage, error);
    if (!code && !lineage.copy && !lineage.passed)
        code = pl_error_set(error, PL_CONFLICT, "%s: not a standby's copy, and nobody has taken over from it", data);
    if (!code) code = pl__take_over(store, &lineage, "", why, error);
    pl_store_close(store);
    return code;
}
