extern "C" {
#include "foreign.h"
}

#include <capnp/any.h>
#include <capnp/list.h>
#include <capnp/serialize.h>
#include <cstring>
#include <exception>
#include <kj/exception.h>

namespace {

enum { NESTING_MAX = 8, LISTS_MAX = PL_COLUMNS_MAX + PL_HEAPS_MAX };

using Pointers = capnp::List<capnp::AnyPointer>::Reader;

/* One list of the message: used where it stands when its elements are plain, copied when they are structs. */
struct Column {
    const char *name;
    unsigned width;
    bool plain;
    capnp::AnyPointer::Reader pointer;
    uint32_t count;
    const void *elements;
};

capnp::ElementSize element_size(enum pl_type type) {
    switch (pl_type_size(type)) {
    case 8: return capnp::ElementSize::EIGHT_BYTES;
    case 4: return capnp::ElementSize::FOUR_BYTES;
    case 2: return capnp::ElementSize::TWO_BYTES;
    default: return capnp::ElementSize::BYTE;
    }
}

enum pl_code open_column(const Pointers &pointers, unsigned index, const struct pl_column_info &info, Column *column,
                         struct pl_error **error) {
    *column = Column{info.name, pl_type_size(info.type), true, {}, 0, nullptr};
    if (index >= pointers.size()) return PL_OK;
    column->pointer = pointers[index];
    auto list = column->pointer.getAs<capnp::AnyList>();
    if (list.size() == 0) return PL_OK;
    column->count = list.size();
    column->plain = list.getElementSize() == element_size(info.type);
    if (column->plain) {
        column->elements = list.getRawBytes().begin();
        return PL_OK;
    }
    if (list.getElementSize() == capnp::ElementSize::INLINE_COMPOSITE) return PL_OK;
    return pl_error_set(error, PL_CORRUPT, "a list of %u-byte elements expected for %s, found another element size",
                        column->width, info.name);
}

template <typename T> void copy_structs(const Column &column, void *to) {
    auto list = column.pointer.getAs<capnp::List<T>>();
    T *at = static_cast<T *>(to);
    for (T element : list)
        *at++ = element;
}

/* Gives columns of structs a plain copy. */
enum pl_code flatten(struct pl_codec *codec, Column *columns, unsigned count, struct pl_error **error) {
    size_t size = 0;
    for (unsigned i = 0; i < count; i++) {
        if (!columns[i].plain) size += (static_cast<size_t>(columns[i].count) * columns[i].width + 7) / 8 * 8;
    }
    if (!size) return PL_OK;
    char *at = static_cast<char *>(pl__scratch(&codec->columns, size));
    if (!at) return pl_error_set(error, PL_NO_MEMORY, "no memory for columns of %zu bytes", size);
    for (unsigned i = 0; i < count; i++) {
        if (columns[i].plain) continue;
        switch (columns[i].width) {
        case 8: copy_structs<uint64_t>(columns[i], at); break;
        case 4: copy_structs<uint32_t>(columns[i], at); break;
        case 2: copy_structs<uint16_t>(columns[i], at); break;
        default: copy_structs<uint8_t>(columns[i], at); break;
        }
        columns[i].elements = at;
        at += (static_cast<size_t>(columns[i].count) * columns[i].width + 7) / 8 * 8;
    }
    return PL_OK;
}

enum pl_code read_columns(struct pl_codec *codec, const Pointers &pointers, struct pl_wire *wire,
                          struct pl_error **error) {
    const struct pl_kind_info *info = &pl_kind_info[wire->header.kind];
    unsigned lists = info->columns + info->heaps;
    Column columns[LISTS_MAX] = {};
    for (unsigned i = 0; i < lists; i++) {
        bool heap = i >= info->columns;
        const struct pl_column_info &column = heap ? info->heap[i - info->columns] : info->column[i];
        enum pl_code code = open_column(pointers, i + 1, column, &columns[i], error);
        if (code) return code;
        uint32_t expected = !heap ? wire->header.rows : i == info->columns ? columns[i].count : columns[i - 1].count;
        if (columns[i].count != expected) {
            return pl_error_set(error, PL_CORRUPT, "%u elements of %s expected, found %u", expected, column.name,
                                columns[i].count);
        }
    }
    wire->heap_length = info->heaps ? columns[info->columns].count : 0;
    enum pl_code code = pl__wire_limits(wire->header.kind, wire->header.rows, wire->heap_length, error);
    if (!code) code = flatten(codec, columns, lists, error);
    for (unsigned i = 0; i < info->columns; i++)
        wire->column[i] = columns[i].elements;
    for (unsigned i = 0; i < info->heaps; i++)
        wire->heap[i] = columns[info->columns + i].elements;
    return code;
}

struct pl_text text_of(const capnp::Text::Reader &text) {
    return {text.begin(), static_cast<uint32_t>(text.size())};
}

enum pl_code read_header(struct pl_codec *codec, capnp::AnyPointer::Reader pointer, struct pl_wire *wire,
                         struct pl_error **error) {
    auto header = pointer.getAs<capnp::AnyStruct>();
    auto data = header.getDataSection();
    if (data.size() > 0) std::memcpy(&wire->header, data.begin(), kj::min(data.size(), sizeof(wire->header)));
    if (wire->header.version < 1) return pl_error_set(error, PL_CORRUPT, "a version from 1 expected, found 0");
    auto pointers = header.getPointerSection();
    wire->source = text_of(pointers.size() > 0 ? pointers[0].getAs<capnp::Text>() : capnp::Text::Reader(""));
    if (pointers.size() > 2) wire->model = text_of(pointers[2].getAs<capnp::Text>());
    if (pointers.size() < 2) return PL_OK;
    auto names = pointers[1].getAs<capnp::List<capnp::Text>>();
    if (names.size() > PL_WIRE_NAMES_MAX) {
        return pl_error_set(error, PL_LIMIT, "at most %d names expected, found %u", PL_WIRE_NAMES_MAX, names.size());
    }
    wire->names = pl__wire_names(codec, names.size());
    if (!wire->names) return pl_error_set(error, PL_NO_MEMORY, "no memory for %u names", names.size());
    for (auto name : names)
        wire->names[wire->name_count++] = text_of(name);
    return PL_OK;
}

enum pl_code read_message(struct pl_codec *codec, const uint64_t *words, size_t count, struct pl_wire *wire,
                          struct pl_error **error) {
    capnp::ReaderOptions options;
    options.traversalLimitInWords = 3 * count + 64; /* a column is looked at up to three times */
    options.nestingLimit = NESTING_MAX;
    capnp::FlatArrayMessageReader message(kj::arrayPtr(reinterpret_cast<const capnp::word *>(words), count), options);
    auto pointers = message.getRoot<capnp::AnyStruct>().getPointerSection();
    if (pointers.size() == 0) return pl_error_set(error, PL_CORRUPT, "a batch expected, found a struct without header");
    enum pl_code code = read_header(codec, pointers[0], wire, error);
    if (!code) code = pl__wire_limits(wire->header.kind, wire->header.rows, 0, error);
    return code ? code : read_columns(codec, pointers, wire, error);
}

} // namespace

extern "C" enum pl_code pl__foreign_read(struct pl_codec *codec, const uint64_t *words, size_t count,
                                         struct pl_wire *wire, struct pl_error **error) {
    std::memset(wire, 0, sizeof(*wire));
    try {
        return read_message(codec, words, count, wire, error);
    } catch (const kj::Exception &exception) {
        return pl_error_set(error, PL_CORRUPT, "a valid Cap'n Proto message expected: %s",
                            exception.getDescription().cStr());
    } catch (const std::exception &exception) {
        return pl_error_set(error, PL_CORRUPT, "a valid Cap'n Proto message expected: %s", exception.what());
    }
}
