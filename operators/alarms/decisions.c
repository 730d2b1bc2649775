#include "decisions.h"

#include <potline/alloc.h>
#include <string.h>

#include "alarms.h"

const char *const alarm_action_names[ACTIONS + 1] = {"acknowledge", "reset",  "shelve", "unshelve", "suppress",
                                                     "unsuppress",  "remove", "serve",  NULL};

/* ---- What they do ---- */

static bool set(bool *flag, bool value) {
    if (*flag == value) return false;
    *flag = value;
    return true;
}

static bool unhide(struct step *step, bool *flag) {
    if (!set(flag, false)) return false;
    step_refresh(step);
    return true;
}

static bool shelve(struct step *step, pl_time until) {
    if (step->alarm->suppressed || step->alarm->out_of_service) return false;
    step->alarm->shelved = true;
    step->alarm->until = until;
    shelve_note(step->s, step->node, until);
    return true;
}

static bool acknowledge(struct step *step) {
    if (!alarm_acknowledge(step->alarm)) return false;
    pl_count(step->node, COUNT_ACKNOWLEDGED, 1);
    return true;
}

/* False when there is nothing to change about the alarm. */
static bool carry_out(struct step *step, const struct decision *d) {
    struct alarm *alarm = step->alarm;
    switch ((enum alarm_action)d->action) {
    case ACTION_ACKNOWLEDGE: return acknowledge(step);
    case ACTION_RESET: return alarm_reset(alarm);
    case ACTION_SHELVE: return shelve(step, d->until);
    case ACTION_UNSHELVE: return unhide(step, &alarm->shelved);
    case ACTION_SUPPRESS: return set(&alarm->suppressed, true);
    case ACTION_UNSUPPRESS: return unhide(step, &alarm->suppressed);
    case ACTION_REMOVE: return set(&alarm->out_of_service, true);
    case ACTION_SERVE: return unhide(step, &alarm->out_of_service);
    case ACTIONS: break;
    }
    return false;
}

static bool end(struct step *step, const struct decision *d) {
    return step_end(step, *d->user ? d->user : NULL, d->reason);
}

/* ---- Alarms that people have decided about ---- */

static struct decided *find(const struct alarms *s, uint32_t id) {
    uint32_t index = id < s->sides ? s->side[id].decided : 0;
    return index ? s->decided[index - 1] : NULL;
}

bool decided_waits(const struct decided *entry) {
    return entry->next < entry->count || entry->image_waits;
}

struct decided *decided_get(struct alarms *s, struct pl_node *node, uint32_t id) {
    struct alarm_side *side = list_side(s, node, id);
    struct decided *entry = side ? find(s, id) : NULL;
    if (entry || !side) return entry;
    if (s->decided_count == s->decided_room) {
        uint32_t room = s->decided_room * 2 + 64;
        struct decided **grown = pl_realloc(s->decided, room * sizeof *grown);
        if (!grown) return NULL;
        s->decided = grown;
        s->decided_room = room;
    }
    entry = PL_NEW(struct decided);
    if (!entry) return NULL;
    entry->id = id;
    s->decided[s->decided_count++] = entry;
    side->decided = s->decided_count;
    return entry;
}

void decided_remove_unneeded(struct alarms *s) {
    for (uint32_t i = 0; i < s->decided_count;) {
        struct decided *entry = s->decided[i];
        if (!entry->unneeded) {
            i++;
            continue;
        }
        s->side[entry->id].decided = 0;
        pl_free(entry->items);
        pl_free(entry);
        s->decided[i] = s->decided[--s->decided_count];
        if (i < s->decided_count) s->side[s->decided[i]->id].decided = i + 1;
    }
}

void decided_free(struct alarms *s) {
    for (uint32_t i = 0; i < s->decided_count; i++) {
        pl_free(s->decided[i]->items);
        pl_free(s->decided[i]);
    }
    pl_free(s->decided);
    s->decided = NULL;
    s->decided_count = s->decided_room = 0;
}

/* What still waits was kept by the run before, and stays as it is until it has found its place. */
static void touch(struct alarms *s, struct decided *entry) {
    if (decided_waits(entry)) return;
    entry->dirty = s->dirty = true;
    entry->unneeded = false;
}

void decisions_touch(struct alarms *s, uint32_t id) {
    struct decided *entry = find(s, id);
    if (entry) touch(s, entry);
}

bool decisions_wait(const struct alarms *s, uint32_t id) {
    const struct decided *entry = find(s, id);
    return entry && entry->next < entry->count;
}

static void forget(struct decided *entry, uint32_t count) {
    entry->count -= count;
    entry->next -= count;
    memmove(entry->items, entry->items + count, entry->count * sizeof *entry->items);
}

void decisions_commit(struct alarms *s, uint64_t epoch) {
    s->dirty = s->dirty || s->unkept;
    for (uint32_t i = 0; i < s->decided_count; i++) {
        struct decided *entry = s->decided[i];
        uint32_t done = 0;
        while (done < entry->next && entry->items[done].epoch <= epoch)
            done++;
        if (done == 0) continue;
        forget(entry, done);
        touch(s, entry);
    }
}

/* ---- What was decided in an earlier run ---- */

/* Of an occurrence that came at another time than before, and was acknowledged to the end. */
static bool stood(const struct decided *entry, const struct decision *d) {
    const struct alarm *image = &entry->image;
    return d->action == ACTION_ACKNOWLEDGE && image->active && !image->unacknowledged && image->raised == d->raised;
}

/* The first that waits. */
static bool apply(struct alarms *s, struct pl_node *node, struct decided *entry, struct alarm *alarm) {
    struct decision *d = &entry->items[entry->next++];
    struct step step = step_begin(s, node, entry->id, alarm, d->given);
    bool meant = d->action > ACTION_RESET || alarm->raised == d->raised || stood(entry, d);
    d->epoch = pl_node_epoch(node);
    alarm->decided = d->stamp;
    bool good = !meant || !carry_out(&step, d) || end(&step, d);
    touch(s, entry);
    return good;
}

static bool has_come(const struct decision *d, const struct alarm *alarm) {
    return alarm->step >= d->step && (d->action > ACTION_RESET || alarm->raised >= d->raised);
}

static bool apply_due(struct alarms *s, struct pl_node *node, struct decided *entry, struct alarm *alarm) {
    bool good = true;
    while (good && entry->next < entry->count && has_come(&entry->items[entry->next], alarm))
        good = apply(s, node, entry, alarm);
    return good;
}

bool decisions_step(struct alarms *s, struct pl_node *node, uint32_t id, struct alarm *alarm) {
    struct decided *entry = find(s, id);
    alarm->step++;
    return !entry || apply_due(s, node, entry, alarm);
}

/* Into the list, as people had left it. */
static bool put_image(struct alarms *s, struct pl_node *node, struct decided *entry) {
    entry->image_waits = false;
    struct alarm *alarm = list_add(s, node, entry->id);
    if (!alarm) return true;
    *alarm = entry->image;
    alarm->seen = PL_TIME_MIN;
    alarm->unconfirmed = alarm->active;
    alarm->decided = s->stamp;
    s->barren = false;
    step_arm(s, node, entry->id, alarm);
    return list_side(s, node, entry->id) != NULL;
}

/* Its place is behind what was due until then. */
static bool pass_one(struct alarms *s, struct pl_node *node, struct decided *entry, struct alarm *alarm) {
    uint32_t next = entry->next;
    if (!step_settle(s, node, entry->id, alarm, entry->items[next].reached)) return false;
    return entry->next > next || apply(s, node, entry, alarm);
}

static bool pass(struct alarms *s, struct pl_node *node, struct decided *entry) {
    bool good = true;
    if (!list_find(node, entry->id)) {
        if (s->reached <= entry->reached) return true;
        entry->count = entry->next;
        if (entry->image_waits) good = put_image(s, node, entry);
    } else {
        struct alarm *alarm = list_get(node, entry->id);
        while (good && entry->next < entry->count && entry->items[entry->next].reached < s->reached)
            good = alarm && pass_one(s, node, entry, alarm);
        if (s->reached > entry->reached) entry->image_waits = false;
    }
    touch(s, entry);
    return good;
}

static void look_ahead(struct alarms *s) {
    s->wait_until = PL_TIME_MAX;
    for (uint32_t i = 0; i < s->decided_count; i++) {
        const struct decided *entry = s->decided[i];
        if (!decided_waits(entry)) continue;
        pl_time until = entry->next < entry->count ? entry->items[entry->next].reached : entry->reached;
        if (until < s->reached) until = entry->reached; /* of an alarm that is not in the list */
        if (until < s->wait_until) s->wait_until = until;
    }
}

bool decisions_reach(struct alarms *s, struct pl_node *node, pl_time time) {
    bool good = true;
    if (time > s->reached) s->reached = time;
    if (s->reached <= s->wait_until) return true;
    for (uint32_t i = 0; i < s->decided_count && good; i++)
        if (decided_waits(s->decided[i])) good = pass(s, node, s->decided[i]);
    look_ahead(s);
    return good;
}

bool decisions_restore(struct alarms *s, struct pl_node *node) {
    bool good = true;
    for (uint32_t i = 0; i < s->decided_count && good; i++) {
        struct decided *entry = s->decided[i];
        if (!list_find(node, entry->id)) continue;
        struct alarm *alarm = list_get(node, entry->id);
        if (!alarm) return false;
        while (entry->next < entry->count && entry->items[entry->next].stamp <= alarm->decided)
            entry->next++;
        forget(entry, entry->next); /* they are part of the state */
        entry->image_waits = false;
        good = apply_due(s, node, entry, alarm);
        touch(s, entry);
    }
    look_ahead(s);
    return good;
}

bool decisions_stand(struct alarms *s, struct pl_node *node) {
    bool good = true;
    for (uint32_t i = 0; i < s->decided_count && good; i++) {
        struct decided *entry = s->decided[i];
        entry->count = entry->next = 0;
        if (entry->image_waits) good = put_image(s, node, entry);
        touch(s, entry);
    }
    look_ahead(s);
    return good;
}

/* ---- A decision ---- */

static void swap(struct decision *a, struct decision *b) {
    struct decision moved = *a;
    *a = *b;
    *b = moved;
}

/* What goes on waiting is newer than what has been carried out, whoever looks at stamps. */
static void stamp_again(struct alarms *s, struct decided *entry) {
    for (uint32_t i = entry->next; i < entry->count; i++)
        entry->items[i].stamp = ++s->stamp;
}

/* Whoever decides sees the alarm as it is now, and decides last: what waits is carried out before, all but what is
 * about an occurrence that is still to come. */
static bool settle(struct alarms *s, struct pl_node *node, uint32_t id, struct alarm *alarm) {
    struct decided *entry = find(s, id);
    bool good = true;
    if (!entry || !decided_waits(entry)) return true;
    for (uint32_t i = entry->next; good && i < entry->count; i++) {
        const struct decision *d = &entry->items[i];
        if (d->action <= ACTION_RESET && d->raised > alarm->raised) continue;
        for (uint32_t k = i; k > entry->next; k--)
            swap(&entry->items[k], &entry->items[k - 1]);
        good = apply(s, node, entry, alarm);
    }
    stamp_again(s, entry);
    entry->image_waits = false;
    entry->dirty = s->dirty = true;
    return good;
}

static enum pl_code find_room(struct alarms *s, struct pl_node *node, uint32_t id, struct pl_error **error) {
    const struct decided *entry = find(s, id);
    if (entry ? entry->count < DECISIONS_MAX : s->decided_count < 2 * (uint64_t)s->max_alarms) return PL_OK;
    return pl_error_set(error, PL_LIMIT, "too much has been decided about %s since the last checkpoint",
                        entry ? pl_tags_get(pl_node_tags(node), id)->name : "alarms");
}

/* Into what is to be kept; without epochs only what has become of the alarm is. */
static bool note(struct alarms *s, struct pl_node *node, uint32_t id, struct decision *d) {
    struct decided *entry = decided_get(s, node, id);
    if (!entry) return false;
    d->epoch = pl_node_epoch(node);
    if (d->epoch) {
        struct decision *grown = pl_realloc(entry->items, (entry->count + 1) * sizeof *grown);
        if (!grown) return false;
        entry->items = grown;
        d->stamp = ++s->stamp;
        memmove(grown + entry->next + 1, grown + entry->next, (entry->count++ - entry->next) * sizeof *grown);
        grown[entry->next++] = *d;
        stamp_again(s, entry);
    }
    entry->dirty = s->dirty = true;
    entry->unneeded = false;
    return true;
}

enum pl_code decision_give(struct alarms *s, struct pl_node *node, uint32_t id, struct decision *decision,
                           enum alarm_state *from, struct pl_error **error) {
    struct alarm *alarm = list_get(node, id);
    if (!alarm || !settle(s, node, id, alarm)) return pl_error_set(error, PL_NO_MEMORY, "no memory");
    enum pl_code code = find_room(s, node, id, error);
    if (code) return code;
    struct alarm before = *alarm;
    struct step step = step_begin(s, node, id, alarm, decision->given);
    decision->step = alarm->step;
    decision->raised = alarm->raised;
    decision->reached = s->reached;
    *from = step.from;
    if (!carry_out(&step, decision)) return PL_CONFLICT;
    if (!note(s, node, id, decision)) {
        *alarm = before;
        return pl_error_set(error, PL_NO_MEMORY, "no memory");
    }
    alarm->decided = decision->stamp;
    return end(&step, decision) ? PL_OK : pl_error_set(error, PL_NO_MEMORY, "no memory");
}
