/* option_pack.h: the fields that an option table describes, as one msgpack value, and back in another process.
 *
 * Both sides have the same table (the same plugin): values stand in its order, without names. What is read is checked:
 * types, choices, and that there is as much of it as the table says; ranges are not, they were when the file was read.
 */
#ifndef POTLINE_GRAPH_OPTION_PACK_H
#define POTLINE_GRAPH_OPTION_PACK_H

#include <potline/option.h>
#include <potline/pack.h>

/* What the strings and lists of read options stand in. */
struct pl_option_memory {
    struct pl_option_block *blocks; /* NULL: empty */
};
void pl_option_memory_fini(struct pl_option_memory *memory);
void *pl_option_memory_alloc(struct pl_option_memory *memory, size_t size); /* zeroed; NULL without memory */
/* A text with its 0, from the next value; NULL when it is none. */
const char *pl_option_memory_text(struct pl_option_memory *memory, struct pl_unpack *unpack);

/* `rows` may be NULL: no options. */
void pl_options_pack(struct pl_pack *pack, const struct pl_option *rows, const void *self);
/* False: it does not fit the table, or there is no memory. */
bool pl_options_unpack(struct pl_unpack *unpack, const struct pl_option *rows, void *self,
                       struct pl_option_memory *memory);

void pl_strings_pack(struct pl_pack *pack, const struct pl_strings *strings);
bool pl_strings_unpack(struct pl_unpack *unpack, struct pl_strings *strings, struct pl_option_memory *memory);

#endif
