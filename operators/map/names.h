/* names.h: how options of this folder name signals.
 *
 *     voltage, {asset}.voltage     of the same asset
 *     {line}.current               of its line: the asset's path to the graph's key_depth
 *     line1.pot07.current          a whole tag
 */
#ifndef POTLINE_MAP_NAMES_H
#define POTLINE_MAP_NAMES_H

#include <potline/potline.h>

enum name_of { NAME_OF_ASSET, NAME_OF_LINE, NAME_OF_PLANT };
struct name {
    enum name_of of;
    const char *text; /* borrowed: behind the asset or the line; the whole tag */
    uint8_t length;
};

/* False when it is no name. */
bool name_read(const char *text, size_t length, struct name *name);

/* How much of an asset's name is its line's. */
size_t name_line_length(const struct pl_node *node, const char *asset);

/* The tag that is meant for an asset; PL_NO_ID when there is no room for its name. */
uint32_t name_tag(struct pl_node *node, uint32_t asset, const struct name *name);

#endif
