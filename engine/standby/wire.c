#include "standby/wire.h"

#include <string.h>

enum { ID = 16, KEY_ID_MAX = 16, FAMILIES_TEXT_MAX = 1024, TEXT_MAX = 1024 };

/* What a message of a type is made of. */
struct shape {
    unsigned numbers, bytes;
    struct {
        size_t least, most;
    } size[PL__WIRE_BYTES];
};

static const struct shape shapes[] = {
    [PL__HELLO] = {6, 3, {{ID, ID}, {ID, ID}, {0, KEY_ID_MAX}}},
    [PL__FETCH] = {3, 0, {{0, 0}}},
    [PL__PULL] = {2, 0, {{0, 0}}},
    [PL__WELCOME] = {4, 3, {{ID, ID}, {ID, ID}, {1, FAMILIES_TEXT_MAX}}},
    [PL__REFUSED] = {2, 1, {{0, TEXT_MAX}}},
    [PL__PIECE] = {6, 2, {{1, PL__WIRE_NAME_MAX}, {0, PL__WIRE_PIECE}}},
    [PL__WRITES] = {3, 1, {{0, PL__WIRE_ANSWER_MAX}}},
    [PL__BYE] = {1, 0, {{0, 0}}},
};

enum { SHAPES = sizeof shapes / sizeof shapes[0] };

static bool is_name(const char *name, size_t size) {
    if (name[0] == '.') return false;
    for (size_t i = 0; i < size; i++) {
        char c = name[i];
        bool good = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '.' ||
                    c == '-' || c == '_';
        if (!good) return false;
    }
    return true;
}

/* A piece lies in its file, and names one that may be made. */
static bool is_piece(const struct pl__wire *message) {
    uint64_t offset = message->number[PL__PIECE_OFFSET], size = message->number[PL__PIECE_SIZE];
    return message->number[PL__PIECE_FILE] < message->number[PL__PIECE_FILES] && offset <= size &&
           message->bytes[PL__PIECE_BYTES].size <= size - offset &&
           is_name(message->bytes[PL__PIECE_NAME].data, message->bytes[PL__PIECE_NAME].size);
}

bool pl__wire_read(const void *bytes, size_t size, struct pl__wire *message) {
    struct pl_unpack unpack;
    uint32_t count;
    uint64_t type;
    *message = (struct pl__wire){0};
    pl_unpack_init(&unpack, bytes, size);
    if (!pl_unpack_array(&unpack, &count) || !pl_unpack_uint(&unpack, &type) || !type || type >= SHAPES) return false;
    const struct shape *shape = &shapes[type];
    if (count != 1 + shape->numbers + shape->bytes) return false;
    message->type = (enum pl__wire_type)type;
    for (unsigned i = 0; i < shape->numbers; i++)
        if (!pl_unpack_uint(&unpack, &message->number[i])) return false;
    for (unsigned i = 0; i < shape->bytes; i++) {
        if (!pl_unpack_bin(&unpack, &message->bytes[i].data, &message->bytes[i].size)) return false;
        if (message->bytes[i].size < shape->size[i].least || message->bytes[i].size > shape->size[i].most) return false;
    }
    return unpack.at == unpack.end && (type != PL__PIECE || is_piece(message));
}

void pl__wire_write(const struct pl__wire *message, struct pl_pack *pack) {
    const struct shape *shape = &shapes[message->type];
    pl_pack_reset(pack);
    pl_pack_array(pack, 1 + shape->numbers + shape->bytes);
    pl_pack_uint(pack, message->type);
    for (unsigned i = 0; i < shape->numbers; i++)
        pl_pack_uint(pack, message->number[i]);
    for (unsigned i = 0; i < shape->bytes; i++)
        pl_pack_bin(pack, message->bytes[i].data, message->bytes[i].size);
}

/* ---- Batches of RocksDB: sequence (8) | count (4) | records, each a tag and what the tag says ---- */

enum { BATCH_HEAD = 8 + 4, SIZE_HEAD = 4 };

struct record_shape {
    bool known, family, counts;
    unsigned strings;
};

/* The tags of RocksDB's log that a store writes. */
static const struct record_shape records[] = {
    [0x0] = {true, false, true, 1},                                   /* delete a key */
    [0x1] = {true, false, true, 2},                                   /* put a value under one */
    [0x3] = {true, false, false, 1},                                  /* a note in the log */
    [0x4] = {true, true, true, 1},                                    /* the same two of a family */
    [0x5] = {true, true, true, 2},   [0xD] = {true, false, false, 0}, /* nothing */
    [0xE] = {true, true, true, 2},                                    /* delete a range of a family */
    [0xF] = {true, false, true, 2},                                   /* and of the default one */
};

struct reader {
    const unsigned char *at, *end;
};

static bool read_varint(struct reader *reader, uint32_t *value) {
    uint64_t read = 0;
    for (unsigned shift = 0; shift < 35 && reader->at < reader->end; shift += 7) {
        unsigned char byte = *reader->at++;
        read |= (uint64_t)(byte & 0x7f) << shift;
        *value = (uint32_t)read;
        if (!(byte & 0x80)) return read <= UINT32_MAX;
    }
    return false;
}

static bool read_record(struct reader *reader, uint32_t families, uint64_t *counted) {
    unsigned tag = *reader->at++;
    uint32_t number;
    if (tag >= sizeof records / sizeof records[0] || !records[tag].known) return false;
    if (records[tag].family && (!read_varint(reader, &number) || number >= families)) return false;
    for (unsigned i = 0; i < records[tag].strings; i++) {
        if (!read_varint(reader, &number) || number > (size_t)(reader->end - reader->at)) return false;
        reader->at += number;
    }
    *counted += records[tag].counts;
    return true;
}

static uint64_t little_endian(const unsigned char *at, unsigned bytes) {
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes; i++)
        value |= (uint64_t)at[i] << 8 * i;
    return value;
}

bool pl__wire_check_batch(const char *data, size_t size, uint32_t families, struct pl__batch *batch) {
    const unsigned char *bytes = (const unsigned char *)data;
    uint64_t counted = 0;
    if (size < BATCH_HEAD || size > PL__WIRE_BATCH_MAX) return false;
    *batch = (struct pl__batch){
        .data = data, .size = size, .first = little_endian(bytes, 8), .count = (uint32_t)little_endian(bytes + 8, 4)};
    struct reader reader = {bytes + BATCH_HEAD, bytes + size};
    while (reader.at < reader.end)
        if (!read_record(&reader, families, &counted)) return false;
    return counted == batch->count && batch->first <= UINT64_MAX >> 8; /* RocksDB's numbers have 56 bits */
}

bool pl__wire_next_batch(const void *bytes, size_t size, size_t *offset, uint32_t families, struct pl__batch *batch) {
    const char *at = (const char *)bytes + *offset;
    size_t left = size - *offset;
    if (left < SIZE_HEAD) return false;
    size_t length = (size_t)little_endian((const unsigned char *)at, SIZE_HEAD);
    if (length > left - SIZE_HEAD || !pl__wire_check_batch(at + SIZE_HEAD, length, families, batch)) return false;
    *offset += SIZE_HEAD + length;
    return true;
}
