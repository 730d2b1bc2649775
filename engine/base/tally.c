#include "base/tally.h"

#include <stdlib.h>
#include <string.h>

#include <potline/alloc.h>

void pl_tally_init(struct pl_tally *tally, unsigned limit) {
    *tally = (struct pl_tally){.limit = limit};
}

void pl_tally_fini(struct pl_tally *tally) {
    for (unsigned i = 0; i < tally->count; i++)
        pl_free(tally->entries[i].name);
    pl_free(tally->entries);
    *tally = (struct pl_tally){.limit = tally->limit};
}

static unsigned find(const struct pl_tally *tally, const char *name) {
    if (tally->latest < tally->count && strcmp(tally->entries[tally->latest].name, name) == 0) return tally->latest;
    unsigned i = 0;
    while (i < tally->count && strcmp(tally->entries[i].name, name) != 0)
        i++;
    return i;
}

/* False without memory; room doubles at each power of two. */
static bool add_entry(struct pl_tally *tally, const char *name) {
    if ((tally->count & (tally->count - 1)) == 0) {
        size_t room = tally->count ? 2 * (size_t)tally->count : 1;
        struct pl_tally_entry *more = pl_realloc(tally->entries, room * sizeof *more);
        if (!more) return false;
        tally->entries = more;
    }
    char *copy = pl_strdup(name);
    if (!copy) return false;
    tally->entries[tally->count++] = (struct pl_tally_entry){.name = copy};
    return true;
}

void pl_tally_add(struct pl_tally *tally, const char *name) {
    unsigned at = find(tally, name);
    bool is_new = at == tally->count;
    if (is_new && (at == tally->limit || !add_entry(tally, name))) {
        tally->failed |= at != tally->limit;
        tally->others++;
        return;
    }
    tally->entries[at].count++;
    tally->latest = at;
}

static int by_count(const void *left, const void *right) {
    const struct pl_tally_entry *a = left, *b = right;
    if (a->count != b->count) return a->count > b->count ? -1 : 1;
    return strcmp(a->name, b->name);
}

void pl_tally_sort(struct pl_tally *tally) {
    if (tally->count) qsort(tally->entries, tally->count, sizeof *tally->entries, by_count);
    tally->latest = 0;
}
