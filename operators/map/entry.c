#include <stdio.h>
#include <string.h>

#include "map.h"

static const char *const columns[] = {"value", "time", "mean",  "min",     "max",     "stddev",
                                      "first", "last", "count", "skipped", "duration"};
enum { COLUMN_VALUE, COLUMN_TIME, COLUMN_MEAN, COLUMN_MIN, COLUMN_MAX, COLUMN_STDDEV };
enum { COLUMN_FIRST = COLUMN_STDDEV + 1, COLUMN_LAST, COLUMN_COUNT, COLUMN_SKIPPED, COLUMN_DURATION };

double entry_column(const struct pl_batch *batch, uint32_t i, unsigned column) {
    const struct pl_windows *w = &batch->windows;
    switch (column) {
    case COLUMN_VALUE: return batch->samples.value[i];
    case COLUMN_TIME: return (double)pl_batch_times(batch)[i] / 1e9;
    case COLUMN_MEAN: return w->mean[i];
    case COLUMN_MIN: return w->min[i];
    case COLUMN_MAX: return w->max[i];
    case COLUMN_STDDEV: return w->stddev[i];
    case COLUMN_FIRST: return w->first[i];
    case COLUMN_LAST: return w->last[i];
    case COLUMN_COUNT: return w->count[i];
    case COLUMN_SKIPPED: return w->skipped[i];
    default: return ((double)w->end[i] - (double)w->start[i]) / 1e9;
    }
}

bool entry_fits_kind(const struct entry *entry, enum pl_kind kind, char *said) {
    if (!*entry->value->each && kind == PL_WINDOWS) {
        snprintf(said, ENTRY_SAID, "%s: of windows an entry says `each`: which tags' windows", entry->value->tag);
        return false;
    }
    for (unsigned c = 0; *entry->value->each && c < PL_COUNT_OF(columns); c++) {
        bool has = c == COLUMN_TIME || (c == COLUMN_VALUE) == (kind == PL_SAMPLES);
        if (has || !(pl_expr_uses(entry->expr) >> c & 1)) continue;
        snprintf(said, ENTRY_SAID, "%s: %s have no column %s", entry->value->tag, pl_kind_info[kind].name, columns[c]);
        return false;
    }
    return true;
}

/* ---- Names ---- */

struct reading {
    struct entry *entry;
    char hint[ENTRY_HINT]; /* more than 'unknown name' says */
};

static int column_named(struct reading *reading, const char *text, size_t length) {
    char word[PL_NAME_MAX + 1] = "";
    if (length <= PL_NAME_MAX) memcpy(word, text, length);
    for (unsigned c = 0; c < PL_COUNT_OF(columns); c++)
        if (strcmp(columns[c], word) == 0) return (int)c;
    const char *near = pl_text_nearest(word, columns, PL_COUNT_OF(columns));
    snprintf(reading->hint, sizeof reading->hint, "with `each`, names are columns of the row%s%s%s",
             near ? ": did you mean " : "", near ? near : "", near ? "?" : "");
    return -1;
}

static int resolve(void *arg, const char *text, size_t length) {
    struct reading *reading = arg;
    struct entry *entry = reading->entry;
    struct name name;
    if (*entry->value->each) return column_named(reading, text, length);
    if (!name_read(text, length, &name)) {
        snprintf(reading->hint, sizeof reading->hint,
                 "a name is a signal of the asset, a whole tag, or begins with {asset}. or {line}.");
        return -1;
    }
    for (unsigned v = 0; v < entry->names; v++) {
        const struct name *known = &entry->name[v];
        if (known->of == name.of && known->length == name.length && memcmp(known->text, name.text, name.length) == 0)
            return (int)v;
    }
    if (entry->names == PL_EXPR_VARIABLES_MAX) return PL_EXPR_VARIABLES_MAX;
    entry->name[entry->names] = name;
    return (int)entry->names++;
}

/* ---- An entry ---- */

static const char signal_place[] = "{signal}";

static const char *split_tag(struct entry *entry, char *said) {
    const char *tag = entry->value->tag, *dot = strrchr(tag, '.');
    size_t assets = dot ? (size_t)(dot - tag) : 0;
    entry->signal = dot ? dot + 1 : tag;
    if (assets > PL_NAME_MAX || strlen(entry->signal) > PL_NAME_MAX) return "the name is too long";
    memcpy(entry->assets, tag, assets);
    entry->one_asset = !strpbrk(entry->assets, "*?{");
    const char *place = strstr(entry->signal, signal_place);
    if (!*entry->signal) return "after the last '.' comes the name of the signal that is made";
    if (!place && strpbrk(entry->signal, "*?{}")) {
        snprintf(said, ENTRY_SAID,
                 "'%.100s' is the signal that is made; patterns stand before it, for its asset, like "
                 "*.power",
                 entry->signal);
        return said;
    }
    if (place && !*entry->value->each) return "{signal} is the signal of a row, so it needs `each`";
    return NULL;
}

const char *entry_init(struct entry *entry, const struct map_value *value, char *said, const char **option) {
    *entry = (struct entry){.value = value};
    *option = "tag";
    const char *problem = split_tag(entry, said);
    if (problem) return problem;
    *option = "expr";
    struct reading reading = {.entry = entry, .hint = ""};
    struct pl_error *error = NULL;
    if (pl_expr_compile(value->expr, resolve, &reading, &entry->expr, &error)) {
        const char *text = error ? error->text : "out of memory";
        snprintf(said, ENTRY_SAID, "at character %d: %.200s%s%s", error ? error->place.column : 0, text,
                 *reading.hint ? "; " : "", reading.hint);
        pl_error_free(&error);
        return said;
    }
    if (*value->each) {
        entry->names = PL_COUNT_OF(columns);
        return NULL;
    }
    bool of_asset = false;
    for (unsigned v = 0; v < entry->names; v++)
        of_asset = of_asset || entry->name[v].of == NAME_OF_ASSET;
    if (!entry->names) return "an expression without any signal is never computed";
    return of_asset || entry->one_asset ? NULL : "nothing in it tells the assets: name one of their signals";
}

void entry_fini(struct entry *entry) {
    pl_expr_free(entry->expr);
    pl_free(entry->derived);
    pl_free(entry->block);
    *entry = (struct entry){0};
}

bool entry_room(struct entry *entry) {
    entry->block = pl_alloc((size_t)entry->names * MAP_BLOCK * sizeof *entry->block);
    return entry->block != NULL;
}

/* ---- With `each`: the tag made of a row's tag ---- */

static uint32_t make_derived(struct map *m, const struct entry *entry, uint32_t id) {
    struct pl_tags *tags = pl_node_tags(m->node);
    const struct pl_tag *tag = pl_tags_get(tags, id), *asset = pl_tags_get(tags, tag->asset);
    if (!pl_glob(entry->value->each, tag->name) || !pl_glob(entry->assets, asset->name)) return PL_NO_ID;
    const char *own = tag->asset ? tag->name + asset->length + 1 : tag->name;
    const char *place = strstr(entry->signal, signal_place);
    size_t front = place ? (size_t)(place - entry->signal) : strlen(entry->signal);
    char text[4 * PL_NAME_MAX];
    int length = snprintf(text, sizeof text, "%s%s%.*s%s%s", asset->name, tag->asset ? "." : "", (int)front,
                          entry->signal, place ? own : "", place ? place + strlen(signal_place) : "");
    return pl_tags_intern(tags, text, (size_t)length);
}

uint32_t entry_derived(struct map *m, struct entry *entry, uint32_t tag) {
    if (tag >= entry->derived_room) {
        uint32_t count = pl_tags_count(pl_node_tags(m->node)), room = count + count / 2 + 16;
        uint32_t *grown = pl_realloc(entry->derived, room * sizeof *grown);
        if (!grown) return PL_NO_ID;
        memset(grown + entry->derived_room, 0, (room - entry->derived_room) * sizeof *grown);
        entry->derived = grown;
        entry->derived_room = room;
    }
    if (!entry->derived[tag]) {
        uint32_t made = make_derived(m, entry, tag);
        entry->derived[tag] = made == PL_NO_ID ? 1 : made + 2;
    }
    return entry->derived[tag] == 1 ? PL_NO_ID : entry->derived[tag] - 2;
}
