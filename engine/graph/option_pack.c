#include "option_pack.h"

#include <string.h>

#include <potline/alloc.h>

#include "options.h"

/* ---- Memory ---- */

struct pl_option_block {
    struct pl_option_block *next;
    max_align_t bytes[];
};

void pl_option_memory_fini(struct pl_option_memory *memory) {
    while (memory->blocks) {
        struct pl_option_block *next = memory->blocks->next;
        pl_free(memory->blocks);
        memory->blocks = next;
    }
}

void *pl_option_memory_alloc(struct pl_option_memory *memory, size_t size) {
    struct pl_option_block *block = pl_alloc(sizeof *block + size);
    if (!block) return NULL;
    block->next = memory->blocks;
    memory->blocks = block;
    return block->bytes;
}

const char *pl_option_memory_text(struct pl_option_memory *memory, struct pl_unpack *unpack) {
    const char *text;
    size_t length;
    if (!pl_unpack_str(unpack, &text, &length) || memchr(text, 0, length)) return NULL;
    char *copy = pl_option_memory_alloc(memory, length + 1);
    if (copy) memcpy(copy, text, length);
    return copy;
}

/* ---- Packing ---- */

static uint32_t count_rows(const struct pl_option *rows) {
    uint32_t count = 0;
    while (rows && rows[count].name)
        count++;
    return count;
}

void pl_strings_pack(struct pl_pack *pack, const struct pl_strings *strings) {
    pl_pack_array(pack, strings->count);
    for (uint32_t i = 0; i < strings->count; i++)
        pl_pack_str(pack, strings->items[i]);
}

static void pack_list(struct pl_pack *pack, const struct pl_option *row, const struct pl_list *list) {
    pl_pack_array(pack, list->count);
    for (uint32_t i = 0; i < list->count; i++)
        pl_options_pack(pack, row->rows, (const char *)list->items + i * row->item_size);
}

static void pack_text(struct pl_pack *pack, const char *text) {
    if (text)
        pl_pack_str(pack, text);
    else
        pl_pack_nil(pack);
}

static void pack_value(struct pl_pack *pack, const struct pl_option *row, const void *self) {
    const void *field = (const char *)self + row->offset;
    switch (row->type) {
    case PL_TYPE_BOOL: pl_pack_bool(pack, *(const bool *)field); break;
    case PL_TYPE_INT:
    case PL_TYPE_SIZE:
    case PL_TYPE_DURATION:
    case PL_TYPE_TIME: pl_pack_int(pack, *(const int64_t *)field); break;
    case PL_TYPE_NUMBER:
    case PL_TYPE_RATE: pl_pack_f64(pack, *(const double *)field); break;
    case PL_TYPE_STRING:
    case PL_TYPE_PATH:
    case PL_TYPE_FILE:
    case PL_TYPE_SECRET: pack_text(pack, *(const char *const *)field); break;
    case PL_TYPE_CHOICE:
    case PL_TYPE_SET: pl_pack_uint(pack, *(const uint32_t *)field); break;
    case PL_TYPE_STRINGS:
    case PL_TYPE_FILES: pl_strings_pack(pack, field); break;
    case PL_TYPE_PAIRS:
    case PL_TYPE_LIST: pack_list(pack, pl__option_as_list(row), field); break;
    case PL_TYPE_GROUP:
        pl_pack_array(pack, 2);
        pl_pack_bool(pack, *(const bool *)field);
        pl_options_pack(pack, row->rows, self); /* its rows are fields of the same struct */
        break;
    case PL_TYPE_END: break;
    }
}

void pl_options_pack(struct pl_pack *pack, const struct pl_option *rows, const void *self) {
    pl_pack_array(pack, count_rows(rows));
    for (const struct pl_option *row = rows; row && row->name; row++)
        pack_value(pack, row, self);
}

/* ---- Reading ---- */

bool pl_strings_unpack(struct pl_unpack *unpack, struct pl_strings *strings, struct pl_option_memory *memory) {
    uint32_t count;
    if (!pl_unpack_array(unpack, &count) || count > PL_LIST_MAX) return false;
    strings->items = pl_option_memory_alloc(memory, (count + 1) * sizeof *strings->items);
    if (!strings->items) return false;
    for (strings->count = 0; strings->count < count; strings->count++)
        if (!(strings->items[strings->count] = pl_option_memory_text(memory, unpack))) return false;
    return true;
}

static bool unpack_list(struct pl_unpack *unpack, const struct pl_option *row, struct pl_list *list,
                        struct pl_option_memory *memory) {
    uint32_t count;
    if (!pl_unpack_array(unpack, &count) || count > PL_LIST_MAX) return false;
    list->items = pl_option_memory_alloc(memory, (count + 1) * row->item_size);
    if (!list->items) return false;
    for (list->count = 0; list->count < count; list->count++)
        if (!pl_options_unpack(unpack, row->rows, (char *)list->items + list->count * row->item_size, memory))
            return false;
    return true;
}

static bool unpack_text(struct pl_unpack *unpack, const char **text, struct pl_option_memory *memory) {
    struct pl_unpack nil = *unpack;
    if (pl_unpack_nil(&nil)) {
        *unpack = nil;
        *text = NULL;
        return true;
    }
    return (*text = pl_option_memory_text(memory, unpack)) != NULL;
}

static uint32_t count_choices(const char *const *choices) {
    uint32_t count = 0;
    while (choices && choices[count])
        count++;
    return count;
}

static bool unpack_choice(struct pl_unpack *unpack, const struct pl_option *row, uint32_t *field) {
    uint64_t value;
    uint32_t choices = count_choices(row->choices);
    if (!pl_unpack_uint(unpack, &value)) return false;
    *field = (uint32_t)value;
    return row->type == PL_TYPE_SET ? value >> choices == 0 : value < choices;
}

static bool unpack_value(struct pl_unpack *unpack, const struct pl_option *row, void *self,
                         struct pl_option_memory *memory) {
    void *field = (char *)self + row->offset;
    uint32_t items;
    switch (row->type) {
    case PL_TYPE_BOOL: return pl_unpack_bool(unpack, field);
    case PL_TYPE_INT:
    case PL_TYPE_SIZE:
    case PL_TYPE_DURATION:
    case PL_TYPE_TIME: return pl_unpack_int(unpack, field);
    case PL_TYPE_NUMBER:
    case PL_TYPE_RATE: return pl_unpack_f64(unpack, field);
    case PL_TYPE_STRING:
    case PL_TYPE_PATH:
    case PL_TYPE_FILE:
    case PL_TYPE_SECRET: return unpack_text(unpack, field, memory);
    case PL_TYPE_CHOICE:
    case PL_TYPE_SET: return unpack_choice(unpack, row, field);
    case PL_TYPE_STRINGS:
    case PL_TYPE_FILES: return pl_strings_unpack(unpack, field, memory);
    case PL_TYPE_PAIRS:
    case PL_TYPE_LIST: return unpack_list(unpack, pl__option_as_list(row), field, memory);
    case PL_TYPE_GROUP:
        return pl_unpack_array(unpack, &items) && items == 2 && pl_unpack_bool(unpack, field) &&
               pl_options_unpack(unpack, row->rows, self, memory);
    case PL_TYPE_END: break;
    }
    return false;
}

bool pl_options_unpack(struct pl_unpack *unpack, const struct pl_option *rows, void *self,
                       struct pl_option_memory *memory) {
    uint32_t count;
    if (!pl_unpack_array(unpack, &count) || count != count_rows(rows)) return false;
    for (const struct pl_option *row = rows; row && row->name; row++)
        if (!unpack_value(unpack, row, self, memory)) return false;
    return true;
}
