/* json.h: JSON (RFC 8259) read and written one value at a time, without a tree.
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

/* The next value's first character; 0 at the end. */
static inline char pl_json_peek(struct pl_json *json) {
    while (json->at < json->end && (*json->at == ' ' || *json->at == '\n' || *json->at == '\r' || *json->at == '\t')) {
        json->at++;
    }
    return json->at < json->end && !json->failed ? *json->at : 0;
}

PL_API bool pl_json_end(struct pl_json *json); /* nothing but space follows */

PL_API bool pl_json_enter(struct pl_json *json, char bracket);
PL_API bool pl_json_more(struct pl_json *json, char bracket); /* false: the closing bracket was read, or failure */
PL_API bool pl_json_key(struct pl_json *json, const char **text, size_t *length); /* of a pair, and its ':' */

PL_API bool pl_json_string(struct pl_json *json, const char **text, size_t *length);
PL_API bool pl_json_number(struct pl_json *json, const char **text, size_t *length); /* as it is written */
PL_API bool pl_json_word(struct pl_json *json, const char *word);                    /* true, false, null */
PL_API bool pl_json_skip(struct pl_json *json);                                      /* one value */

/* ---- Writing; each returns the end of what it wrote ---- */

#define PL_JSON_STRING_ROOM(length) (6 * (size_t)(length) + 2)

/* A string with its quotes; bytes that are not UTF-8 become U+FFFD. `at` has PL_JSON_STRING_ROOM(length). */
PL_API char *pl_json_put_string(char *at, const char *text, size_t length);

/* The shortest number that reads back the same. JSON has no other words: NaN is null, an infinity null too or, if
 * `infinities`, a string. `at` has PL_TEXT_F64_MAX. */
PL_API char *pl_json_put_f64(char *at, double value, bool infinities);

#endif
