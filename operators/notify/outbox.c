/* outbox.c: the tables: what waits, what was told lately, what each person may still be sent. */
#include <string.h>

#include "notify.h"

uint32_t outbox_name(struct notify *s, const char *text) {
    return pl_tags_intern(pl_node_tags(s->node), text, strlen(text));
}

const char *outbox_text(const struct notify *s, uint32_t name) {
    return pl_tags_get(pl_node_tags(s->node), name)->name;
}

/* ---- What waits ---- */

bool outbox_next(const struct notify *s, struct pl_record **at, struct entry *entry) {
    *at = pl_table_next(pl_node_table(s->node, TABLE_OUTBOX), *at);
    if (*at) *entry = (struct entry){pl_record_data(*at), (*at)->id};
    return *at != NULL;
}

void outbox_drop(struct notify *s, uint32_t subject, uint64_t id) {
    pl_table_drop(pl_node_table(s->node, TABLE_OUTBOX), subject, (int64_t)id);
}

struct waiting *outbox_change(struct notify *s, uint32_t subject, uint64_t id) {
    struct pl_table *table = pl_node_table(s->node, TABLE_OUTBOX);
    if (!pl_table_find(table, subject, (int64_t)id)) return NULL;
    return pl_table_get(table, subject, (int64_t)id);
}

bool outbox_flies(const struct notify *s, uint64_t id) {
    for (unsigned i = 0; i < FLYING_MAX; i++)
        if (s->flying[i].id == id) return true;
    return false;
}

/* The one that is missed least: of the lowest severity, and of those the newest. */
static bool least(const struct notify *s, struct entry *found) {
    struct entry entry;
    found->record = NULL;
    for (struct pl_record *at = NULL; outbox_next(s, &at, &entry);) {
        if (outbox_flies(s, entry.record->id)) continue;
        const struct waiting *a = entry.record, *b = found->record;
        if (!b || a->severity < b->severity || (a->severity == b->severity && a->made > b->made)) *found = entry;
    }
    return found->record != NULL;
}

struct waiting *outbox_put(struct notify *s, uint32_t subject, uint64_t id, unsigned severity) {
    struct pl_table *table = pl_node_table(s->node, TABLE_OUTBOX);
    struct entry victim;
    if (pl_table_count(table) >= (uint64_t)s->max_waiting) {
        if (!least(s, &victim) || victim.record->severity >= severity) return NULL;
        pl_count(s->node, COUNT_DROPPED, 1);
        outbox_drop(s, victim.subject, victim.record->id);
    }
    struct waiting *record = pl_table_get(table, subject, (int64_t)id);
    if (record) record->id = id;
    return record;
}

unsigned outbox_end(struct notify *s, uint32_t subject) {
    struct pl_table *table = pl_node_table(s->node, TABLE_OUTBOX);
    unsigned ended = 0;
    for (struct pl_record *next, *at = pl_table_first(table, subject); at; at = next) {
        const struct waiting *record = pl_record_data(at);
        next = at->next;
        if (record->step == 0 || record->chosen) continue;
        outbox_drop(s, subject, record->id);
        ended++;
    }
    pl_count(s->node, COUNT_ENDED, ended);
    return ended;
}

bool outbox_escalates(const struct notify *s, uint32_t subject, const char *user, const char *kind, pl_time step) {
    for (struct pl_record *at = pl_table_first(pl_node_table(s->node, TABLE_OUTBOX), subject); at; at = at->next) {
        const struct waiting *record = pl_record_data(at);
        if (record->step == step && strcmp(record->user, user) == 0 && strcmp(record->kind, kind) == 0) return true;
    }
    return false;
}

/* ---- What was told ---- */

static int64_t told_by(const char *user, const char *kind) {
    return (int64_t)text_hash(text_hash(0, user, strlen(user) + 1), kind, strlen(kind));
}

bool outbox_news(const struct notify *s, uint32_t subject, const char *user, const char *kind, pl_time time,
                 uint32_t *alike) {
    struct pl_table *table = pl_node_table(s->node, TABLE_TOLD);
    const struct told *told = s->dedupe > 0 ? pl_table_find(table, subject, told_by(user, kind)) : NULL;
    *alike = told ? told->alike : 0;
    return !told || time < told->at || time - told->at >= s->dedupe;
}

void outbox_told(struct notify *s, uint32_t subject, const char *user, const char *kind, pl_time time, bool news) {
    struct pl_table *table = pl_node_table(s->node, TABLE_TOLD);
    struct told *told = s->dedupe > 0 ? pl_table_get(table, subject, told_by(user, kind)) : NULL;
    if (!told) return; /* without room for it: rather twice than not */
    if (news)
        *told = (struct told){.at = time};
    else
        told->alike++;
}

void outbox_forget(struct notify *s, pl_time now) {
    struct pl_table *table = pl_node_table(s->node, TABLE_TOLD);
    for (struct pl_record *next, *at = pl_table_next(table, NULL); at; at = next) {
        const struct told *told = pl_record_data(at);
        next = pl_table_next(table, at);
        if (now > told->at && now - told->at > s->dedupe + PL_HOUR && told->alike == 0)
            pl_table_drop(table, at->id, at->sub);
        else if (now > told->at && now - told->at > s->dedupe + PL_DAY)
            pl_table_drop(table, at->id, at->sub);
    }
}

/* ---- Allowances ---- */

bool outbox_allows(struct notify *s, const char *user, pl_time now, bool take) {
    uint32_t name = s->rate > 0 ? outbox_name(s, user) : PL_NO_ID;
    if (name == PL_NO_ID) return true;
    struct pl_table *table = pl_node_table(s->node, TABLE_RATES);
    const struct allowance *found = pl_table_find(table, name, 0);
    struct allowance mine = found ? *found : (struct allowance){(double)s->burst, now};
    if (now > mine.at) mine.left += (double)(now - mine.at) / (double)PL_SECOND * s->rate;
    if (mine.left > (double)s->burst) mine.left = (double)s->burst;
    mine.at = now;
    bool allowed = mine.left >= 1;
    if (!take) return allowed;
    struct allowance *kept = pl_table_get(table, name, 0);
    if (allowed) mine.left -= 1;
    if (kept) *kept = mine;
    return allowed;
}
