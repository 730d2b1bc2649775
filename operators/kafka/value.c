#include "value.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/quality.h>

/* Messages of few rows are put together; one of at least LARGE goes on as it is. */
enum { LARGE = 1024, OPEN_ROWS = 4096, OPEN_HEAP = 64 << 10, BUFFER = 64 << 10 };

/* ---- Life ---- */

static void on_schema(void *user) {
    pl_wake(((struct pl__values *)user)->node);
}

enum pl_code pl__values_init(struct pl__values *v, struct pl_node *node, struct pl_error **error) {
    v->node = node;
    v->codec = pl_codec_new(pl_node_tags(node));
    v->has_lines = v->kind == PL_SAMPLES;
    v->text.limit = (size_t)v->shape.max_line;
    if (v->registry_options.given) v->registry = pl__registry_new(&v->registry_options, node, on_schema, v);
    if (v->registry) pl__registry_look(v->registry);
    bool has_registry = !v->registry_options.given || v->registry;
    if (v->codec && has_registry && (!v->has_lines || pl_lines_init(&v->lines, &v->shape, pl_node_tags(node), BUFFER)))
        return PL_OK;
    return pl_error_set(error, PL_NO_MEMORY, "no memory for a decoder");
}

void pl__values_fini(struct pl__values *v) {
    pl_batch_unref(v->open);
    v->open = NULL;
    pl_codec_free(v->codec);
    v->codec = NULL;
    pl__registry_free(v->registry);
    v->registry = NULL;
    pl_free(v->text.at);
    v->text = (struct pl__text){0};
    if (v->has_lines) pl_lines_fini(&v->lines);
    v->has_lines = false;
}

/* ---- Names ---- */

struct name {
    char text[PL_NAME_MAX + 1];
    size_t prefix; /* with its dot; 0: none */
};

static bool begin_name(const struct pl__values *v, const rd_kafka_message_t *message, struct name *name) {
    const char *prefix = "";
    size_t length = 0;
    if (v->prefix == PL__PREFIX_KEY && message->key) {
        prefix = message->key;
        length = message->key_len;
    } else if (v->prefix == PL__PREFIX_TOPIC) {
        prefix = rd_kafka_topic_name(message->rkt);
        length = strlen(prefix);
    }
    name->prefix = 0;
    if (!length) return true;
    if (length >= PL_NAME_MAX) return false;
    memcpy(name->text, prefix, length);
    name->text[length] = '.';
    name->prefix = length + 1;
    return true;
}

static bool rename_column(struct pl_tags *tags, struct name *name, uint32_t *ids, uint32_t rows) {
    uint32_t last = 0, renamed = 0;
    for (uint32_t i = 0; i < rows; i++) {
        if (!ids[i]) continue;
        if (ids[i] != last) {
            const struct pl_tag *tag = pl_tags_get(tags, ids[i]);
            if (name->prefix + tag->length > PL_NAME_MAX) return false;
            memcpy(name->text + name->prefix, tag->name, tag->length);
            last = ids[i];
            renamed = pl_tags_intern(tags, name->text, name->prefix + tag->length);
            if (renamed == PL_NO_ID) return false;
        }
        ids[i] = renamed;
    }
    return true;
}

/* Puts the prefix in front of the tags and assets of rows from `from` on. */
static bool rename_rows(const struct pl__values *v, const rd_kafka_message_t *message, struct pl_batch *batch,
                        uint32_t from) {
    struct name name;
    const struct pl_kind_info *info = &pl_kind_info[batch->kind];
    if (!begin_name(v, message, &name)) return false;
    if (!name.prefix) return true;
    for (unsigned c = 0; c < info->columns; c++) {
        const char *column = info->column[c].name;
        if (info->column[c].type != PL_NAME || (strcmp(column, "tag") != 0 && strcmp(column, "asset") != 0)) continue;
        if (!rename_column(pl_node_tags(v->node), &name, (uint32_t *)batch->column[c] + from, batch->rows - from))
            return false;
    }
    return true;
}

/* ---- Rows on their way out ---- */

enum pl_flow pl__values_emit(struct pl__values *v) {
    return v->open ? pl_emit(v->node, 0, &v->open) : PL_FLOW_OK;
}

/* The sender's header has done its work: here the rows come from this node, now. Takes the batch. */
static bool emit_as_ours(struct pl__values *v, struct pl_batch *batch) {
    struct pl_batch *model = pl_node_batch(v->node, (enum pl_kind)v->kind, 0, 0);
    if (!model) {
        pl_batch_unref(batch);
        return false;
    }
    *batch->header = *model->header;
    batch->source = model->source;
    pl_batch_unref(model);
    return pl_emit(v->node, 0, &batch) == PL_FLOW_OK;
}

static bool has_room(const struct pl_batch *open, const struct pl_batch *batch) {
    for (unsigned h = 0; h < pl_kind_info[open->kind].heaps; h++)
        if (batch->heap_used[h] > open->heap_capacity[h] - open->heap_used[h]) return false;
    return batch->rows <= open->capacity - open->rows;
}

static bool open_batch(struct pl__values *v, uint32_t rows) {
    if (!v->open)
        v->open = pl_node_batch(v->node, (enum pl_kind)v->kind, rows > OPEN_ROWS ? rows : OPEN_ROWS, OPEN_HEAP);
    return v->open != NULL;
}

/* Takes the batch. */
static bool add(struct pl__values *v, struct pl_batch *batch) {
    bool ok = true;
    if (v->open && (v->open->model != batch->model || !has_room(v->open, batch))) ok = pl__values_emit(v) == PL_FLOW_OK;
    bool large = batch->rows >= LARGE || batch->heap_used[0] > OPEN_HEAP || batch->heap_used[1] > OPEN_HEAP;
    if (ok && !v->open && large) return emit_as_ours(v, batch);
    if (ok && open_batch(v, 0)) {
        v->open->model = batch->model;
        pl_batch_append(v->open, batch, 0, batch->rows);
        pl_batch_unref(batch);
        return true;
    }
    pl_batch_unref(batch);
    return false;
}

/* ---- Batches ---- */

static enum pl__verdict refuse(struct pl__why *why, const char *cause, uint32_t samples, const char *text) {
    why->cause = cause;
    why->samples = samples;
    snprintf(why->text, sizeof why->text, "%s", text);
    return PL__REFUSED_VALUE;
}

/* A missing value is NaN and says so in its quality, whoever sent it. */
static uint32_t mark_missing(struct pl_batch *batch) {
    uint32_t missing = 0;
    for (uint32_t i = 0; batch->kind == PL_SAMPLES && i < batch->rows; i++) {
        if (!isnan(batch->samples.value[i])) continue;
        batch->samples.quality[i] = pl_quality_join(batch->samples.quality[i], PL_Q_BAD | PL_Q_MISSING);
        missing++;
    }
    return missing;
}

static pl_time newest_of(const struct pl_batch *batch, uint32_t from) {
    const pl_time *times = pl_batch_times(batch);
    pl_time newest = PL_TIME_MIN;
    for (uint32_t i = from; i < batch->rows; i++)
        newest = times[i] > newest ? times[i] : newest;
    return newest;
}

static enum pl__verdict decode(struct pl__values *v, uint32_t encoding, const void *bytes, size_t size,
                               struct pl_batch **batch, struct pl__why *why) {
    struct pl_error *error = NULL;
    enum pl_code code = pl_codec_decode(v->codec, (enum pl_encoding)encoding, bytes, size, batch, &error);
    char text[PL_LETTER_TEXT_MAX + 1];
    snprintf(text, sizeof text, "%s", error ? error->text : pl_code_text(code));
    pl_error_free(&error);
    if (code == PL_NO_MEMORY) return PL__FAILED_VALUE;
    if (code) return refuse(why, code == PL_LIMIT ? "max_tags" : "no_batch", 1, text);
    if ((*batch)->kind == v->kind) return PL__TAKEN;
    snprintf(text, sizeof text, "%s expected, a batch of %s was refused", pl_kind_info[v->kind].name,
             pl_kind_info[(*batch)->kind].name);
    uint32_t rows = (*batch)->rows;
    pl_batch_unref(*batch);
    *batch = NULL;
    return refuse(why, "other_kind", rows, text);
}

static enum pl__verdict take_batch(struct pl__values *v, uint32_t encoding, const rd_kafka_message_t *message,
                                   pl_time *newest, uint32_t *refused, struct pl__why *why) {
    struct pl_batch *batch = NULL;
    enum pl__verdict verdict = decode(v, encoding, message->payload, message->len, &batch, why);
    if (verdict != PL__TAKEN) return verdict;
    if (v->prefix && !rename_rows(v, message, batch, 0)) {
        uint32_t rows = batch->rows;
        pl_batch_unref(batch);
        return refuse(why, "prefix", rows, "no names can be made of the prefix and its tags");
    }
    *newest = newest_of(batch, 0);
    *refused = batch->header->rows - batch->rows;
    v->missing += mark_missing(batch);
    return add(v, batch) ? PL__TAKEN : PL__FAILED_VALUE;
}

/* ---- Objects ---- */

/* An object may be written over several lines. In a string there are no line ends, but as escapes. */
static bool feed_lines(struct pl__values *v, const char *text, size_t left) {
    for (bool whole = false; !whole;) {
        size_t room;
        char *space = pl_records_space(&v->lines.records, &room);
        if (!space) return false;
        size_t count = left < room ? left : room;
        for (size_t i = 0; i < count; i++)
            space[i] = text[i] == '\n' || text[i] == '\r' ? ' ' : text[i];
        text += count;
        left -= count;
        whole = !left && count < room;
        if (whole) space[count++] = '\n';
        pl_records_filled(&v->lines.records, count);
        if (whole) return true;
        /* What does not fit has to be looked at before there is room for the rest. */
        if (pl_lines_read(&v->lines, v->open, NULL) == PL_READER_FAILED) return false;
    }
    return true;
}

/* `text` is the message's value, or made of it. */
static enum pl__verdict take_object(struct pl__values *v, const rd_kafka_message_t *message, const char *text,
                                    size_t size, pl_time *newest, struct pl__why *why) {
    enum pl__verdict verdict = PL__TAKEN;
    uint64_t missing = v->lines.values.counts.missing;
    if (v->open && v->open->capacity - v->open->rows < pl_lines_rows_least(&v->lines) && pl__values_emit(v))
        return PL__FAILED_VALUE;
    if (!open_batch(v, pl_lines_rows_least(&v->lines)) || !feed_lines(v, text, size)) return PL__FAILED_VALUE;
    for (uint32_t before = v->open->rows;;) {
        switch (pl_lines_read(&v->lines, v->open, NULL)) {
        case PL_READER_MORE:
            if (verdict == PL__TAKEN && v->prefix && !rename_rows(v, message, v->open, before)) {
                verdict =
                    refuse(why, "prefix", v->open->rows - before, "no names can be made of the prefix and its tags");
                v->open->rows = before;
            }
            *newest = newest_of(v->open, before);
            v->missing += (uint32_t)(v->lines.values.counts.missing - missing);
            return verdict;
        case PL_READER_FULL:
            if (pl__values_emit(v) || !open_batch(v, pl_lines_rows_least(&v->lines))) return PL__FAILED_VALUE;
            before = v->open->rows;
            break;
        case PL_READER_REJECTED:
            verdict = refuse(why, v->lines.reject.word ? v->lines.reject.word : "malformed", v->lines.reject.samples,
                             v->lines.reject.reason);
            break;
        case PL_READER_END:
        case PL_READER_FAILED: return PL__FAILED_VALUE;
        }
    }
}

/* ---- Objects with a schema ---- */

static bool is_object(uint32_t encoding) {
    return encoding == PL__ROWS || encoding == PL__AVRO;
}

/* The object as JSON, in place or in v->text. */
static enum pl__verdict unframe(struct pl__values *v, const void *bytes, size_t size, const char **text, size_t *length,
                                struct pl__why *why) {
    const struct pl__schema *schema = NULL;
    const char *wrong = NULL;
    char said[PL_LETTER_TEXT_MAX + 1];
    uint32_t id;
    if (!pl__frame_read(bytes, size, &id))
        return refuse(why, "no_schema", 1, "no schema id stands in front: a byte 0 and four of the id are expected");
    enum pl__lookup found = pl__registry_find(v->registry, id, &schema, &wrong);
    if (found == PL__SCHEMA_ASKED) wrong = "the registry is being asked for it";
    *text = (const char *)bytes + PL__FRAME;
    *length = size - PL__FRAME;
    if (found == PL__SCHEMA_HERE && schema->type == PL__SCHEMA_AVRO) {
        wrong = pl__avro_read(schema->avro, *text, *length, &v->text);
        *text = v->text.at;
        *length = v->text.size;
    } else if (found == PL__SCHEMA_HERE) {
        wrong = NULL;
    }
    if (!wrong) return PL__TAKEN;
    snprintf(said, sizeof said, "schema %u: %s", id, wrong);
    return refuse(why, found == PL__SCHEMA_HERE ? "not_its_schema" : "schema", 1, said);
}

/* False: its schema has been asked for. */
static bool has_answer(struct pl__values *v, const void *bytes, size_t size) {
    const struct pl__schema *schema;
    const char *why;
    uint32_t id;
    return !v->registry || !pl__frame_read(bytes, size, &id) ||
           pl__registry_find(v->registry, id, &schema, &why) != PL__SCHEMA_ASKED;
}

bool pl__values_ready(struct pl__values *v, const rd_kafka_message_t *message) {
    return message->err || !is_object(pl__message_encoding(message, v->encoding)) ||
           has_answer(v, message->payload, message->len);
}

/* ---- Either ---- */

enum pl__verdict pl__values_take(struct pl__values *v, const rd_kafka_message_t *message, pl_time *newest,
                                 uint32_t *refused, struct pl__why *why) {
    uint32_t encoding = pl__message_encoding(message, v->encoding);
    *newest = PL_TIME_MIN;
    *refused = 0;
    if (!is_object(encoding)) return take_batch(v, encoding, message, newest, refused, why);
    if (!v->has_lines)
        return refuse(why, "encoding", 1, "rows as objects are samples, and this node takes another kind");
    if (encoding == PL__AVRO && !v->registry)
        return refuse(why, "encoding", 1, "Avro is read by the schemas of a registry, and this node has none");
    const char *text = message->payload;
    size_t size = message->len;
    enum pl__verdict verdict = v->registry ? unframe(v, text, size, &text, &size, why) : PL__TAKEN;
    return verdict == PL__TAKEN ? take_object(v, message, text, size, newest, why) : verdict;
}

void pl__values_refuse(const struct pl__values *v, const rd_kafka_message_t *message, const struct pl__why *why,
                       pl_time time) {
    char place[300];
    snprintf(place, sizeof place, "%.250s[%d]@%" PRId64, rd_kafka_topic_name(message->rkt), message->partition,
             message->offset);
    struct pl_letter letter = {.place = place,
                               .cause = why->cause,
                               .reason = why->text,
                               .bytes = message->payload,
                               .size = message->len,
                               .samples = why->samples,
                               .time = time};
    pl_node_diag(v->node, PL_WARN, "%s: a message of %zu bytes was refused: %s", place, message->len, why->text);
    pl_letter(v->node, &letter);
}

/* Of a message that was refused nobody knows any more what its header said, so it is tried as what the node expects. */
enum pl_code pl__values_again(struct pl__values *v, const void *bytes, size_t size, struct pl_error **error) {
    struct pl_batch *batch = NULL;
    struct pl__why why;
    if (is_object(v->encoding)) {
        if (!v->has_lines) return pl_error_set(error, PL_SYNTAX, "rows as objects are samples");
        if (!has_answer(v, bytes, size))
            return pl_error_set(error, PL_UNAVAILABLE, "the registry is asked for a schema: try again in a moment");
        const char *text = bytes;
        if (v->registry && unframe(v, bytes, size, &text, &size, &why) != PL__TAKEN)
            return pl_error_set(error, PL_SYNTAX, "%s", why.text);
        batch = pl_node_batch(v->node, PL_SAMPLES, PL_BATCH_ROWS_MAX, 0);
        enum pl_code code = batch ? pl_lines_again(&v->lines, text, size, batch, error) : PL_NO_MEMORY;
        if (!code && pl_emit(v->node, 0, &batch)) code = PL_NO_MEMORY;
        pl_batch_unref(batch);
        return code;
    }
    switch (decode(v, v->encoding, bytes, size, &batch, &why)) {
    case PL__REFUSED_VALUE: return pl_error_set(error, PL_SYNTAX, "%s", why.text);
    case PL__FAILED_VALUE: return pl_error_set(error, PL_NO_MEMORY, "no memory for a batch");
    case PL__TAKEN: break;
    }
    mark_missing(batch);
    return emit_as_ours(v, batch) ? PL_OK : pl_error_set(error, PL_NO_MEMORY, "no memory for a batch");
}
