/* deliver.c: what is due leaves; what becomes of it. */
#include <inttypes.h>
#include <potline/note.h>
#include <stdio.h>
#include <string.h>

#include "notify.h"

/* What became of one, for the audit: people ask who was told, and when. */
static void note(struct notify *s, const char *subject, const struct waiting *record, const char *outcome) {
    char to[USER_MAX + 40], id[ID_TEXT];
    text_id(id, record->id);
    snprintf(to, sizeof to, "%s id=%s attempt=%" PRIu32, record->user, id, record->attempts + 1);
    pl_note(s->node, &(struct pl_note){.action = record->test ? "notify test" : "notify send",
                                       .object = subject,
                                       .to = to,
                                       .reason = record->kind,
                                       .outcome = outcome});
}

static void give_up(struct notify *s, struct entry entry, const char *why) {
    char outcome[WHY_MAX + 16];
    snprintf(outcome, sizeof outcome, "failed: %s", why);
    pl_count(s->node, COUNT_FAILED, 1);
    pl_node_diag(s->node, PL_ERROR, "%s of %s: %s is not told: %s", entry.record->kind, outbox_text(s, entry.subject),
                 entry.record->user, why);
    note(s, outbox_text(s, entry.subject), entry.record, outcome);
    outbox_drop(s, entry.subject, entry.record->id);
}

/* ---- What is due ---- */

/* Who is on duty when it is due is told, and stays the one; where nobody is, everybody that the route means. */
static bool choose(struct notify *s, struct entry entry, pl_time now) {
    const struct waiting *record = entry.record;
    const struct person *person = person_find(s, record->user);
    if (!person) {
        give_up(s, entry, "nobody of that name is in the graph any more");
        return false;
    }
    if (record->chosen) return true;
    if (!person_on_duty(person, now) && somebody_on_duty(s, record->to, now)) {
        pl_count(s->node, COUNT_OFF_DUTY, 1);
        outbox_drop(s, entry.subject, record->id);
        return false;
    }
    struct waiting *mine = outbox_change(s, entry.subject, record->id);
    if (mine) mine->chosen = true;
    return true;
}

static bool is_due(struct notify *s, struct entry entry, pl_time now) {
    const struct waiting *record = entry.record;
    if (outbox_flies(s, record->id)) return false;
    if (record->due > now && record->due - now > record->wait) {
        struct waiting *mine = outbox_change(s, entry.subject, record->id);
        if (mine) mine->due = now + mine->wait; /* the clock was set back */
    }
    return record->due <= now;
}

static bool is_first(const struct waiting *a, const struct waiting *b) {
    if (!b || a->severity != b->severity) return !b || a->severity > b->severity;
    return a->made < b->made;
}

/* The most severe of those that are due, of these the oldest. */
static struct entry pick(struct notify *s, pl_time now) {
    struct entry best = {0}, entry, next;
    struct pl_record *at = NULL;
    for (bool more = outbox_next(s, &at, &entry); more; entry = next) {
        more = outbox_next(s, &at, &next); /* before the one at hand is dropped */
        if (!is_due(s, entry, now) || !choose(s, entry, now)) continue;
        const struct waiting *record = entry.record;
        if (now - record->made > s->give_up + record->step) {
            give_up(s, entry, *record->why ? record->why : "it waited for too long");
            continue;
        }
        bool allowed = record->test || record->severity >= s->urgent || outbox_allows(s, record->user, now, false);
        if (allowed && is_first(record, best.record)) best = entry;
    }
    return best;
}

static void later(struct notify *s, struct entry entry, const char *why) {
    struct waiting *record = outbox_change(s, entry.subject, entry.record->id);
    if (!record) return;
    pl_time wait = s->retry;
    for (uint32_t i = 0; i < record->attempts && wait < s->retry_max; i++)
        wait *= 2;
    record->attempts++;
    record->wait = wait < s->retry_max ? wait : s->retry_max;
    record->due = pl_now(s->node) + record->wait;
    pl_text_copy(record->why, sizeof record->why, why, strlen(why));
    pl_count(s->node, COUNT_RETRIED, 1);
    pl_node_diag(s->node, PL_WARN, "%s of %s to %s is tried again: %s", record->kind, outbox_text(s, entry.subject),
                 record->user, why);
}

static void leave(struct notify *s, unsigned slot, struct entry entry, pl_time now) {
    const struct waiting *record = entry.record;
    struct letter letter = {0};
    bool counted = !record->test && record->severity < s->urgent;
    s->flying[slot] = (struct flight){record->id, entry.subject};
    if (s->carrier->write(s, record, outbox_text(s, entry.subject), &letter) &&
        transfers_start(s->transfers, slot, &letter)) {
        if (counted && record->attempts == 0) outbox_allows(s, record->user, now, true);
        return;
    }
    letter_free(&letter);
    s->flying[slot] = (struct flight){0};
    later(s, entry, "no memory");
}

/* At the end nothing new begins that the next run will tell as well. */
static bool may_begin(const struct notify *s) {
    return !s->over && (!s->stopping || pl_node_epoch(s->node) == 0);
}

static bool flying(const struct notify *s) {
    for (unsigned slot = 0; slot < FLYING_MAX; slot++)
        if (s->flying[slot].id) return true;
    return false;
}

/* The end waits for what is on its way, but not for ever. */
static void settle(struct notify *s) {
    pl_time waited = pl_now(s->node) - s->stopped;
    if (!s->stopping || s->over) return;
    if (flying(s) && waited >= 0 && waited < s->timeout) {
        pl_busy(s->node, true);
        return;
    }
    s->over = true;
    pl_busy(s->node, false);
    uint64_t left = pl_table_count(pl_node_table(s->node, TABLE_OUTBOX));
    if (left && pl_node_epoch(s->node) == 0)
        pl_node_diag(s->node, PL_WARN, "%" PRIu64 " notifications were not sent, and nothing keeps them", left);
}

void deliver(struct notify *s) {
    pl_time now = pl_now(s->node);
    for (unsigned slot = 0; slot < FLYING_MAX && may_begin(s); slot++) {
        if (s->flying[slot].id) continue;
        struct entry entry = pick(s, now);
        if (!entry.record) break;
        leave(s, slot, entry, now);
    }
    settle(s);
}

void delivered(void *user, unsigned slot, enum outcome outcome, const char *why) {
    struct notify *s = user;
    struct flight flight = s->flying[slot];
    struct entry entry = {outbox_change(s, flight.subject, flight.id), flight.subject};
    s->flying[slot] = (struct flight){0};
    if (entry.record && outcome == OUTCOME_TAKEN) {
        pl_count(s->node, COUNT_SENT, 1);
        note(s, outbox_text(s, entry.subject), entry.record, "sent");
        outbox_drop(s, entry.subject, entry.record->id);
    } else if (entry.record && outcome == OUTCOME_LATER) {
        later(s, entry, why);
    } else if (entry.record) {
        give_up(s, entry, why);
    }
    deliver(s);
}
