#include "writer.h"

#include <math.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/quality.h>
#include <potline/text.h>

#include "swar.h"

enum form {
    FORM_NS,      /* a time as whole nanoseconds */
    FORM_TIME,    /* the same as RFC 3339 */
    FORM_NUMBER,  /* double */
    FORM_COUNT,   /* u32 */
    FORM_ID,      /* u64 */
    FORM_SHORT,   /* u16 */
    FORM_QUALITY, /* u16 as words */
    FORM_NAME,    /* id */
    FORM_ASSET,   /* of the tag */
    FORM_UNIT,    /* of the tag */
    FORM_TEXT,    /* bytes of a heap */
    FORM_BODY,    /* msgpack of a heap as JSON */
};

enum {
    COPY = 32, /* names up to this length are copied at once, more bytes than they have */
    NAME_ROOM = 2 * PL_NAME_MAX + 2 + COPY,
    NUMBER_ROOM = 352, /* pl_text_put_fixed */
    FIELD_ROOM = 176,  /* a quality, the longest of the others */
    NO_QUALITY = 1 << 16,
    JSON_ROOM = 16, /* for each byte of msgpack, quotes doubled; and */
    JSON_MORE = 64,
};

struct pl_writer_name {
    char *text; /* as it is written, COPY bytes can be read; NULL: not known yet */
    uint16_t length;
    uint8_t decimals; /* that its values took */
};

/* ---- Numbers ---- */

static const double ten_to[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};
enum { DECIMALS_MAX = 9 };

/* Up to eight digits with their point: the word of digits is stored twice, the second time a byte further on. */
static char *put_digits(char *at, uint32_t digits, uint32_t decimals) {
    uint64_t word = pl_swar_text(digits), values = word ^ PL_SWAR_ZEROS;
    uint32_t zeros = values ? (uint32_t)__builtin_clzll(values) / 8 : 8; /* at the end */
    uint32_t dropped = zeros < decimals ? zeros : decimals;
    uint32_t first = values ? (uint32_t)__builtin_ctzll(values) / 8 : 7; /* of the digits that count */
    uint32_t point = 8 - decimals;                                       /* it stands before this one */
    decimals -= dropped;
    if (first >= point) first = point - 1;
    word >>= 8 * first;
    memcpy(at, &word, sizeof(word));
    at += point - first;
    if (decimals == 0) return at;
    *at++ = '.';
    word >>= 8 * (point - first);
    memcpy(at, &word, sizeof(word));
    return at + decimals;
}

/* The value is digits / 10^decimals, if a double of at most 15 digits can be: then no shorter decimal reads the same,
 * but for zeros at its end. */
static inline bool is_decimal(double magnitude, uint32_t decimals, int64_t *digits) {
    double scaled = magnitude * ten_to[decimals];
    if (!(scaled < 1e15)) return false;
    *digits = (int64_t)(scaled + 0.5);
    return (double)*digits / ten_to[decimals] == magnitude;
}

static char *put_magnitude(char *at, double magnitude, uint8_t *decimals) {
    int64_t digits;
    uint32_t n = *decimals;
    if (PL_UNLIKELY(!is_decimal(magnitude, n, &digits))) {
        for (n = 0; n <= 7 && !is_decimal(magnitude, n, &digits); n++) {
        }
        if (n > 7) return pl_text_put_f64(at, magnitude);
        *decimals = (uint8_t)n;
    }
    if (PL_LIKELY(digits < 100000000)) return put_digits(at, (uint32_t)digits, n);
    int64_t unit = (int64_t)ten_to[n], part = digits % unit;
    at = pl_text_put_int(at, digits / unit);
    if (part == 0) return at;
    *at++ = '.';
    for (; part; part %= unit) {
        unit /= 10;
        *at++ = (char)('0' + part / unit);
    }
    return at;
}

char *pl_writer_number(char *at, double value, uint8_t *decimals) {
    if (signbit(value)) {
        *at++ = '-';
        value = -value;
    }
    return put_magnitude(at, value, decimals);
}

static char *put_number(const struct pl_writer *w, char *at, double value, uint8_t *decimals) {
    if (PL_UNLIKELY(value != value)) {
        size_t length = strlen(w->writing->missing);
        memcpy(at, w->writing->missing, length);
        return at + length;
    }
    if (w->writing->decimals >= 0) return pl_text_put_fixed(at, value, (unsigned)w->writing->decimals);
    return pl_writer_number(at, value, decimals);
}

/* ---- Times ---- */

/* Ten digits of seconds, which stay the same for many rows, and nine of nanoseconds. */
static char *put_ns(struct pl_writer *w, char *at, pl_time time) {
    int64_t second = time / PL_SECOND;
    if (PL_UNLIKELY(second != w->second)) {
        if (second < 1000000000 || second > 9999999999) return pl_text_put_int(at, time);
        pl_text_put_int(w->second_text, second);
        w->second = second;
    }
    uint32_t rest = (uint32_t)(time - second * PL_SECOND);
    uint64_t tail = pl_swar_text(rest % 100000000);
    memcpy(at, w->second_text, 10);
    at[10] = (char)('0' + rest / 100000000);
    memcpy(at + 11, &tail, sizeof(tail));
    return at + 19;
}

/* ---- Text ---- */

/* With quotes around it where it needs them, blanks at its ends too; takes at most 2 * length + 2 bytes. */
static char *put_text(const struct pl_writer *w, char *at, const char *text, size_t length) {
    bool plain = !length || (text[0] != ' ' && text[length - 1] != ' ');
    for (size_t i = 0; i < length; i++)
        plain &= text[i] != '"' && text[i] != '\n' && text[i] != '\r' && text[i] != w->delimiter;
    if (plain) {
        memcpy(at, text, length);
        return at + length;
    }
    *at++ = '"';
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '"') *at++ = '"';
        *at++ = text[i];
    }
    *at++ = '"';
    return at;
}

static struct pl_writer_name *learn_name(struct pl_writer *w, uint32_t id) {
    if (id >= w->name_count) {
        uint32_t count = pl_tags_count(w->tags);
        struct pl_writer_name *grown = pl_realloc(w->names, count * sizeof(*grown));
        if (!grown) return NULL;
        memset(grown + w->name_count, 0, (count - w->name_count) * sizeof(*grown));
        w->names = grown;
        w->name_count = count;
    }
    const struct pl_tag *tag = pl_tags_get(w->tags, id);
    struct pl_writer_name *name = &w->names[id];
    name->text = pl_alloc(NAME_ROOM);
    if (!name->text) return NULL;
    name->length = (uint16_t)(put_text(w, name->text, tag->name, tag->length) - name->text);
    return name;
}

static struct pl_writer_name *name_of(struct pl_writer *w, uint32_t id) {
    if (PL_LIKELY(id < w->name_count && w->names[id].text)) return &w->names[id];
    struct pl_writer_name *name = learn_name(w, id);
    w->failed |= !name;
    return name;
}

static char *put_name(struct pl_writer *w, char *at, uint32_t id) {
    const struct pl_writer_name *name = name_of(w, id);
    if (PL_UNLIKELY(!name)) return at;
    memcpy(at, name->text, COPY);
    if (PL_UNLIKELY(name->length > COPY)) memcpy(at, name->text, name->length);
    return at + name->length;
}

static char *put_quality(struct pl_writer *w, char *at, uint16_t quality) {
    if (PL_UNLIKELY(quality != w->quality)) {
        w->quality_length = (uint32_t)pl_quality_format(quality, w->quality_text, sizeof(w->quality_text));
        w->quality = quality;
    }
    memcpy(at, w->quality_text, w->quality_length);
    return at + w->quality_length;
}

static char *put_body(struct pl_writer *w, char *at, const void *bytes, uint32_t size) {
    char *json = size ? pl_pack_json(bytes, size) : NULL;
    size_t length = json ? strlen(json) : 0;
    if (2 * length + 2 <= JSON_ROOM * (size_t)size + JSON_MORE) at = put_text(w, at, json ? json : "", length);
    pl_free(json);
    return at;
}

static char *put_u64(char *at, uint64_t value) {
    if (value <= INT64_MAX) return pl_text_put_int(at, (int64_t)value);
    at = pl_text_put_int(at, (int64_t)(value / 10));
    *at++ = (char)('0' + value % 10);
    return at;
}

/* ---- Rows ---- */

static inline __attribute__((always_inline)) char *put_field(struct pl_writer *w, const struct pl_batch *batch,
                                                             const struct pl_writer_column *column, uint32_t row,
                                                             char *at) {
    const void *data = batch->column[column->index];
    uint32_t length;
    switch ((enum form)column->form) {
    case FORM_NS: return put_ns(w, at, ((const pl_time *)data)[row]);
    case FORM_TIME: return pl_text_put_time(at, ((const pl_time *)data)[row]);
    case FORM_COUNT: return pl_text_put_int(at, ((const uint32_t *)data)[row]);
    case FORM_ID: return put_u64(at, ((const uint64_t *)data)[row]);
    case FORM_SHORT: return pl_text_put_int(at, ((const uint16_t *)data)[row]);
    case FORM_QUALITY: return put_quality(w, at, ((const uint16_t *)data)[row]);
    case FORM_NAME: return put_name(w, at, ((const uint32_t *)data)[row]);
    case FORM_ASSET: return put_name(w, at, pl_tags_get(w->tags, ((const uint32_t *)data)[row])->asset);
    case FORM_UNIT: {
        const char *unit = pl_tags_get(w->tags, ((const uint32_t *)data)[row])->unit;
        return put_text(w, at, unit, strnlen(unit, PL_NAME_MAX));
    }
    case FORM_TEXT: {
        const char *text = pl_batch_heap_row(batch, column->index, row, &length);
        return put_text(w, at, text, length);
    }
    case FORM_BODY: {
        const void *body = pl_batch_heap_row(batch, column->index, row, &length);
        return put_body(w, at, body, length);
    }
    case FORM_NUMBER: break;
    }
    struct pl_writer_name *name = name_of(w, pl_batch_keys(batch)[row]);
    uint8_t none = 0;
    return put_number(w, at, ((const double *)data)[row], name ? &name->decimals : &none);
}

size_t pl_writer_rows(struct pl_writer *w, const struct pl_batch *batch, uint32_t *row, char *text, size_t size) {
    char *at = text, *end = text + size;
    for (; *row < batch->rows; ++*row) {
        size_t room = PL_UNLIKELY(w->has_heap) ? pl_writer_room(w, batch, *row) : w->fixed_room;
        if ((size_t)(end - at) < room) break;
        for (uint32_t i = 0; i < w->column_count; i++) {
            at = put_field(w, batch, &w->column[i], *row, at);
            *at++ = w->delimiter;
        }
        at[-1] = '\n';
        if (PL_UNLIKELY(w->failed)) break;
    }
    return (size_t)(at - text);
}

size_t pl_writer_room(const struct pl_writer *w, const struct pl_batch *batch, uint32_t row) {
    size_t room = w->fixed_room;
    for (uint32_t i = 0; w->has_heap && i < w->column_count; i++) {
        const struct pl_writer_column *column = &w->column[i];
        uint32_t length = 0;
        if (column->form < FORM_TEXT) continue;
        pl_batch_heap_row(batch, column->index, row, &length);
        room += column->form == FORM_TEXT ? 2 * (size_t)length + 2 : JSON_ROOM * (size_t)length + JSON_MORE;
    }
    return room;
}

size_t pl_writer_header_room(const struct pl_writer *w) {
    size_t room = 1;
    for (uint32_t i = 0; i < w->column_count; i++)
        room += 2 * strlen(w->column[i].name) + 3;
    return room;
}

char *pl_writer_header(const struct pl_writer *w, char *at) {
    for (uint32_t i = 0; i < w->column_count; i++) {
        if (i) *at++ = w->delimiter;
        at = put_text(w, at, w->column[i].name, strlen(w->column[i].name));
    }
    *at++ = '\n';
    return at;
}

/* ---- Columns ---- */

static enum form form_of(const struct pl_column_info *column) {
    switch (column->type) {
    case PL_I64: return FORM_TIME;
    case PL_F64: return FORM_NUMBER;
    case PL_U32: return FORM_COUNT;
    case PL_U64: return FORM_ID;
    case PL_NAME: return FORM_NAME;
    default: return strcmp(column->name, "quality") == 0 ? FORM_QUALITY : FORM_SHORT;
    }
}

/* Is `name` the column's name with "_ns" behind it? */
static bool is_ns(const char *name, const char *column) {
    size_t length = strlen(column);
    return strncmp(name, column, length) == 0 && strcmp(name + length, "_ns") == 0;
}

static bool find_column(enum pl_kind kind, const char *name, struct pl_writer_column *column) {
    const struct pl_kind_info *info = &pl_kind_info[kind];
    const uint8_t columns = info->heaps ? info->end : info->columns; /* the last one of a kind with heaps counts them */
    for (uint8_t i = 0; i < columns; i++) {
        bool ns = info->column[i].type == PL_I64 && is_ns(name, info->column[i].name);
        *column = (struct pl_writer_column){name, ns ? FORM_NS : (uint8_t)form_of(&info->column[i]), i};
        if (ns || strcmp(name, info->column[i].name) == 0) return true;
    }
    for (uint8_t i = 0; i < info->heaps; i++) {
        *column = (struct pl_writer_column){name, kind == PL_EVENTS ? FORM_BODY : FORM_TEXT, i};
        if (strcmp(name, info->heap[i].name) == 0) return true;
    }
    for (uint8_t i = 0; i < info->columns; i++) {
        if (strcmp(info->column[i].name, "tag") != 0) continue;
        *column = (struct pl_writer_column){name, strcmp(name, "unit") == 0 ? FORM_UNIT : FORM_ASSET, i};
        return strcmp(name, "unit") == 0 || strcmp(name, "asset") == 0;
    }
    return false;
}

static const char *const *usual_columns(enum pl_kind kind) {
    static const char *const samples[] = {"time_ns", "tag", "value", NULL};
    static const char *const windows[] = {"start_ns", "tag", "count", "mean", "min", "max", "last", NULL};
    static const char *const setpoints[] = {"time_ns", "id",     "tag",    "value", "lower",
                                            "upper",   "origin", "reason", NULL};
    static const char *const events[] = {"time_ns", "kind", "severity", "asset", "tag", "body", NULL};
    switch (kind) {
    case PL_WINDOWS: return windows;
    case PL_SETPOINTS: return setpoints;
    case PL_EVENTS: return events;
    default: return samples;
    }
}

static enum pl_code unknown_column(enum pl_kind kind, const char *name, struct pl_error **error) {
    const char *names[PL_COLUMNS_MAX];
    const struct pl_kind_info *info = &pl_kind_info[kind];
    for (unsigned i = 0; i < info->columns; i++)
        names[i] = info->column[i].name;
    const char *near = pl_text_nearest(name, names, info->columns);
    return pl_error_set(error, PL_UNKNOWN, "columns: %s have no column \"%s\"%s%s%s", info->name, name,
                        near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
}

static uint32_t room_of(const struct pl_writing *writing, const struct pl_writer_column *column) {
    uint32_t missing = (uint32_t)strlen(writing->missing);
    if (column->form == FORM_NUMBER) return NUMBER_ROOM > missing ? NUMBER_ROOM : missing;
    if (column->form == FORM_UNIT) return 2 * PL_NAME_MAX + 2;
    return column->form == FORM_NAME || column->form == FORM_ASSET ? NAME_ROOM : FIELD_ROOM;
}

/* ---- Life cycle ---- */

void pl_writing_check(const struct pl_writing *writing, struct pl_check *check) {
    const char *d = writing->delimiter;
    bool fine = strcmp(d, "tab") == 0 || (d[0] && !d[1] && d[0] != '"' && d[0] != '\n' && d[0] != '\r');
    if (!fine) pl_check_error(check, "delimiter", "\"%s\" is not one character, or tab", d);
    if (writing->columns.count > PL_WRITER_COLUMNS_MAX) {
        pl_check_error(check, "columns", "%u columns; at most %d", writing->columns.count, PL_WRITER_COLUMNS_MAX);
    }
    if (strpbrk(writing->missing, "\"\n\r")) pl_check_error(check, "missing", "holds a quote or a line end");
}

enum pl_code pl_writer_init(struct pl_writer *w, enum pl_kind kind, const struct pl_writing *writing,
                            struct pl_tags *tags, struct pl_error **error) {
    *w = (struct pl_writer){.writing = writing, .tags = tags, .kind = kind, .second = INT64_MIN, .quality = NO_QUALITY};
    w->delimiter = strcmp(writing->delimiter, "tab") == 0 ? '\t' : writing->delimiter[0];
    const char *const *names = writing->columns.count ? writing->columns.items : usual_columns(kind);
    w->fixed_room = 1;
    for (uint32_t i = 0; writing->columns.count ? i < writing->columns.count : names[i] != NULL; i++) {
        struct pl_writer_column *column = &w->column[w->column_count++];
        if (!find_column(kind, names[i], column)) return unknown_column(kind, names[i], error);
        w->has_heap |= column->form >= FORM_TEXT;
        w->fixed_room += 1 + room_of(writing, column);
    }
    return PL_OK;
}

void pl_writer_fini(struct pl_writer *w) {
    for (uint32_t i = 0; i < w->name_count; i++)
        pl_free(w->names[i].text);
    pl_free(w->names);
    w->names = NULL;
    w->name_count = 0;
}
