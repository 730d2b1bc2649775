#include <potline/alloc.h>
#include <potline/pack.h>
#include <string.h>

#include "base/utf8.h"
#include "codec_impl.h"
#include "name.h"

enum pl_code pl__wire_limits(unsigned kind, uint64_t rows, uint64_t heap, struct pl_error **error) {
    if (kind >= PL_KINDS)
        return pl_error_set(error, PL_CORRUPT, "a kind from 0 to %d expected, found %u", PL_KINDS - 1, kind);
    if (rows > PL_BATCH_ROWS_MAX) {
        return pl_error_set(error, PL_LIMIT, "at most %d rows expected, found %llu", PL_BATCH_ROWS_MAX,
                            (unsigned long long)rows);
    }
    if (heap > PL_BATCH_HEAP_MAX) {
        return pl_error_set(error, PL_LIMIT, "at most %d elements of %s expected, found %llu", PL_BATCH_HEAP_MAX,
                            pl_kind_info[kind].heap[0].name, (unsigned long long)heap);
    }
    return PL_OK;
}

/* ---- Heaps ---- */

static bool body_valid(const uint8_t *body, uint32_t length) {
    if (!length) return true;
    struct pl_unpack unpack;
    uint32_t pairs;
    pl_unpack_init(&unpack, body, length);
    if (!pl_unpack_map(&unpack, &pairs)) return false;
    for (uint64_t i = 0; i < (uint64_t)pairs * 2; i++) {
        if (!pl_unpack_skip(&unpack)) return false;
    }
    return unpack.at == unpack.end;
}

static enum pl_code check_heaps(const struct pl_wire *wire, struct pl_error **error) {
    const struct pl_kind_info *info = &pl_kind_info[wire->header.kind];
    const uint32_t *end = wire->column[info->end];
    uint32_t start = 0;
    for (uint32_t i = 0; i < wire->header.rows; i++) {
        if (end[i] < start || end[i] > wire->heap_length) {
            return pl_error_set(error, PL_CORRUPT, "row %u: an end from %u to %u expected, found %u", i, start,
                                wire->heap_length, end[i]);
        }
        uint32_t length = end[i] - start;
        const uint8_t *bytes = length ? (const uint8_t *)wire->heap[0] + start : (const uint8_t *)""; /* NULL: empty */
        if (wire->header.kind == PL_EVENTS && !body_valid(bytes, length)) {
            return pl_error_set(error, PL_CORRUPT, "row %u: a body of one msgpack map expected", i);
        }
        if (wire->header.kind == PL_SETPOINTS && !pl_utf8_check((const char *)bytes, length)) {
            return pl_error_set(error, PL_CORRUPT, "row %u: a reason in UTF-8 expected", i);
        }
        start = end[i];
    }
    if (start == wire->heap_length) return PL_OK;
    return pl_error_set(error, PL_CORRUPT, "%u elements of %s expected, found %u", start, info->heap[0].name,
                        wire->heap_length);
}

/* ---- Names ---- */

struct pl_text *pl__wire_names(struct pl_codec *codec, uint32_t count) {
    codec->seen_words = 0;
    return pl__scratch(&codec->names, (size_t)count * sizeof(struct pl_text) + 8);
}

static bool fresh_ids(struct pl_codec *codec, uint32_t count) {
    uint32_t *ids = pl__scratch(&codec->ids, (size_t)count * sizeof(*ids) + 8);
    if (ids) memset(ids, 0xFF, (size_t)count * sizeof(*ids));
    return ids != NULL;
}

/* Enters a name that a row uses. A name that only does not fit into the registry any more stays PL_NO_ID. */
static enum pl_code enter_name(struct pl_codec *codec, const struct pl_wire *wire, uint32_t place, uint32_t *ids,
                               struct pl_error **error) {
    const struct pl_text *name = &wire->names[place];
    ids[place] = pl_tags_intern(codec->tags, name->at, name->length);
    if (ids[place] != PL_NO_ID || pl_name_valid(name->at, name->length)) return PL_OK;
    return pl_error_set(error, PL_CORRUPT,
                        "name %u: up to %d bytes of UTF-8 without control characters expected, found %u bytes", place,
                        PL_NAME_MAX, name->length);
}

/* Rows whose names the registry has no room for are left out. */
struct drop {
    uint8_t *keep;
    uint32_t rows;
};

static enum pl_code drop_row(struct drop *drop, struct pl_codec *codec, const struct pl_wire *wire, uint32_t row,
                             struct pl_error **error) {
    if (!drop->keep) {
        drop->keep = pl__scratch(&codec->places, wire->header.rows);
        if (!drop->keep) return pl_error_set(error, PL_NO_MEMORY, "no memory for a batch");
        memset(drop->keep, 1, wire->header.rows);
    }
    drop->rows += drop->keep[row];
    drop->keep[row] = 0;
    return PL_OK;
}

static enum pl_code map_names(struct pl_codec *codec, const struct pl_wire *wire, unsigned column, uint32_t *to,
                              struct drop *drop, struct pl_error **error) {
    const uint32_t *places = wire->column[column];
    uint32_t *ids = codec->ids.at;
    for (uint32_t i = 0; i < wire->header.rows; i++) {
        uint32_t place = places[i];
        if (PL_UNLIKELY(place >= wire->name_count)) {
            return pl_error_set(error, PL_CORRUPT, "row %u of %s: an index into %u names expected, found %u", i,
                                pl_kind_info[wire->header.kind].column[column].name, wire->name_count, place);
        }
        if (PL_UNLIKELY(ids[place] == PL_NO_ID)) {
            enum pl_code code = enter_name(codec, wire, place, ids, error);
            if (!code && ids[place] == PL_NO_ID) code = drop_row(drop, codec, wire, i, error);
            if (code) return code;
        }
        to[i] = ids[place];
    }
    return PL_OK;
}

/* ---- The batch ---- */

static enum pl_code fill(struct pl_codec *codec, const struct pl_wire *wire, struct pl_batch *batch,
                         struct pl_error **error) {
    const struct pl_kind_info *info = &pl_kind_info[batch->kind];
    struct drop drop = {NULL, 0};
    for (unsigned i = 0; i < info->columns; i++) {
        if (info->column[i].type == PL_NAME) {
            enum pl_code code = map_names(codec, wire, i, batch->column[i], &drop, error);
            if (code) return code;
        } else if (wire->header.rows) {
            memcpy(batch->column[i], wire->column[i], (size_t)wire->header.rows * pl_type_size(info->column[i].type));
        }
    }
    for (unsigned i = 0; i < info->heaps; i++) {
        batch->heap_used[i] = wire->heap_length;
        if (!wire->heap_length) continue;
        memcpy(batch->heap[i], wire->heap[i], (size_t)wire->heap_length * pl_type_size(info->heap[i].type));
    }
    batch->rows = wire->header.rows;
    if (drop.rows == batch->rows && drop.rows) {
        return pl_error_set(error, PL_LIMIT, "room in the registry for new names expected, found %u in it",
                            pl_tags_count(codec->tags));
    }
    if (drop.rows) pl_batch_keep(batch, drop.keep);
    return PL_OK;
}

enum pl_code pl__wire_batch(struct pl_codec *codec, const struct pl_wire *wire, struct pl_batch **result,
                            struct pl_error **error) {
    const struct pl_kind_info *info = &pl_kind_info[wire->header.kind];
    if (info->heaps) {
        enum pl_code code = check_heaps(wire, error);
        if (code) return code;
    }
    if (!pl_name_valid(wire->source.at, wire->source.length)) {
        return pl_error_set(error, PL_CORRUPT, "a name of the source expected, found %u bytes that are none",
                            wire->source.length);
    }
    if (wire->model.length && !pl_name_valid(wire->model.at, wire->model.length)) {
        return pl_error_set(error, PL_CORRUPT, "a name of the model expected, found %u bytes that are none",
                            wire->model.length);
    }
    struct pl_batch *batch = pl_batch_new(wire->header.kind, wire->header.rows, wire->heap_length);
    if (!batch || (!wire->same_names && !fresh_ids(codec, wire->name_count))) {
        pl_batch_unref(batch);
        return pl_error_set(error, PL_NO_MEMORY, "no memory for a batch of %u rows", wire->header.rows);
    }
    *batch->header = wire->header;
    batch->header->version = PL_BATCH_VERSION;
    enum pl_code code = fill(codec, wire, batch, error);
    if (code) {
        pl_batch_unref(batch);
        return code;
    }
    uint32_t source = pl_tags_intern(codec->tags, wire->source.at, wire->source.length);
    uint32_t model = wire->model.length ? pl_tags_intern(codec->tags, wire->model.at, wire->model.length) : 0;
    batch->source = source == PL_NO_ID ? 0 : source;
    batch->model = model == PL_NO_ID ? 0 : model;
    codec->seen_words = wire->names_words;
    *result = batch;
    return PL_OK;
}
