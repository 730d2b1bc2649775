#include "message.h"

#include <inttypes.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/row.h>

#include "schema.h"

const char *const pl__encoding_names[PL__ENCODINGS + 1] = {"capnp", "msgpack", "json", "rows", "avro", NULL};

/* ---- Options ---- */

void pl__encoding_check(uint32_t encoding, bool given, struct pl_check *check) {
    if (given && encoding < PL__ROWS)
        pl_check_error(check, "registry", "schemas are of rows: say `encoding: rows` (JSON) or `avro`");
    if (!given && encoding == PL__AVRO)
        pl_check_error(check, "encoding", "avro goes by the schemas of a `registry`, which is not given");
}

/* ---- Reading ---- */

uint32_t pl__message_encoding(const rd_kafka_message_t *message, uint32_t otherwise) {
    rd_kafka_headers_t *headers;
    const void *value;
    size_t size;
    if (rd_kafka_message_headers(message, &headers) ||
        rd_kafka_header_get_last(headers, PL__HEADER_ENCODING, &value, &size) || !value)
        return otherwise;
    for (uint32_t i = 0; i < PL__ENCODINGS; i++)
        if (strlen(pl__encoding_names[i]) == size && memcmp(pl__encoding_names[i], value, size) == 0) return i;
    return otherwise;
}

/* ---- Life ---- */

bool pl__writer_init(struct pl__writer *w, struct pl_tags *tags) {
    w->tags = tags;
    w->codec = pl_codec_new(tags);
    w->keys = pl_alloc(PL_BATCH_ROWS_MAX * sizeof *w->keys);
    return w->codec && w->keys;
}

void pl__writer_fini(struct pl__writer *w) {
    pl_codec_free(w->codec);
    pl_free(w->keys);
    pl_free(w->text);
    w->codec = NULL;
    w->keys = NULL;
    w->text = NULL;
}

/* ---- One message ---- */

static rd_kafka_resp_err_t produce(struct pl__writer *w, rd_kafka_t *producer, enum pl_kind kind, uint32_t key,
                                   uint64_t position, const void *bytes, size_t size) {
    char schema[40], number[24];
    const char *name = key ? pl_tags_get(w->tags, key)->name : NULL;
    int schema_length = snprintf(schema, sizeof schema, "%s/%d", pl_kind_info[kind].name, PL_BATCH_VERSION);
    int number_length = snprintf(number, sizeof number, "%" PRIu64, position);
    const char *encoding = pl__encoding_names[w->encoding];
    rd_kafka_resp_err_t code = rd_kafka_producev(
        producer, RD_KAFKA_V_TOPIC(w->topic), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
        RD_KAFKA_V_KEY(name, name ? strlen(name) : 0), RD_KAFKA_V_VALUE((void *)(uintptr_t)bytes, size),
        RD_KAFKA_V_HEADER(PL__HEADER_SCHEMA, schema, schema_length),
        RD_KAFKA_V_HEADER(PL__HEADER_ENCODING, encoding, (ssize_t)strlen(encoding)),
        RD_KAFKA_V_HEADER(PL__HEADER_STREAM, w->stream, (ssize_t)strlen(w->stream)),
        RD_KAFKA_V_HEADER(PL__HEADER_POSITION, number, number_length), RD_KAFKA_V_END);
    if (code) return code;
    w->messages++;
    w->bytes += size;
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t write_row(struct pl__writer *w, rd_kafka_t *producer, const struct pl_batch *batch,
                                     uint32_t row, uint32_t key, uint64_t position) {
    static const struct pl_row_form form = {.infinities = true};
    size_t needed = PL__FRAME + 2 + pl_row_room(batch, row);
    if (needed > w->room) {
        char *grown = pl_realloc(w->text, 2 * needed);
        if (!grown) return RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE;
        w->text = grown;
        w->room = 2 * needed;
    }
    char *at = w->framed ? pl__frame_put(w->text, w->schema) : w->text;
    if (w->encoding == PL__AVRO) {
        at = pl__avro_put_row(at, w->tags, batch, row);
    } else {
        *at++ = '{';
        at = pl_row_put(at, &form, w->tags, batch, row);
        if (at) *at++ = '}';
    }
    if (!at) return RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE;
    if (at - w->text > w->size) {
        w->too_long++;
        return RD_KAFKA_RESP_ERR_NO_ERROR;
    }
    return produce(w, producer, (enum pl_kind)batch->kind, key, position, w->text, (size_t)(at - w->text));
}

/* A batch that makes too long a message makes two; a single row that does is left out, and counted. */
static rd_kafka_resp_err_t write_batch(struct pl__writer *w, rd_kafka_t *producer, const struct pl_batch *batch,
                                       uint32_t from, uint32_t count, uint32_t key, uint64_t position) {
    struct pl_batch *part = pl_batch_like(
        batch, count, batch->heap_used[0] > batch->heap_used[1] ? batch->heap_used[0] : batch->heap_used[1]);
    const void *bytes;
    size_t size;
    if (!part) return RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE;
    pl_batch_append(part, batch, from, count);
    part->header->first_sequence = position;
    enum pl_code code = pl_codec_encode(w->codec, (enum pl_encoding)w->encoding, part, &bytes, &size, NULL);
    rd_kafka_resp_err_t result = RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE;
    bool fits = !code && size <= (size_t)w->size;
    if (fits) result = produce(w, producer, (enum pl_kind)batch->kind, key, position, bytes, size);
    pl_batch_unref(part);
    if (fits || code == PL_NO_MEMORY) return result;
    if (count == 1) {
        w->too_long++;
        return RD_KAFKA_RESP_ERR_NO_ERROR;
    }
    result = write_batch(w, producer, batch, from, count / 2, key, position);
    return result ? result
                  : write_batch(w, producer, batch, from + count / 2, count - count / 2, key, position + count / 2);
}

/* ---- By key ---- */

/* What names a row's message: its tag (or asset, of kinds that have no tag), or the asset of that. */
static void find_keys(struct pl__writer *w, const struct pl_batch *batch, uint32_t from, uint32_t count) {
    const uint32_t *names = pl_batch_keys(batch) + from;
    bool by_asset = batch->kind == PL_PROFILES || batch->kind == PL_EVENTS;
    for (uint32_t i = 0; i < count; i++)
        w->keys[i] = w->key == PL__KEY_ASSET && !by_asset ? pl_tags_get(w->tags, names[i])->asset : names[i];
}

/* The rows from `first` on that have its key, in their order, as a batch; they are marked as done. The position is that
 * of the first. */
static struct pl_batch *gather(struct pl__writer *w, const struct pl_batch *batch, uint32_t from, uint32_t first,
                               uint32_t count) {
    uint32_t key = w->keys[first];
    uint32_t heap = batch->heap_used[0] > batch->heap_used[1] ? batch->heap_used[0] : batch->heap_used[1];
    struct pl_batch *part = pl_batch_like(batch, count - first, heap);
    for (uint32_t i = first; part && i < count; i++) {
        if (w->keys[i] != key) continue;
        pl_batch_append(part, batch, from + i, 1);
        w->keys[i] = PL_NO_ID;
    }
    return part;
}

/* Rows keep their order, so that positions grow. */
static rd_kafka_resp_err_t write_each(struct pl__writer *w, rd_kafka_t *producer, const struct pl_batch *batch,
                                      uint32_t from, uint32_t count, uint64_t position) {
    rd_kafka_resp_err_t result = RD_KAFKA_RESP_ERR_NO_ERROR;
    if (w->key != PL__KEY_NONE) find_keys(w, batch, from, count);
    for (uint32_t i = 0; i < count && !result; i++) {
        uint32_t key = w->key == PL__KEY_NONE ? 0 : w->keys[i];
        result = write_row(w, producer, batch, from + i, key, position + i);
    }
    return result;
}

static rd_kafka_resp_err_t write_by_key(struct pl__writer *w, rd_kafka_t *producer, const struct pl_batch *batch,
                                        uint32_t from, uint32_t count, uint64_t position) {
    rd_kafka_resp_err_t result = RD_KAFKA_RESP_ERR_NO_ERROR;
    find_keys(w, batch, from, count);
    for (uint32_t i = 0; i < count && !result; i++) {
        uint32_t key = w->keys[i];
        if (key == PL_NO_ID) continue;
        struct pl_batch *part = gather(w, batch, from, i, count);
        if (!part) return RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE;
        result = write_batch(w, producer, part, 0, part->rows, key, position + i);
        pl_batch_unref(part);
    }
    return result;
}

rd_kafka_resp_err_t pl__write_rows(struct pl__writer *w, rd_kafka_t *producer, const struct pl_batch *batch,
                                   uint32_t from, uint32_t count, uint64_t position) {
    rd_kafka_resp_err_t result = RD_KAFKA_RESP_ERR_NO_ERROR;
    if (w->encoding >= PL__ROWS) return write_each(w, producer, batch, from, count, position);
    for (uint32_t at = 0; at < count && !result; at += w->rows) {
        uint32_t piece = count - at < w->rows ? count - at : w->rows;
        if (w->key == PL__KEY_NONE)
            result = write_batch(w, producer, batch, from + at, piece, 0, position + at);
        else
            result = write_by_key(w, producer, batch, from + at, piece, position + at);
    }
    return result;
}
