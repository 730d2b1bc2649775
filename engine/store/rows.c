#include "store/rows.h"

#include <string.h>

#include <potline/alloc.h>
#include <potline/codec.h>

#include "store/column.h"

enum form { CAPNP = 1, COMPACT = 2 };

/* In front of the compact form. */
struct head {
    uint8_t form, kind;
    uint16_t flags; /* the batch's, and OF_MODEL */
    uint32_t rows;
    pl_time receive_time;
    uint32_t generation;
    uint32_t names;
    uint32_t names_size; /* bytes */
    uint32_t source;     /* place in the names */
};
_Static_assert(sizeof(struct head) == 32, "no gaps: it is written as it stands");

enum {
    CAPNP_HEAD = 8, /* the form; keeps the message aligned */
    NAMES_MAX = PL_BATCH_ROWS_MAX + 2,
    OF_MODEL = 1 << 15, /* the second name is its model; who does not know that reads the rows all the same */
};

struct pl_rows {
    struct pl_tags *tags;
    struct pl_codec *codec;
    uint32_t *place; /* by id: where it may stand in `name`; true only when that place says so, so never cleared */
    uint32_t places;
    uint32_t names;
    uint32_t name[NAMES_MAX]; /* ids */
    uint32_t column[PL_BATCH_ROWS_MAX];
    struct pl__column_work work;
};

/* ---- Life ---- */

struct pl_rows *pl_rows_new(struct pl_tags *tags) {
    struct pl_rows *rows = PL_NEW(struct pl_rows);
    if (!rows) return NULL;
    rows->tags = tags;
    rows->codec = pl_codec_new(tags);
    if (rows->codec) return rows;
    pl_free(rows);
    return NULL;
}

void pl_rows_free(struct pl_rows *rows) {
    if (!rows) return;
    pl_codec_free(rows->codec);
    pl_free(rows->place);
    pl_free(rows);
}

/* ---- Names: a list of those that the batch uses, in the order it does ---- */

static bool make_places(struct pl_rows *rows) {
    uint32_t ids = pl_tags_count(rows->tags);
    if (ids <= rows->places) return true;
    uint32_t wanted = ids + ids / 2 + 64;
    uint32_t *place = pl_realloc(rows->place, wanted * sizeof *place);
    if (!place) return false;
    memset(place + rows->places, 0, (wanted - rows->places) * sizeof *place);
    rows->place = place;
    rows->places = wanted;
    return true;
}

static inline uint32_t place_of(struct pl_rows *rows, uint32_t id) {
    uint32_t place = rows->place[id];
    if (PL_LIKELY(place < rows->names && rows->name[place] == id)) return place;
    place = rows->names++;
    rows->name[place] = id;
    rows->place[id] = place;
    return place;
}

/* The column's ids as places. The kinds of this form have one column of names, so there are at most a name a row. */
static void list_names(struct pl_rows *rows, const struct pl_batch *batch) {
    const struct pl_kind_info *info = &pl_kind_info[batch->kind];
    rows->names = 0;
    place_of(rows, batch->source);
    if (batch->model) place_of(rows, batch->model);
    const uint32_t *id = batch->column[info->key];
    for (uint32_t i = 0; i < batch->rows; i++)
        rows->column[i] = place_of(rows, id[i]);
}

static uint8_t common_prefix(const struct pl_tag *a, const struct pl_tag *b) {
    uint8_t most = a->length < b->length ? a->length : b->length, same = 0;
    while (same < most && a->name[same] == b->name[same])
        same++;
    return same;
}

/* Each as: bytes shared with the one before, length of the rest, the rest. */
static void put_names(struct pl_rows *rows, struct pl_buffer *out) {
    const struct pl_tag *before = pl_tags_get(rows->tags, 0);
    for (uint32_t i = 0; i < rows->names; i++) {
        const struct pl_tag *tag = pl_tags_get(rows->tags, rows->name[i]);
        uint8_t *at = (uint8_t *)pl_buffer_reserve(out, 2 + (size_t)tag->length);
        if (!at) return;
        uint8_t shared = common_prefix(before, tag), rest = tag->length - shared;
        at[0] = shared;
        at[1] = rest;
        memcpy(at + 2, tag->name + shared, rest);
        pl_buffer_commit(out, 2 + (size_t)rest);
        before = tag;
    }
}

/* Reads `names` of them into rows->name; NULL when they are not valid. *full: the registry is. */
static const uint8_t *get_names(struct pl_rows *rows, uint32_t names, const uint8_t *at, const uint8_t *end,
                                bool *full) {
    char name[PL_NAME_MAX];
    uint32_t length = 0;
    for (uint32_t i = 0; i < names; i++) {
        if (end - at < 2) return NULL;
        uint8_t shared = at[0], rest = at[1];
        at += 2;
        if (shared > length || shared + rest > PL_NAME_MAX || end - at < rest) return NULL;
        memcpy(name + shared, at, rest);
        at += rest;
        length = (uint32_t)shared + rest;
        rows->name[i] = pl_tags_intern(rows->tags, name, length);
        if (rows->name[i] == PL_NO_ID) {
            *full = true;
            return NULL;
        }
    }
    return at;
}

/* ---- The compact form ---- */

static void put_columns(struct pl_rows *rows, const struct pl_batch *batch, struct pl_buffer *out) {
    const struct pl_kind_info *info = &pl_kind_info[batch->kind];
    for (unsigned i = 0; i < info->columns; i++) {
        uint8_t *at = (uint8_t *)pl_buffer_reserve(out, pl__column_bound(batch->rows));
        if (!at) return;
        const void *column = info->column[i].type == PL_NAME ? rows->column : batch->column[i];
        uint8_t *end = pl__column_put(&rows->work, info->column[i].type, column, batch->rows, at);
        pl_buffer_commit(out, (size_t)(end - at));
    }
    static const uint8_t slack[PL__COLUMN_SLACK];
    pl_buffer_put(out, slack, sizeof slack);
}

static enum pl_code put_compact(struct pl_rows *rows, const struct pl_batch *batch, struct pl_buffer *out,
                                struct pl_error **error) {
    if (!make_places(rows)) return pl_error_set(error, PL_NO_MEMORY, "out of memory");
    list_names(rows, batch);
    bool of_model = batch->model && batch->model != batch->source;
    struct head head = {.form = COMPACT,
                        .kind = batch->kind,
                        .flags = (uint16_t)((batch->header->flags & ~OF_MODEL) | (of_model ? OF_MODEL : 0)),
                        .rows = batch->rows,
                        .receive_time = batch->header->receive_time,
                        .generation = batch->header->generation,
                        .names = rows->names};
    size_t start = out->size;
    pl_buffer_put(out, &head, sizeof head);
    put_names(rows, out);
    head.names_size = (uint32_t)(out->size - start - sizeof head);
    put_columns(rows, batch, out);
    if (pl_buffer_failed(out)) return pl_error_set(error, PL_NO_MEMORY, "out of memory");
    memcpy(out->data + start, &head, sizeof head);
    return PL_OK;
}

static bool names_in_range(const uint32_t *place, uint32_t rows, uint32_t names) {
    bool good = true;
    for (uint32_t i = 0; i < rows; i++)
        good &= place[i] < names;
    return good;
}

static bool get_columns(struct pl_rows *rows, const struct head *head, const uint8_t *at, const uint8_t *end,
                        struct pl_batch *batch) {
    const struct pl_kind_info *info = &pl_kind_info[head->kind];
    for (unsigned i = 0; i < info->columns && at; i++) {
        uint32_t *id = batch->column[i];
        at = pl__column_get(&rows->work, info->column[i].type, head->rows, at, end, id);
        if (!at || info->column[i].type != PL_NAME) continue;
        if (!names_in_range(id, head->rows, head->names)) return false;
        for (uint32_t row = 0; row < head->rows; row++)
            id[row] = rows->name[id[row]];
    }
    return at && at + PL__COLUMN_SLACK == end;
}

static bool get_head(const uint8_t *at, const uint8_t *end, struct head *head) {
    if ((size_t)(end - at) < sizeof *head) return false;
    memcpy(head, at, sizeof *head);
    return head->kind < PL_KINDS && pl_kind_info[head->kind].heaps == 0 && head->rows &&
           head->rows <= PL_BATCH_ROWS_MAX && head->names && head->names <= NAMES_MAX && head->source < head->names &&
           head->names_size <= (size_t)(end - at) - sizeof *head && (!(head->flags & OF_MODEL) || head->names > 1);
}

static enum pl_code get_compact(struct pl_rows *rows, const uint8_t *at, const uint8_t *end, struct pl_batch **batch,
                                struct pl_error **error) {
    struct head head;
    bool full = false;
    if (!get_head(at, end, &head)) return pl_error_set(error, PL_CORRUPT, "rows: their head is damaged");
    const uint8_t *names = at + sizeof head, *columns = names + head.names_size;
    if (get_names(rows, head.names, names, columns, &full) != columns) {
        if (full) return pl_error_set(error, PL_LIMIT, "rows: a name is not valid, or there are more than max_tags");
        return pl_error_set(error, PL_CORRUPT, "rows: their names are damaged");
    }
    struct pl_batch *b = pl_batch_new(head.kind, head.rows, 0);
    if (!b) return pl_error_set(error, PL_NO_MEMORY, "out of memory");
    if (!get_columns(rows, &head, columns, end, b)) {
        pl_batch_unref(b);
        return pl_error_set(error, PL_CORRUPT, "rows: their columns are damaged");
    }
    b->rows = b->header->rows = head.rows;
    b->header->flags = head.flags & (uint16_t)~OF_MODEL;
    b->header->receive_time = head.receive_time;
    b->header->generation = head.generation;
    b->source = rows->name[head.source];
    b->model = head.flags & OF_MODEL ? rows->name[1] : 0;
    *batch = b;
    return PL_OK;
}

/* ---- The Cap'n Proto form ---- */

static enum pl_code put_capnp(struct pl_rows *rows, const struct pl_batch *batch, struct pl_buffer *out,
                              struct pl_error **error) {
    const void *bytes;
    size_t size;
    enum pl_code code = pl_codec_encode(rows->codec, PL_CAPNP, batch, &bytes, &size, error);
    if (code) return code;
    static const uint8_t head[CAPNP_HEAD] = {CAPNP};
    pl_buffer_put(out, head, sizeof head);
    pl_buffer_put(out, bytes, size);
    return pl_buffer_failed(out) ? pl_error_set(error, PL_NO_MEMORY, "out of memory") : PL_OK;
}

static enum pl_code get_capnp(struct pl_rows *rows, const uint8_t *at, const uint8_t *end, struct pl_batch **batch,
                              struct pl_error **error) {
    if (end - at < CAPNP_HEAD) return pl_error_set(error, PL_CORRUPT, "rows: their head is damaged");
    enum pl_code code =
        pl_codec_decode(rows->codec, PL_CAPNP, at + CAPNP_HEAD, (size_t)(end - at) - CAPNP_HEAD, batch, error);
    if (code) return code == PL_NO_MEMORY || code == PL_LIMIT ? code : PL_CORRUPT;
    (*batch)->header->partition = 0;
    (*batch)->header->first_sequence = 0;
    return PL_OK;
}

/* ---- Either ---- */

enum pl_code pl_rows_put(struct pl_rows *rows, const struct pl_batch *batch, struct pl_buffer *out,
                         struct pl_error **error) {
    if (batch->rows == 0) return pl_error_set(error, PL_USAGE, "a batch without rows cannot be stored");
    return pl_kind_info[batch->kind].heaps ? put_capnp(rows, batch, out, error) : put_compact(rows, batch, out, error);
}

enum pl_code pl_rows_get(struct pl_rows *rows, const void *bytes, size_t size, struct pl_batch **batch,
                         struct pl_error **error) {
    const uint8_t *at = bytes, *end = at + size;
    *batch = NULL;
    switch (size ? at[0] : 0) {
    case CAPNP: return get_capnp(rows, at, end, batch, error);
    case COMPACT: return get_compact(rows, at, end, batch, error);
    default: return pl_error_set(error, PL_CORRUPT, "rows: %s", size ? "of an unknown form" : "there are none");
    }
}
