#include "wide.h"

#include <math.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/text.h>

enum { IS_SIGNAL, IS_TIME, IS_NS, IS_ASSET, IS_ROW };
enum { FIELD_ROOM = 2 * PL_NAME_MAX + 16, NUMBER_ROOM = 352, NOWHERE = 1, FIRST_PLACE = 2 };

/* ---- Life ---- */

static uint8_t what_is(const char *name) {
    static const char *const names[] = {
        [IS_TIME] = "time", [IS_NS] = "time_ns", [IS_ASSET] = "asset", [IS_ROW] = "row"};
    for (unsigned i = IS_TIME; i <= IS_ROW; i++)
        if (strcmp(name, names[i]) == 0) return (uint8_t)i;
    return IS_SIGNAL;
}

enum pl_code pl_wide_init(struct pl_wide *w, const struct pl_writing *writing, struct pl_tags *tags,
                          struct pl_error **error) {
    *w = (struct pl_wide){.writing = writing, .tags = tags, .column_count = writing->columns.count};
    w->delimiter = strcmp(writing->delimiter, "tab") == 0 ? '\t' : writing->delimiter[0];
    if (w->column_count > PL_WRITER_COLUMNS_MAX)
        return pl_error_set(error, PL_LIMIT, "columns: %u; at most %d", w->column_count, PL_WRITER_COLUMNS_MAX);
    for (uint32_t i = 0; i < w->column_count; i++) {
        w->column[i] = (struct pl_wide_column){.name = writing->columns.items[i]};
        w->column[i].what = what_is(w->column[i].name);
        w->signals += w->column[i].what == IS_SIGNAL;
    }
    if (!w->signals)
        return pl_error_set(error, PL_USAGE, "columns: the wide layout needs signals, like [time, voltage]");
    w->room = w->column_count * (size_t)(FIELD_ROOM + NUMBER_ROOM + strlen(writing->missing));
    return PL_OK;
}

void pl_wide_fini(struct pl_wide *w) {
    pl_free(w->place);
    w->place = NULL;
    w->place_room = 0;
}

/* ---- Text ---- */

/* With quotes around it where it needs them. */
static char *put_text(const struct pl_wide *w, char *at, const char *text) {
    const char special[] = {'"', '\n', '\r', w->delimiter, 0};
    const size_t length = strlen(text);
    const bool plain = !strpbrk(text, special) && text[0] != ' ' && (!length || text[length - 1] != ' ');
    if (!plain) *at++ = '"';
    for (; *text; text++) {
        if (*text == '"') *at++ = '"';
        *at++ = *text;
    }
    if (!plain) *at++ = '"';
    return at;
}

static char *put_value(struct pl_wide *w, char *at, uint32_t i) {
    if (!(w->have >> i & 1) || isnan(w->value[i])) {
        size_t length = strlen(w->writing->missing);
        memcpy(at, w->writing->missing, length);
        return at + length;
    }
    if (w->writing->decimals >= 0) return pl_text_put_fixed(at, w->value[i], (unsigned)w->writing->decimals);
    return pl_writer_number(at, w->value[i], &w->column[i].decimals);
}

static char *put_line(struct pl_wide *w, char *at) {
    w->lines++;
    for (uint32_t i = 0; i < w->column_count; i++) {
        switch (w->column[i].what) {
        case IS_TIME: at = pl_text_put_time(at, w->time); break;
        case IS_NS: at = pl_text_put_int(at, w->time); break;
        case IS_ASSET: at = put_text(w, at, pl_tags_get(w->tags, w->asset)->name); break;
        case IS_ROW: at = pl_text_put_int(at, (int64_t)w->lines); break;
        default: at = put_value(w, at, i);
        }
        *at++ = w->delimiter;
    }
    at[-1] = '\n';
    w->have = w->came = 0;
    return at;
}

size_t pl_wide_header_room(const struct pl_wide *w) {
    size_t room = 1;
    for (uint32_t i = 0; i < w->column_count; i++)
        room += 2 * strlen(w->column[i].name) + 3;
    return room;
}

char *pl_wide_header(const struct pl_wide *w, char *at) {
    for (uint32_t i = 0; i < w->column_count; i++) {
        at = put_text(w, at, w->column[i].name);
        *at++ = w->delimiter;
    }
    at[-1] = '\n';
    return at;
}

size_t pl_wide_room(const struct pl_wide *w) {
    return 2 * w->room;
}

/* ---- Rows ---- */

static bool learn_tags(struct pl_wide *w, uint32_t id) {
    if (id < w->place_room) return true;
    const uint32_t room = pl_tags_count(w->tags) + 16;
    uint8_t *grown = pl_realloc(w->place, room);
    if (!grown) return false;
    memset(grown + w->place_room, 0, room - w->place_room);
    w->place = grown;
    w->place_room = room;
    return true;
}

static uint8_t place_of(const struct pl_wide *w, uint32_t id) {
    const char *name = pl_tags_get(w->tags, id)->name, *dot = strrchr(name, '.');
    for (uint32_t i = 0; i < w->column_count; i++) {
        if (w->column[i].what != IS_SIGNAL) continue;
        if (strcmp(w->column[i].name, name) == 0 || (dot && strcmp(w->column[i].name, dot + 1) == 0))
            return (uint8_t)(FIRST_PLACE + i);
    }
    return NOWHERE;
}

static char *take_row(struct pl_wide *w, const struct pl_samples *rows, uint32_t row, char *at) {
    const uint32_t tag = rows->tag[row];
    if (!learn_tags(w, tag)) {
        w->failed = true;
        return at;
    }
    if (!w->place[tag]) w->place[tag] = place_of(w, tag);
    if (w->place[tag] == NOWHERE) return at;
    const uint32_t i = w->place[tag] - (uint32_t)FIRST_PLACE, asset = pl_tags_get(w->tags, tag)->asset;
    const bool other = rows->time[row] != w->time || asset != w->asset || w->have >> i & 1;
    if (w->have && other) at = put_line(w, at);
    w->time = rows->time[row];
    w->asset = asset;
    w->have |= 1u << i;
    w->value[i] = rows->value[row];
    return ++w->came == w->signals ? put_line(w, at) : at;
}

size_t pl_wide_rows(struct pl_wide *w, const struct pl_batch *batch, uint32_t *row, char *text, size_t size) {
    char *at = text, *end = text + size;
    for (; *row < batch->rows && (size_t)(end - at) >= pl_wide_room(w) && !w->failed; ++*row)
        at = take_row(w, &batch->samples, *row, at);
    return (size_t)(at - text);
}

char *pl_wide_rest(struct pl_wide *w, char *at) {
    return w->have ? put_line(w, at) : at;
}

/* ---- State ---- */

void pl_wide_pack(const struct pl_wide *w, struct pl_pack *pack) {
    pl_pack_array(pack, 4 + w->column_count);
    pl_pack_uint(pack, w->lines);
    pl_pack_int(pack, w->time);
    pl_pack_uint(pack, w->have);
    pl_pack_str(pack, w->have ? pl_tags_get(w->tags, w->asset)->name : "");
    for (uint32_t i = 0; i < w->column_count; i++)
        pl_pack_f64(pack, w->have >> i & 1 ? w->value[i] : 0);
}

bool pl_wide_unpack(struct pl_wide *w, struct pl_unpack *unpack) {
    uint32_t items;
    uint64_t have;
    const char *name;
    size_t length;
    if (!pl_unpack_array(unpack, &items) || items != 4 + w->column_count || !pl_unpack_uint(unpack, &w->lines) ||
        !pl_unpack_int(unpack, &w->time) || !pl_unpack_uint(unpack, &have) || !pl_unpack_str(unpack, &name, &length))
        return false;
    w->have = (uint32_t)have;
    w->asset = pl_tags_intern(w->tags, name, length);
    w->came = (uint32_t)__builtin_popcount(w->have);
    for (uint32_t i = 0; i < w->column_count; i++)
        if (!pl_unpack_f64(unpack, &w->value[i])) return false;
    return w->asset != PL_NO_ID && have >> w->column_count == 0;
}
