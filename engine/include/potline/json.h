/* json.h: JSON (RFC 8259) one value at a time, without a tree.
 *
 *     if (pl_json_enter(&json, '['))
 *         while (pl_json_more(&json, ']')) ... one value ...
 *
 * A tree of a message of small values takes thirty times the message's memory, and the rows it is read for are bounded:
 * so the values go straight to where they belong. Every read returns false at a first mismatch and from then on.
 *
 * Strings are checked to be UTF-8, and point into the text or, when they have escapes, into `unescaped`. Numbers are
 * only checked to be some. Bytes of unknown origin are fine; nothing is read beyond them.
 */
#ifndef POTLINE_JSON_H
#define POTLINE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi.h"

enum { PL_JSON_DEPTH = 32 };

struct pl_json {
    const char *at;
    const char *end;
    char *unescaped; /* strings with escapes go here, one behind the other: room for as many bytes as the text has */
    unsigned depth;
    bool fresh; /* behind an opening bracket: no comma is due */
    bool failed;
};

/* `unescaped` may be NULL when there is no backslash in the text. */
PL_API void pl_json_init(struct pl_json *json, const char *text, size_t length, char *unescaped);

PL_API char pl_json_peek(struct pl_json *json); /* the next value's first character; 0 at the end */
PL_API bool pl_json_end(struct pl_json *json);  /* nothing but space follows */

PL_API bool pl_json_enter(struct pl_json *json, char bracket);
PL_API bool pl_json_more(struct pl_json *json, char bracket); /* false: the closing bracket was read, or failure */
PL_API bool pl_json_key(struct pl_json *json, const char **text, size_t *length); /* of a pair, and its ':' */

PL_API bool pl_json_string(struct pl_json *json, const char **text, size_t *length);
PL_API bool pl_json_number(struct pl_json *json, const char **text, size_t *length); /* as it is written */
PL_API bool pl_json_word(struct pl_json *json, const char *word);                    /* true, false, null */
PL_API bool pl_json_skip(struct pl_json *json);                                      /* one value */

#endif
