/* audit_prune.c: the beginning of the chain goes when it is old, and a record of it stays. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <potline/text.h>

#include "base/tally.h"
#include "store/audit_impl.h"

enum { NAMES_MAX = 64, NAME_TEXT = 60 /* a name is cut there: strangers choose theirs when they try to sign in */ };

/* What goes. */
struct old {
    pl_time before;
    struct pl_audit_place last;
    uint64_t first; /* sequence */
    pl_time oldest, newest;
    struct pl_tally actions, users;
};

static void count(struct pl_tally *tally, const char *text) {
    char name[NAME_TEXT + 1];
    size_t length = strlen(text);
    if (length > NAME_TEXT) length = pl_text_cut(text, NAME_TEXT);
    memcpy(name, text, length);
    name[length] = 0;
    pl_tally_add(tally, length ? name : "-");
}

/* PL_UNKNOWN without a message: here ends what is old. */
static enum pl_code take_old(void *arg, const struct pl_audit_record *record, struct pl_error **error) {
    struct old *old = arg;
    (void)error;
    if (record->time >= old->before) return PL_UNKNOWN;
    if (!old->first || record->time < old->oldest) old->oldest = record->time;
    if (!old->first || record->time > old->newest) old->newest = record->time;
    if (!old->first) old->first = record->sequence;
    old->last.sequence = record->sequence;
    memcpy(old->last.hash, record->hash, PL_AUDIT_HASH);
    count(&old->actions, record->action);
    count(&old->users, record->user);
    return PL_OK;
}

static void put_tally(FILE *out, const char *label, struct pl_tally *tally) {
    pl_tally_sort(tally);
    fprintf(out, "; %s: ", label);
    for (unsigned i = 0; i < tally->count; i++)
        fprintf(out, "%s%s %" PRIu64, i ? ", " : "", tally->entries[i].name, tally->entries[i].count);
    if (tally->others) fprintf(out, ", others %" PRIu64, tally->others);
}

/* Cut where a text of a record ends; users come last, since strangers choose their names. */
static void describe(struct old *old, char text[PL_AUDIT_TEXT_MAX]) {
    char oldest[PL_TEXT_TIME_MAX], newest[PL_TEXT_TIME_MAX];
    *pl_text_put_time(oldest, old->oldest) = 0;
    *pl_text_put_time(newest, old->newest) = 0;
    *text = 0;
    FILE *out = fmemopen(text, PL_AUDIT_TEXT_MAX, "w");
    if (!out) return;
    fprintf(out, "from %s to %s", oldest, newest);
    put_tally(out, "actions", &old->actions);
    put_tally(out, "users", &old->users);
    fclose(out);
    text[PL_AUDIT_TEXT_MAX - 1] = 0;
}

static enum pl_code remove_old(struct pl_audit *audit, struct old *old, struct pl_audit_record *record,
                               struct pl_error **error) {
    char place[PL_AUDIT_PLACE_TEXT], object[80], detail[PL_AUDIT_TEXT_MAX];
    pl_audit_place_put(&old->last, place);
    snprintf(object, sizeof object, "records %" PRIu64 " to %" PRIu64, old->first, old->last.sequence);
    describe(old, detail);
    record->action = PL_AUDIT_PRUNE;
    record->object = object;
    record->to = place;
    record->outcome = "done";
    record->detail = detail;
    pthread_mutex_lock(&audit->lock);
    enum pl_code code = pl__audit_append(audit, record, &old->last, error);
    pthread_mutex_unlock(&audit->lock);
    record->object = record->to = record->detail = NULL;
    return code;
}

enum pl_code pl_audit_prune(struct pl_audit *audit, pl_time before, struct pl_audit_record *record, uint64_t *removed,
                            struct pl_error **error) {
    struct old old = {.before = before};
    *removed = 0;
    pl_tally_init(&old.actions, NAMES_MAX);
    pl_tally_init(&old.users, NAMES_MAX);
    enum pl_code code = pl_audit_each(audit->store, 1, take_old, &old, error);
    if (code == PL_UNKNOWN) code = PL_OK;
    if (!code && (old.actions.failed || old.users.failed)) code = pl__audit_no_memory(error);
    if (!code && old.first) {
        code = remove_old(audit, &old, record, error);
        if (!code) *removed = old.last.sequence - old.first + 1;
    }
    pl_tally_fini(&old.actions);
    pl_tally_fini(&old.users);
    return code;
}
