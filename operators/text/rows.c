#include "rows.h"

#define INLINE static inline __attribute__((always_inline))

/* The record at hand: field i ends at ends[i] and begins behind ends[i - 1]; ends[-1] is the line end before it. */
struct record {
    const char *bytes;
    const uint32_t *ends;
    uint32_t fields;
    uint32_t end; /* of the last field, without the CR of a CR LF */
};

INLINE struct pl__field field_of(const struct record *record, uint32_t column) {
    uint32_t first = record->ends[(int32_t)column - 1] + 1;
    uint32_t end = column + 1 == record->fields ? record->end : record->ends[column];
    return (struct pl__field){record->bytes + first, end - first};
}

/* ---- Fields: the long way ---- */

struct pl__field pl__field_trim(struct pl__field f) {
    while (f.length && (*f.text == ' ' || *f.text == '\t'))
        f.text++, f.length--;
    while (f.length && (f.text[f.length - 1] == ' ' || f.text[f.length - 1] == '\t'))
        f.length--;
    return f;
}

struct pl__field pl__field_clean(const struct pl_reader *r, struct pl__field f, char *room) {
    f = pl__field_trim(f);
    if (!f.length || !r->quote || *f.text != r->quote) return f;
    if (f.length > PL__PIECE_MAX) return (struct pl__field){room, 0};
    uint32_t length = pl_records_unquote(f.text, f.length, r->quote, room);
    return pl__field_trim((struct pl__field){room, length == UINT32_MAX ? 0 : length});
}

/* ---- Values ---- */

/* Anything that is not plainly a number. */
static uint16_t settle_text(struct pl_reader *r, uint32_t tag, struct pl__field raw, double *value) {
    char room[PL__PIECE_ROOM] = {0};
    struct pl__field f = pl__field_clean(r, raw, room);
    return pl_values_text(&r->values, tag, f.text, f.length, value);
}

INLINE uint16_t read_value(struct pl_reader *r, uint32_t tag, struct pl__field f, double *value) {
    double number;
    if (PL_UNLIKELY(!pl_number(f.text, f.length, r->values.points, &number))) return settle_text(r, tag, f, value);
    *value = number;
    if (PL_UNLIKELY(r->values.missing_numbers || number != number)) return pl_values_number(&r->values, value);
    return PL_Q_GOOD;
}

static uint16_t with_quality(struct pl_reader *r, uint16_t seen, struct pl__field raw, double *value) {
    char room[PL__PIECE_ROOM];
    struct pl__field said = pl__field_clean(r, raw, room);
    return pl_values_said(&r->values, seen, pl_values_quality(said.text, said.length), value);
}

/* ---- Times ---- */

/* Several columns, or one in quotes: as one text. */
static bool read_time_pieces(struct pl_reader *r, const struct record *record, pl_time *time) {
    char joined[PL__PIECE_ROOM], room[PL__PIECE_ROOM];
    uint32_t used = 0;
    for (uint32_t i = 0; i < r->columns.times; i++) {
        struct pl__field f = pl__field_clean(r, field_of(record, r->columns.time[i]), room);
        if (used + 1 + f.length > PL__PIECE_MAX) return false;
        if (i) joined[used++] = ' ';
        memcpy(joined + used, f.text, f.length);
        used += f.length;
    }
    memset(joined + used, 0, PL_SLACK);
    return pl_stamp_read_any(&r->stamp, joined, used, time);
}

static bool count_time(const struct pl_reader *r, uint64_t row, pl_time *time) {
    pl_time past;
    return !__builtin_mul_overflow((int64_t)row, r->layout->interval, &past) &&
           !__builtin_add_overflow(past, r->layout->start, time);
}

INLINE bool read_time(struct pl_reader *r, const struct record *record, uint64_t row, pl_time *time) {
    if (PL_LIKELY(r->columns.times == 1)) {
        struct pl__field f = field_of(record, r->columns.time[0]);
        if (PL_LIKELY(pl_stamp_read(&r->stamp, f.text, f.length, time))) return true;
    } else if (r->columns.times == 0) {
        return count_time(r, row, time);
    }
    return read_time_pieces(r, record, time);
}

/* ---- Fields by themselves ---- */

uint16_t pl_reader_value(struct pl_reader *r, uint32_t tag, const char *text, uint32_t length, double *value) {
    return read_value(r, tag, (struct pl__field){text, length}, value);
}

bool pl_reader_time(struct pl_reader *r, const char *text, uint32_t length, pl_time *time) {
    char room[PL__PIECE_ROOM] = {0};
    struct pl__field f = pl__field_clean(r, (struct pl__field){text, length}, room);
    return pl_stamp_read_any(&r->stamp, f.text, f.length, time);
}

bool pl_reader_name(struct pl_reader *r, const char *text, uint32_t length, char *name, size_t size) {
    char room[PL__PIECE_ROOM];
    struct pl__field f = pl__field_clean(r, (struct pl__field){text, length}, room);
    if (f.length >= size || memchr(f.text, 0, f.length)) return false;
    memcpy(name, f.text, f.length);
    name[f.length] = 0;
    return true;
}

/* ---- Rows ---- */

/* Does the record have the fields that a row needs, and no others but empty ones at its end? */
static bool fields_fit(const struct pl_reader *r, const struct record *record) {
    if (record->fields < r->columns.least) return false;
    for (uint32_t i = r->columns.most; i < record->fields; i++) {
        if (field_of(record, i).length) return false;
    }
    return true;
}

INLINE enum pl__row read_long(struct pl_reader *r, const struct record *record, uint64_t count,
                              const struct pl_samples *to, uint32_t *row) {
    const struct pl_columns *c = &r->columns;
    pl_time time;
    struct pl__field name = field_of(record, c->tag);
    uint32_t tag = pl_names_find(r->names, name.text, name.length);
    if (PL_UNLIKELY(tag >= PL_NAMES_LEFT_OUT)) return tag == PL_NO_ID ? PL__ROW_TAG : PL__ROW_LEFT_OUT;
    if (PL_UNLIKELY(!read_time(r, record, count, &time))) return PL__ROW_TIME;
    uint16_t quality = read_value(r, tag, field_of(record, c->value), &to->value[*row]);
    if (c->quality < record->fields) {
        quality = with_quality(r, quality, field_of(record, c->quality), &to->value[*row]);
    }
    to->time[*row] = time;
    to->tag[*row] = tag;
    to->quality[*row] = quality;
    ++*row;
    return PL__ROW_GOOD;
}

INLINE enum pl__row read_wide(struct pl_reader *r, const struct record *record, uint64_t count,
                              const struct pl_samples *to, uint32_t *row) {
    const struct pl_columns *c = &r->columns;
    bool skip_empty = r->layout->empty == PL_EMPTY_SKIP;
    pl_time time;
    if (PL_UNLIKELY(!read_time(r, record, count, &time))) return PL__ROW_TIME;
    for (uint32_t i = 0; i < c->series_count; i++) {
        struct pl__field f = field_of(record, c->series[i].column);
        if (skip_empty && pl__field_trim(f).length == 0) continue;
        to->time[*row] = time;
        to->tag[*row] = c->series[i].tag;
        to->quality[*row] = read_value(r, c->series[i].tag, f, &to->value[*row]);
        ++*row;
    }
    return PL__ROW_GOOD;
}

/* A comment or an empty line. */
static bool is_special(const struct pl_reader *r, const struct record *record) {
    if ((unsigned char)record->bytes[record->ends[-1] + 1] == r->comment) return true;
    return record->fields == 1 && pl__field_trim(field_of(record, 0)).length == 0;
}

/* The loop keeps in registers what it goes by, and writes it back at its end. */
INLINE enum pl__row read_rows(struct pl_reader *r, struct pl_batch *batch, uint32_t *fields, bool wide) {
    struct pl_records *records = &r->records;
    const struct pl_columns *columns = &r->columns;
    const struct pl_samples to = batch->samples;
    const uint32_t *end = records->index + records->whole;
    struct record record = {.bytes = records->bytes, .ends = records->index + records->head};
    uint32_t row = batch->rows, last = batch->capacity - pl_reader_rows_least(r);
    uint64_t taken = 0;
    enum pl__row reason = PL__ROW_GOOD;
    while (row <= last && record.ends < end) {
        uint32_t n = 1;
        while (record.bytes[record.ends[n - 1]] != '\n')
            n++;
        record.fields = n;
        uint32_t first = record.ends[-1] + 1, length = record.ends[n - 1] - first;
        record.end = first + length - (length && record.bytes[first + length - 1] == '\r');
        reason = PL__ROW_TOO_LONG;
        if (PL_UNLIKELY(length > records->limit || n > PL_FIELDS_MAX)) break;
        reason = PL__ROW_SPECIAL;
        if (PL_UNLIKELY(n == 1 || (unsigned char)record.bytes[first] == r->comment) && is_special(r, &record)) break;
        reason = PL__ROW_FIELDS;
        if (PL_UNLIKELY(n < columns->least || n > columns->most) && !fields_fit(r, &record)) break;
        reason =
            wide ? read_wide(r, &record, r->row + taken, &to, &row) : read_long(r, &record, r->row + taken, &to, &row);
        if (PL_UNLIKELY(reason != PL__ROW_GOOD)) break;
        record.ends += n;
        taken++;
        if (PL_UNLIKELY(records->scan.hidden)) pl_records_count_hidden(records, first, first + length);
    }
    batch->rows = row;
    r->row += taken;
    records->head = (uint32_t)(record.ends - records->index);
    records->from = record.ends[-1] + 1;
    records->line += taken;
    *fields = record.fields;
    return reason;
}

#if defined(__x86_64__)
__attribute__((target("bmi,bmi2"))) static enum pl__row read_rows_bmi2(struct pl_reader *r, struct pl_batch *batch,
                                                                       uint32_t *fields, bool wide) {
    return wide ? read_rows(r, batch, fields, true) : read_rows(r, batch, fields, false);
}

static bool has_bmi2(void) {
    return __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
}
#else
#define read_rows_bmi2 read_rows_plain
static bool has_bmi2(void) {
    return false;
}
#endif

static enum pl__row read_rows_plain(struct pl_reader *r, struct pl_batch *batch, uint32_t *fields, bool wide) {
    return wide ? read_rows(r, batch, fields, true) : read_rows(r, batch, fields, false);
}

enum pl__row pl__rows_read(struct pl_reader *r, struct pl_batch *batch, uint32_t *fields) {
    bool wide = r->layout->shape == PL_WIDE;
    return has_bmi2() ? read_rows_bmi2(r, batch, fields, wide) : read_rows_plain(r, batch, fields, wide);
}
