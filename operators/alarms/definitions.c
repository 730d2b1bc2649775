/* definitions.c: the master alarm table. */
#include <math.h>
#include <string.h>

#include "alarms.h"

const char *const alarm_priority_names[PRIORITIES + 1] = {"critical", "high", "medium", "low", NULL};

static const struct pl_option definition_options[] = {
    PL_OPT_STRING(struct definition, match, "match", NULL, PL_FIXED,
                  "Glob of the rules it is for, or of kinds of events that have no rule."),
    PL_OPT_STRINGS(struct definition, tags, "tags", "[\"*\"]", PL_FIXED, "Globs of the tags (or assets) it is for."),
    PL_OPT_CHOICE(struct definition, priority, "priority", NULL, alarm_priority_names, PL_FIXED,
                  "By consequence and time to respond; aim at 5 % high, 15 % medium, 80 % low."),
    PL_OPT_STRING(struct definition, consequence, "consequence", NULL, PL_FIXED, "What happens if nobody acts."),
    PL_OPT_STRING(struct definition, action, "action", NULL, PL_FIXED, "What the operator does."),
    PL_OPT_DURATION(struct definition, respond, "respond", NULL, "1s", "30d", PL_FIXED,
                    "Time to respond; unacknowledged for so long, the alarm is told as overdue."),
    PL_OPT_DURATION(struct definition, on_delay, "on_delay", "0s", "0s", "1d", PL_FIXED,
                    "The condition must hold for so long (event time) before it is an alarm."),
    PL_OPT_DURATION(struct definition, off_delay, "off_delay", "0s", "0s", "1d", PL_FIXED,
                    "The condition must be gone for so long before the alarm returns."),
    PL_OPT_BOOL(struct definition, latch, "latch", "false", PL_FIXED,
                "When the condition has gone, the alarm stays until it is reset."),
    PL_OPT_STRING(struct definition, until, "until", "", PL_FIXED,
                  "Of an event without a rule: the kind of event that ends it (`match` is a kind then, no glob); "
                  "without, it is over at once."),
    PL_OPT_STRING(struct definition, class, "class", "", PL_FIXED, "Class of the alarm, for reports."),
    PL_OPT_STRING(struct definition, owner, "owner", "", PL_FIXED,
                  "Who answers for this definition; a role, or @USER, is also whom the dashboard notifies."),
    PL_OPT_END,
};

static const struct pl_option flood_options[] = {
    PL_OPT_INT(struct alarms, flood_count, "count", "10", "1", "1000", PL_FIXED, "More alarms than this are a flood."),
    PL_OPT_DURATION(struct alarms, flood_window, "window", "10m", "1s", "1d", PL_FIXED, "Within this time."),
    PL_OPT_INT(struct alarms, flood_end, "end", "0", "0", "1000", PL_FIXED,
               "It is over with fewer than this; 0: half of `count`."),
    PL_OPT_END,
};

static const struct pl_option chattering_options[] = {
    PL_OPT_INT(struct alarms, chattering_count, "count", "3", "2", "16", PL_FIXED,
               "An alarm that comes this often chatters."),
    PL_OPT_DURATION(struct alarms, chattering_window, "window", "1m", "1s", "1d", PL_FIXED, "Within this time."),
    PL_OPT_END,
};

const struct pl_option alarms_options[] = {
    PL_OPT_LIST(struct alarms, definitions, "alarms", "[]", struct definition, definition_options, PL_FIXED,
                "The master alarm table: a list, or a CSV file with a header. The first that fits holds."),
    PL_OPT_INT(struct alarms, max_alarms, "max_alarms", "10000", "10", "100000", PL_FIXED,
               "Alarms in the list; past it the least important returned ones are dropped."),
    PL_OPT_DURATION(struct alarms, max_shelve, "max_shelve", "12h", "1s", "30d", PL_FIXED,
                    "The longest time that an alarm may be shelved."),
    PL_OPT_GROUP(struct alarms, flood_given, "flood", "true", flood_options, PL_FIXED, "What is told as a flood."),
    PL_OPT_GROUP(struct alarms, chattering_given, "chattering", "true", chattering_options, PL_FIXED,
                 "What is told as chattering."),
    PL_OPT_DURATION(struct alarms, stale, "stale", "1d", "0s", "365d", PL_FIXED,
                    "An alarm that is active for so long is told as stale; 0 for never."),
    PL_OPT_RATE(struct alarms, budget, "budget", "0", "0", NULL, PL_FIXED,
                "Alarm-rate budget, like 6/h; more over `budget_window` is told; 0 for none."),
    PL_OPT_DURATION(struct alarms, budget_window, "budget_window", "1h", "1m", "30d", PL_FIXED,
                    "The time over which the budget is counted."),
    PL_OPT_END,
};

static bool is_empty(const char *text) {
    return text[strspn(text, " \t\r\n")] == 0;
}

static void check_definition(const struct definition *d, uint32_t index, struct pl_check *check) {
    char option[64];
    const struct {
        const char *name, *text, *says;
    } required[] = {{"match", d->match, "which rules it is for"},
                    {"consequence", d->consequence, "what happens if nobody acts"},
                    {"action", d->action, "what the operator does"}};
    for (unsigned i = 0; i < PL_COUNT_OF(required); i++) {
        snprintf(option, sizeof option, "alarms[%u].%s", index, required[i].name);
        if (is_empty(required[i].text)) pl_check_error(check, option, "is empty; an alarm says %s", required[i].says);
    }
    snprintf(option, sizeof option, "alarms[%u].until", index);
    if (*d->until && strpbrk(d->match, "*?{"))
        pl_check_error(check, option, "`match` must be one kind of event, without wildcards, to be ended by another");
}

/* A whole number in the file may come out a hair less by way of a rate per second. */
double budget_allows(const struct alarms *s) {
    return round(s->budget * (double)s->budget_window / (double)PL_SECOND * 1e6) / 1e6;
}

void alarms_check(void *self, struct pl_check *check) {
    const struct alarms *s = self;
    const struct definition *definitions = s->definitions.items;
    for (uint32_t i = 0; i < s->definitions.count; i++)
        check_definition(&definitions[i], i, check);
    if (s->flood_given && s->flood_end > s->flood_count)
        pl_check_error(check, "flood.end", "must not be more than flood.count");
    double allowed = budget_allows(s);
    if (s->budget > 0 && (allowed < 1 || allowed > RATE_LIMIT_MAX))
        pl_check_error(check, "budget", "gives %g alarms over budget_window; it must be 1 to %d", allowed,
                       RATE_LIMIT_MAX);
}

static bool any_fits(const struct pl_strings *globs, const char *name) {
    for (uint32_t i = 0; i < globs->count; i++)
        if (pl_glob(globs->items[i], name)) return true;
    return false;
}

const struct definition *definition_find(const struct alarms *s, const char *name, size_t length, const char *place) {
    const struct definition *definitions = s->definitions.items;
    char text[PL_NAME_MAX + 1];
    alarm_text(text, sizeof text, name, length);
    for (uint32_t i = 0; i < s->definitions.count; i++)
        if (pl_glob(definitions[i].match, text) && any_fits(&definitions[i].tags, place)) return &definitions[i];
    return NULL;
}

/* The ids behind an alarm's place; a place that its id has no room for has none. */
static void find_place(struct pl_tags *tags, const char *place, const struct alarm *alarm, struct alarm_side *side) {
    uint32_t found = alarm->place == ALARM_AT_NODE ? 0 : pl_tags_intern(tags, place, strlen(place));
    if (found == PL_NO_ID) found = 0;
    side->tag = alarm->place == ALARM_AT_TAG ? found : 0;
    side->asset = alarm->place == ALARM_AT_TAG ? pl_tags_get(tags, found)->asset : found;
}

const struct definition *definition_of(struct alarms *s, struct pl_node *node, uint32_t id, const struct alarm *alarm) {
    const struct definition *definitions = s->definitions.items;
    const char *text = pl_tags_get(pl_node_tags(node), id)->name, *place = alarm_place_of(text, alarm);
    struct alarm_side *side = list_side(s, node, id);
    if (side && side->definition) return side->definition == SIDE_NONE ? NULL : &definitions[side->definition - 1];
    const struct definition *found = definition_find(s, text, alarm->rule_length, place);
    if (!side) return found;
    side->definition = found ? (uint32_t)(found - definitions) + 1 : SIDE_NONE;
    find_place(pl_node_tags(node), place, alarm, side);
    return found;
}

/* Of what timers depend on. */
uint64_t definitions_hash(const struct alarms *s) {
    const struct definition *definitions = s->definitions.items;
    uint64_t hash = alarms_hash(ALARMS_HASH_START, &s->stale, sizeof s->stale);
    for (uint32_t i = 0; i < s->definitions.count; i++) {
        const struct definition *d = &definitions[i];
        pl_time times[] = {d->respond, d->on_delay, d->off_delay};
        hash = alarms_hash(hash, d->match, strlen(d->match) + 1);
        for (uint32_t k = 0; k < d->tags.count; k++)
            hash = alarms_hash(hash, d->tags.items[k], strlen(d->tags.items[k]) + 1);
        hash = alarms_hash(hash, times, sizeof times);
    }
    return hash;
}

enum alarm_priority definition_priority(const struct definition *definition) {
    return definition ? (enum alarm_priority)definition->priority : PRIORITY_LOW;
}
