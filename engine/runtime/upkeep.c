#include "runtime/upkeep.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <potline/alloc.h>
#include <potline/diag.h>

#include "base/clock.h"
#include "runtime/trim_versions.h"
#include "store/ledger.h"
#include "store/letters.h"

static const pl_time trim_every = 5 * PL_MINUTE, prune_every = PL_DAY;

struct pl_upkeep {
    struct pl_upkeep_options options;
    pthread_t thread;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t wake;
    bool ending;
    bool looked;
    struct pl_trim_zone zones[PL_ZONES];
};

/* When what is due, on the monotonic clock. */
struct due {
    pl_time trim, prune, anchor; /* PL_TIME_MAX: never */
    uint64_t told;               /* sequence of the last anchor */
};

static void tell(const struct pl_trim_zone before[PL_ZONES], const struct pl_trim_zone now[PL_ZONES]) {
    char text[PL_ZONES * 48];
    size_t used = 0;
    for (unsigned zone = 0; zone < PL_ZONES; zone++) {
        uint64_t removed = now[zone].removed - before[zone].removed;
        if (!removed) continue;
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s %.1f MiB", used ? ", " : "",
                                 pl_zone_names[zone], (double)removed / (1 << 20));
    }
    if (used) pl_diag(PL_INFO, "old rows removed, about: %s", text);
}

static void trim_ledger(struct pl_upkeep *upkeep) {
    pl_time retention = upkeep->options.trim.settings->ledger_retention;
    struct pl_error *error = NULL;
    if (!retention) return;
    pl_time before = pl_ledger_hour_of(pl_clock_now(upkeep->options.clock) - retention);
    if (pl_ledger_trim(upkeep->options.trim.store, before, &error))
        pl_diag(PL_ERROR, "old hours of the ledger could not be removed: %s", error ? error->text : "no memory");
    pl_error_free(&error);
}

/* What came of an order says that it is carried out, and is about to age. */
static void settle_letters(struct pl_upkeep *upkeep) {
    const struct pl_trim_options *options = &upkeep->options.trim;
    struct pl_error *error = NULL;
    if (options->log && pl_letters_tidy(options->store, options->log->tags, &error))
        pl_diag(PL_ERROR, "letters that were given in again stay in the queue: %s", error ? error->text : "no memory");
    pl_error_free(&error);
}

static void trim_versions(struct pl_upkeep *upkeep) {
    struct pl_error *error = NULL;
    if (pl_trim_versions(&upkeep->options.trim, pl_clock_now(upkeep->options.clock), &error))
        pl_diag(PL_ERROR, "old rows of versions could not be removed: %s", error ? error->text : "no memory");
    pl_error_free(&error);
}

static void trim(struct pl_upkeep *upkeep) {
    struct pl_trim_zone zones[PL_ZONES];
    struct pl_error *error = NULL;
    settle_letters(upkeep);
    memcpy(zones, upkeep->zones, sizeof zones); /* only this thread changes them */
    enum pl_code code = pl_trim(&upkeep->options.trim, pl_clock_now(upkeep->options.clock), zones, &error);
    if (code) {
        char *text = error ? pl_error_text(error) : NULL;
        pl_diag(PL_ERROR, "old rows could not be removed: %s", text ? text : pl_code_text(code));
        pl_free(text);
        pl_error_free(&error);
        return;
    }
    trim_ledger(upkeep);
    tell(upkeep->zones, zones);
    pthread_mutex_lock(&upkeep->lock);
    memcpy(upkeep->zones, zones, sizeof zones);
    upkeep->looked = true;
    pthread_mutex_unlock(&upkeep->lock);
}

/* Does what is due; returns when there is something again. */
static pl_time work(struct pl_upkeep *upkeep, struct due *due) {
    pl_time now = pl_clock_monotonic(), anchor = upkeep->options.trim.settings->audit_anchor;
    if (now >= due->trim) {
        trim(upkeep);
        due->trim = now + trim_every;
    }
    if (now >= due->prune) {
        pl_journal_prune(upkeep->options.journal);
        trim_versions(upkeep);
        due->prune = now + prune_every;
    }
    if (now >= due->anchor) {
        pl_journal_anchor(upkeep->options.journal, &due->told);
        due->anchor = now + anchor;
    }
    pl_time next = due->trim < due->prune ? due->trim : due->prune;
    return due->anchor < next ? due->anchor : next;
}

static void *run(void *arg) {
    struct pl_upkeep *upkeep = arg;
    pl_time anchor = upkeep->options.trim.settings->audit_anchor;
    struct due due = {.anchor = anchor ? pl_clock_monotonic() + anchor : PL_TIME_MAX};
    pthread_setname_np(pthread_self(), "upkeep");
    for (bool ending = false; !ending;) { /* once in any case: a short run keeps its folder in order too */
        pl_time next = work(upkeep, &due);
        struct timespec at = {.tv_sec = next / PL_SECOND, .tv_nsec = next % PL_SECOND};
        pthread_mutex_lock(&upkeep->lock);
        while (!upkeep->ending && pthread_cond_timedwait(&upkeep->wake, &upkeep->lock, &at) == 0)
            ;
        ending = upkeep->ending;
        pthread_mutex_unlock(&upkeep->lock);
    }
    return NULL;
}

enum pl_code pl_upkeep_new(const struct pl_upkeep_options *options, struct pl_upkeep **upkeep,
                           struct pl_error **error) {
    struct pl_upkeep *u = *upkeep = PL_NEW(struct pl_upkeep);
    if (!u) return pl_error_set(error, PL_NO_MEMORY, "no memory for the upkeep");
    u->options = *options;
    pthread_mutex_init(&u->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&u->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    if (pthread_create(&u->thread, NULL, run, u) == 0) return PL_OK;
    pl_free(u);
    *upkeep = NULL;
    return pl_error_set(error, PL_LIMIT, "cannot start a thread");
}

void pl_upkeep_free(struct pl_upkeep *upkeep) {
    if (!upkeep) return;
    pthread_mutex_lock(&upkeep->lock);
    upkeep->ending = true;
    pthread_cond_signal(&upkeep->wake);
    pthread_mutex_unlock(&upkeep->lock);
    pthread_join(upkeep->thread, NULL);
    pthread_cond_destroy(&upkeep->wake);
    pthread_mutex_destroy(&upkeep->lock);
    pl_free(upkeep);
}

bool pl_upkeep_zones(struct pl_upkeep *upkeep, struct pl_trim_zone zones[PL_ZONES]) {
    pthread_mutex_lock(&upkeep->lock);
    memcpy(zones, upkeep->zones, sizeof upkeep->zones);
    bool looked = upkeep->looked;
    pthread_mutex_unlock(&upkeep->lock);
    return looked;
}
