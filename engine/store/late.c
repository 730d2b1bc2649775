#include "store/late.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/late.h>
#include <potline/quality.h>

#include "batch/tags.h"
#include "store/epochs.h"

struct mark {
    uint32_t key;
    pl_time begin, end, missed;
};

struct pl_late_marks {
    struct pl_tags *tags;
    struct mark *marks; /* by key and begin */
    size_t count, room;
    pl_time given_up; /* windows that end until then may lack rows; PL_TIME_MIN: no mark was given up */
};

/* ---- Loading ---- */

/* The name and sub-key of a record, where it is one of the table. The name is a text: a 0 stands behind it. */
static bool read_key(const struct pl_state_entry *entry, const char **name, pl_time *begin) {
    static const char front[] = {PL_STATE_RECORD, 'l', 'a', 't', 'e', 0};
    uint64_t turned;
    if (entry->key_size < sizeof front + 1 + sizeof turned || memcmp(entry->key, front, sizeof front) != 0)
        return false;
    size_t length = entry->key_size - sizeof front - 1 - sizeof turned;
    *name = entry->key + sizeof front;
    if (memchr(*name, 0, length + 1) != *name + length) return false;
    memcpy(&turned, *name + length + 1, sizeof turned);
    *begin = (pl_time)(be64toh(turned) ^ UINT64_C(1) << 63);
    return true;
}

static enum pl_code add(struct pl_late_marks *marks, const struct mark *mark, struct pl_error **error) {
    if (marks->count == marks->room) {
        size_t room = marks->room ? 2 * marks->room : 64;
        struct mark *more = pl_realloc(marks->marks, room * sizeof *more);
        if (!more) return pl_error_set(error, PL_NO_MEMORY, "no memory for marks of late rows");
        marks->marks = more;
        marks->room = room;
    }
    marks->marks[marks->count++] = *mark;
    return PL_OK;
}

static enum pl_code take_entry(void *arg, const struct pl_state_entry *entry, struct pl_error **error) {
    struct pl_late_marks *marks = arg;
    struct pl_late_mark record;
    const char *name;
    pl_time begin;
    if (!read_key(entry, &name, &begin) || entry->value_size != sizeof record) return PL_OK;
    memcpy(&record, entry->value, sizeof record);
    if (!*name) {
        if (record.missed > marks->given_up) marks->given_up = record.missed;
        return PL_OK;
    }
    struct mark mark = {.key = pl_tags_intern(marks->tags, name, strlen(name)),
                        .begin = begin,
                        .end = record.end,
                        .missed = record.missed};
    return mark.key == PL_NO_ID ? PL_OK : add(marks, &mark, error);
}

static int compare(const void *a, const void *b) {
    const struct mark *x = a, *y = b;
    if (x->key != y->key) return x->key < y->key ? -1 : 1;
    return x->begin < y->begin ? -1 : x->begin > y->begin;
}

enum pl_code pl_late_marks_load(struct pl_store *store, struct pl_tags *tags, struct pl_late_marks **marks,
                                struct pl_error **error) {
    struct pl_epoch last;
    enum pl_code code = pl_epochs_last(store, &last, error);
    *marks = NULL;
    if (code) return code;
    struct pl_late_marks *m = PL_NEW(struct pl_late_marks);
    if (!m) code = pl_error_set(error, PL_NO_MEMORY, "no memory for marks of late rows");
    if (m) *m = (struct pl_late_marks){.tags = tags, .given_up = PL_TIME_MIN};
    for (unsigned i = 0; i < last.node_count && !code; i++)
        for (unsigned p = 0; p < last.nodes[i].instances && !code; p++)
            code =
                pl_epochs_load_table(store, last.nodes[i].name, (uint16_t)p, PL_LATE_TABLE_NAME, take_entry, m, error);
    pl_epoch_fini(&last);
    if (code) {
        pl_late_marks_free(m);
        return code;
    }
    if (m->count) qsort(m->marks, m->count, sizeof *m->marks, compare);
    *marks = m;
    return PL_OK;
}

void pl_late_marks_free(struct pl_late_marks *marks) {
    if (!marks) return;
    pl_free(marks->marks);
    pl_free(marks);
}

/* ---- Asking ---- */

struct pl_late_extent pl_late_marks_extent(const struct pl_late_marks *marks) {
    struct pl_late_extent extent = {
        .marks = marks->count, .begin = PL_TIME_MAX, .missed = PL_TIME_MIN, .complete = marks->given_up == PL_TIME_MIN};
    for (size_t i = 0; i < marks->count; i++) {
        if (marks->marks[i].begin < extent.begin) extent.begin = marks->marks[i].begin;
        if (marks->marks[i].missed > extent.missed) extent.missed = marks->marks[i].missed;
    }
    return extent;
}

/* The first mark of the key that begins at `begin` or later. */
static size_t find(const struct pl_late_marks *marks, uint32_t key, pl_time begin) {
    struct mark wanted = {.key = key, .begin = begin};
    size_t low = 0, high = marks->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare(&marks->marks[middle], &wanted) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool lacks(const struct pl_late_marks *marks, uint32_t key, pl_time start, pl_time end) {
    if (end <= marks->given_up) return true;
    for (size_t i = find(marks, key, start); i < marks->count; i++) {
        const struct mark *mark = &marks->marks[i];
        if (mark->key != key || mark->begin >= end) return false;
        if (mark->end <= end && end <= mark->missed) return true;
    }
    return false;
}

enum pl_code pl_late_marks_flag(const struct pl_late_marks *marks, struct pl_batch **batch, struct pl_error **error) {
    bool writable = false;
    for (uint32_t i = 0; (*batch)->kind == PL_WINDOWS && i < (*batch)->rows; i++) {
        struct pl_windows *rows = &(*batch)->windows;
        if (!lacks(marks, rows->tag[i], rows->start[i], rows->end[i])) continue;
        if (!writable && !pl_batch_writable(batch))
            return pl_error_set(error, PL_NO_MEMORY, "no memory for a batch of windows");
        writable = true;
        (*batch)->windows.quality[i] |= PL_Q_LATE;
    }
    return PL_OK;
}
