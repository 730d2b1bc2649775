#include "names.h"

#include <string.h>

static bool starts(const char *text, size_t length, const char *with) {
    return length > strlen(with) && memcmp(text, with, strlen(with)) == 0;
}

bool name_read(const char *text, size_t length, struct name *name) {
    static const char asset[] = "{asset}.", line[] = "{line}.";
    *name = (struct name){.of = memchr(text, '.', length) ? NAME_OF_PLANT : NAME_OF_ASSET, .text = text};
    size_t skip = 0;
    if (starts(text, length, asset)) {
        name->of = NAME_OF_ASSET;
        skip = strlen(asset);
    } else if (starts(text, length, line)) {
        name->of = NAME_OF_LINE;
        skip = strlen(line);
    }
    name->text += skip;
    name->length = (uint8_t)(length - skip);
    return length <= PL_NAME_MAX && !memchr(name->text, '{', length - skip);
}

size_t name_line_length(const struct pl_node *node, const char *asset) {
    unsigned parts = 0;
    for (size_t i = 0;; i++)
        if (!asset[i] || (asset[i] == '.' && i)) {
            if (++parts == pl_node_key_depth(node) || !asset[i]) return i;
        }
}

uint32_t name_tag(struct pl_node *node, uint32_t asset, const struct name *name) {
    struct pl_tags *tags = pl_node_tags(node);
    const struct pl_tag *owner = pl_tags_get(tags, asset);
    char text[2 * PL_NAME_MAX + 2];
    size_t length = name->of == NAME_OF_ASSET  ? owner->length
                    : name->of == NAME_OF_LINE ? name_line_length(node, owner->name)
                                               : 0;
    memcpy(text, owner->name, length);
    if (length) text[length++] = '.';
    memcpy(text + length, name->text, name->length);
    return pl_tags_intern(tags, text, length + name->length);
}
