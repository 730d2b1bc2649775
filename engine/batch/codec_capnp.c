#include <string.h>

#include "capnp.h"
#include "codec_impl.h"
#include "foreign.h"

/* The canonical form: objects stand in the order of the pointers to them, depth first, with nothing between them.
 *
 *     table | root pointer | root's pointers | Header: 4 words, 2 or 3 pointers | source | names: pointers, texts
 *           | model, if there is one | lists ...
 */
enum {
    TABLE = 1, /* words */
    HEADER_DATA = sizeof(struct pl_batch_header) / 8,
    HEADER_POINTERS = 2, /* source, names; and a third one, the model, where there is one */
};

static unsigned root_pointers(const struct pl_kind_info *info) {
    return 1u + info->columns + info->heaps;
}

static size_t bytes_to_words(size_t bytes) {
    return (bytes + 7) / 8;
}

/* ---- Writing ---- */

struct writer {
    uint64_t *at; /* behind the last object */
};

/* A list behind everything so far, its padding zeroed; returns where its elements go. */
static void *put_list(struct writer *writer, uint64_t *pointer, enum pl_capnp_size size, unsigned width,
                      uint32_t count) {
    uint64_t *list = writer->at;
    size_t words = bytes_to_words((size_t)count * width);
    *pointer = pl_capnp_list((uint32_t)(list - pointer - 1), size, count);
    if (words) list[words - 1] = 0;
    writer->at += words;
    return list;
}

static void put_text(struct writer *writer, uint64_t *pointer, const struct pl_tag *name) {
    char *text = put_list(writer, pointer, PL_CAPNP_BYTES, 1, name->length + 1u);
    memcpy(text, name->name, name->length);
}

static void put_names(struct writer *writer, uint64_t *pointer, const struct pl_codec *codec) {
    const struct pl_dictionary *dictionary = &codec->dictionary;
    uint64_t *names = put_list(writer, pointer, PL_CAPNP_POINTERS, 8, dictionary->count);
    for (uint32_t i = 0; i < dictionary->count; i++) {
        put_text(writer, &names[i], pl_tags_get(codec->tags, dictionary->ids[i]));
    }
}

/* Canonical structs have no trailing words of zeros, and no trailing pointers that are null. */
static void put_header(struct writer *writer, uint64_t *pointer, const struct pl_batch *batch,
                       const struct pl_codec *codec) {
    struct pl_batch_header header = *batch->header;
    header.rows = batch->rows;
    uint64_t data[HEADER_DATA];
    memcpy(data, &header, sizeof(data));
    unsigned words = HEADER_DATA;
    while (!data[words - 1])
        words--;
    unsigned count = HEADER_POINTERS + (batch->model != 0);
    *pointer = pl_capnp_struct((uint32_t)(writer->at - pointer - 1), words, count);
    memcpy(writer->at, data, words * sizeof(data[0]));
    uint64_t *pointers = writer->at + words;
    writer->at = pointers + count;
    put_text(writer, &pointers[0], pl_tags_get(codec->tags, batch->source));
    put_names(writer, &pointers[1], codec);
    if (batch->model) put_text(writer, &pointers[2], pl_tags_get(codec->tags, batch->model));
}

static void put_columns(struct writer *writer, uint64_t *pointer, const struct pl_batch *batch,
                        const uint32_t *places) {
    const struct pl_kind_info *info = &pl_kind_info[batch->kind];
    for (unsigned i = 0; i < info->columns; i++) {
        enum pl_type type = info->column[i].type;
        const void *from = batch->column[i];
        if (type == PL_NAME) {
            from = places;
            places += batch->rows;
        }
        void *to = put_list(writer, pointer++, pl_capnp_width(type), pl_type_size(type), batch->rows);
        memcpy(to, from, (size_t)batch->rows * pl_type_size(type));
    }
    uint32_t length = batch->rows && info->heaps ? ((uint32_t *)batch->column[info->end])[batch->rows - 1] : 0;
    for (unsigned i = 0; i < info->heaps; i++) {
        enum pl_type type = info->heap[i].type;
        void *to = put_list(writer, pointer++, pl_capnp_width(type), pl_type_size(type), length);
        memcpy(to, batch->heap[i], (size_t)length * pl_type_size(type));
    }
}

/* Collects the batch's names; every column of names becomes one of places, column behind column. */
static uint32_t *collect_names(struct pl_codec *codec, const struct pl_batch *batch) {
    const struct pl_kind_info *info = &pl_kind_info[batch->kind];
    uint32_t columns = 0;
    for (unsigned i = 0; i < info->columns; i++)
        columns += info->column[i].type == PL_NAME;
    uint32_t *places = pl__scratch(&codec->places, (size_t)batch->rows * columns * sizeof(*places) + 8);
    if (!places || !pl_dictionary_begin(&codec->dictionary, pl_tags_count(codec->tags), batch->rows * columns + 1)) {
        return NULL;
    }
    uint32_t *at = places;
    for (unsigned i = 0; i < info->columns; i++) {
        if (info->column[i].type != PL_NAME) continue;
        pl_dictionary_map(&codec->dictionary, batch->column[i], at, batch->rows);
        at += batch->rows;
    }
    return places;
}

/* At most so many words are needed. */
static size_t words_needed(const struct pl_codec *codec, const struct pl_batch *batch) {
    const struct pl_kind_info *info = &pl_kind_info[batch->kind];
    size_t words = TABLE + 1 + root_pointers(info) + HEADER_DATA + HEADER_POINTERS + 1;
    words += 2 * bytes_to_words(PL_NAME_MAX + 1) + codec->dictionary.count;
    for (uint32_t i = 0; i < codec->dictionary.count; i++) {
        words += bytes_to_words(pl_tags_get(codec->tags, codec->dictionary.ids[i])->length + 1u);
    }
    for (unsigned i = 0; i < info->columns; i++) {
        words += bytes_to_words((size_t)batch->rows * pl_type_size(info->column[i].type));
    }
    for (unsigned i = 0; i < info->heaps; i++) {
        words += bytes_to_words((size_t)batch->heap_used[i] * pl_type_size(info->heap[i].type));
    }
    return words;
}

enum pl_code pl__capnp_encode(struct pl_codec *codec, const struct pl_batch *batch, const void **bytes, size_t *size,
                              struct pl_error **error) {
    const struct pl_kind_info *info = &pl_kind_info[batch->kind];
    const uint32_t *places = collect_names(codec, batch);
    uint64_t *table = places ? pl__scratch(&codec->out, words_needed(codec, batch) * 8) : NULL;
    if (!table) return pl_error_set(error, PL_NO_MEMORY, "no memory for a message of %u rows", batch->rows);

    uint64_t *root = table + TABLE, *pointers = root + 1;
    struct writer writer = {pointers + root_pointers(info)};
    *root = pl_capnp_struct(0, 0, root_pointers(info));
    put_header(&writer, pointers, batch, codec);
    put_columns(&writer, pointers + 1, batch, places);
    *table = (uint64_t)(writer.at - root) << 32;
    *bytes = table;
    *size = (size_t)(writer.at - table) * 8;
    return PL_OK;
}

/* ---- Reading the canonical form; anything else is libcapnp's ---- */

struct reader {
    const uint64_t *at; /* where the next object stands, if the message is canonical */
    const uint64_t *end;
};

/* The elements of the list that `pointer` leads to, when it is the next object and all there. */
static const void *take_list(struct reader *reader, const uint64_t *pointer, enum pl_capnp_size size, unsigned width,
                             uint32_t *count) {
    const uint64_t *list = reader->at;
    *count = (uint32_t)(*pointer >> 35);
    size_t words = bytes_to_words((size_t)*count * width);
    if (words > (size_t)(reader->end - list)) return NULL;
    if (*pointer != pl_capnp_list((uint32_t)(list - pointer - 1), size, *count)) return NULL;
    reader->at += words;
    return list;
}

static bool take_text(struct reader *reader, const uint64_t *pointer, struct pl_text *text) {
    uint32_t count;
    text->at = take_list(reader, pointer, PL_CAPNP_BYTES, 1, &count);
    if (!text->at || !count || text->at[count - 1]) return false;
    text->length = count - 1;
    return true;
}

/* The texts of a list of names, which is all that `words` holds. */
static bool take_texts(struct pl_codec *codec, struct reader *reader, uint32_t count, struct pl_text *names) {
    const uint64_t *pointers = codec->seen.at;
    *reader = (struct reader){pointers + count, reader->end};
    for (uint32_t i = 0; i < count; i++) {
        if (!take_text(reader, &pointers[i], &names[i])) return false;
    }
    return reader->at == reader->end;
}

/* Messages that follow each other mostly use the same names, in the same order: then their ids hold on. */
static bool take_names(struct pl_codec *codec, struct reader *reader, const uint64_t *pointer, const uint64_t *behind,
                       struct pl_wire *wire) {
    const uint64_t *names = take_list(reader, pointer, PL_CAPNP_POINTERS, 8, &wire->name_count);
    if (!names || behind < reader->at || behind > reader->end || wire->name_count > PL_WIRE_NAMES_MAX) return false;
    size_t words = (size_t)(behind - names);
    reader->at = behind;
    wire->same_names = words && words == codec->seen_words && memcmp(names, codec->seen.at, words * 8) == 0;
    wire->names_words = words;
    if (!wire->same_names) {
        struct pl_text *texts = pl__wire_names(codec, wire->name_count);
        uint64_t *copy = pl__scratch(&codec->seen, words * 8 + 8);
        if (!copy || !texts) return false;
        memcpy(copy, names, words * 8);
        if (!take_texts(codec, &(struct reader){NULL, copy + words}, wire->name_count, texts)) return false;
    }
    wire->names = codec->names.at;
    return true;
}

/* Where a canonical message has what a pointer leads to: the pointer says so. */
static const uint64_t *target_of(const uint64_t *pointer, const uint64_t *end) {
    uint64_t offset = (*pointer & 0xFFFFFFFF) >> 2;
    return offset < (uint64_t)(end - pointer) ? pointer + 1 + offset : end;
}

static bool take_header(struct pl_codec *codec, struct reader *reader, const uint64_t *pointers, struct pl_wire *wire) {
    unsigned words = (unsigned)(*pointers >> 32 & 0xFFFF);
    const uint64_t *header = reader->at;
    unsigned count = HEADER_POINTERS + ((unsigned)(*pointers >> 48) > HEADER_POINTERS);
    if (words < 1 || words > HEADER_DATA || (size_t)(reader->end - header) < words + count) return false;
    if (*pointers != pl_capnp_struct((uint32_t)(header - pointers - 1), words, count)) return false;
    memset(&wire->header, 0, sizeof(wire->header));
    memcpy(&wire->header, header, words * 8);
    reader->at += words + count;
    const uint64_t *model = count > HEADER_POINTERS ? header + words + HEADER_POINTERS : NULL;
    const uint64_t *behind = target_of(model ? model : pointers + 1, reader->end);
    return take_text(reader, header + words, &wire->source) &&
           take_names(codec, reader, header + words + 1, behind, wire) &&
           (!model || take_text(reader, model, &wire->model));
}

static bool take_columns(struct reader *reader, const uint64_t *pointer, struct pl_wire *wire) {
    const struct pl_kind_info *info = &pl_kind_info[wire->header.kind];
    uint32_t count;
    for (unsigned i = 0; i < info->columns; i++, pointer++) {
        enum pl_type type = info->column[i].type;
        wire->column[i] = take_list(reader, pointer, pl_capnp_width(type), pl_type_size(type), &count);
        if (!wire->column[i] || count != wire->header.rows) return false;
    }
    for (unsigned i = 0; i < info->heaps; i++, pointer++) {
        enum pl_type type = info->heap[i].type;
        wire->heap[i] = take_list(reader, pointer, pl_capnp_width(type), pl_type_size(type), &count);
        if (!wire->heap[i] || (i && count != wire->heap_length)) return false;
        wire->heap_length = count;
    }
    return reader->at == reader->end;
}

static bool read_canonical(struct pl_codec *codec, const uint64_t *words, size_t count, struct pl_wire *wire) {
    if (count < TABLE + 1 || words[0] != (uint64_t)(count - TABLE) << 32) return false;
    const uint64_t *pointers = words + TABLE + 1;
    unsigned root = (unsigned)(words[TABLE] >> 48);
    struct reader reader = {pointers + root, words + count};
    if (root < 2 || root > (size_t)(reader.end - pointers) || words[TABLE] != pl_capnp_struct(0, 0, root)) return false;
    if (!take_header(codec, &reader, pointers, wire)) return false;
    if (wire->header.version != PL_BATCH_VERSION || wire->header.kind >= PL_KINDS) return false;
    if (root != root_pointers(&pl_kind_info[wire->header.kind])) return false;
    if (wire->header.rows > PL_BATCH_ROWS_MAX) return false;
    return take_columns(&reader, pointers + 1, wire) && wire->heap_length <= PL_BATCH_HEAP_MAX;
}

enum pl_code pl__capnp_decode(struct pl_codec *codec, const void *bytes, size_t size, struct pl_batch **batch,
                              struct pl_error **error) {
    if (size % 8 || size < 16) {
        return pl_error_set(error, PL_CORRUPT, "a message of whole words expected, found %zu bytes", size);
    }
    if ((uintptr_t)bytes % 8) {
        void *aligned = pl__scratch(&codec->aligned, size);
        if (!aligned) return pl_error_set(error, PL_NO_MEMORY, "no memory for a message of %zu bytes", size);
        bytes = memcpy(aligned, bytes, size);
    }
    struct pl_wire wire = {.heap_length = 0};
    if (!read_canonical(codec, bytes, size / 8, &wire)) {
        enum pl_code code = pl__foreign_read(codec, bytes, size / 8, &wire, error);
        if (code) return code;
    }
    return pl__wire_batch(codec, &wire, batch, error);
}
