/* error.h: errors of set-up and control: loading a graph, opening a source, running a command.
 *
 * A function that can fail returns an enum pl_code (PL_OK is 0) and takes a `struct pl_error **` last, which may be
 * NULL. On failure it stores a new error there; the caller owns it and ends it with pl_error_free. The text says what
 * was expected, what was found and where; `cause` holds the error below it.
 *
 *     struct pl_error *error = NULL;
 *     if (thing_open(path, &error)) {
 *         pl_error_print(stderr, error);
 *         pl_error_free(&error);
 *     }
 *
 * The data path has no errors of this kind: a bad row is flagged in its quality and counted.
 */
#ifndef POTLINE_ERROR_H
#define POTLINE_ERROR_H

#include <stdio.h>

#include "abi.h"

#define PL_ERROR_MAP(XX)                                                                                               \
    XX(OK, "ok")                                                                                                       \
    XX(USAGE, "wrong usage")                                                                                           \
    XX(SYNTAX, "syntax error")                                                                                         \
    XX(UNKNOWN, "unknown name")                                                                                        \
    XX(RANGE, "out of range")                                                                                          \
    XX(CONFLICT, "conflict")                                                                                           \
    XX(NOT_FOUND, "not found")                                                                                         \
    XX(IO, "input/output error")                                                                                       \
    XX(NO_MEMORY, "out of memory")                                                                                     \
    XX(LIMIT, "over a limit")                                                                                          \
    XX(PROTOCOL, "protocol error")                                                                                     \
    XX(ABI, "plugin does not fit")                                                                                     \
    XX(CORRUPT, "damaged data")                                                                                        \
    XX(UNAVAILABLE, "unavailable")                                                                                     \
    XX(BUSY, "in use")                                                                                                 \
    XX(DENIED, "not allowed")

enum pl_code {
#define PL_ERROR_ENUM(name, text) PL_##name,
    PL_ERROR_MAP(PL_ERROR_ENUM)
#undef PL_ERROR_ENUM
};

/* Where in a file something stands; line and column count from 1, 0 is unknown. `file` is borrowed, errors copy it. */
struct pl_place {
    const char *file;
    int line;
    int column;
};

struct pl_error {
    enum pl_code code;
    struct pl_place place;
    char *text;
    struct pl_error *cause; /* owned; may be NULL */
};

PL_API const char *pl_code_name(enum pl_code code); /* "NOT_FOUND" */
PL_API const char *pl_code_text(enum pl_code code); /* "not found" */

/* Stores a new error in *error (if error is not NULL; an error already there becomes its cause) and returns `code`. */
PL_API enum pl_code pl_error_set(struct pl_error **error, enum pl_code code, const char *format, ...) PL_PRINTF(3, 4);
PL_API enum pl_code pl_error_at(struct pl_error **error, enum pl_code code, struct pl_place place, const char *format,
                                ...) PL_PRINTF(4, 5);

/* One line an error of the chain: "file:line:column: text". Without trailing newline in pl_error_text (caller frees).
 */
PL_API void pl_error_print(FILE *out, const struct pl_error *error);
PL_API char *pl_error_text(const struct pl_error *error);

PL_API void pl_error_free(struct pl_error **error); /* and sets it to NULL */

#endif
