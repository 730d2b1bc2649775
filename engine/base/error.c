#include <potline/error.h>

#include <limits.h>
#include <stdarg.h>
#include <string.h>

#include <potline/alloc.h>

/* What stands for an error that there was no memory for. Shared, never freed, never changed. */
static struct pl_error no_memory = {.code = PL_NO_MEMORY, .text = (char[]){"out of memory"}};

static const struct {
    const char *name;
    const char *text;
} codes[] = {
#define PL_ERROR_ROW(name, text) {#name, text},
    PL_ERROR_MAP(PL_ERROR_ROW)
#undef PL_ERROR_ROW
};

const char *pl_code_name(enum pl_code code) {
    return (size_t)code < PL_COUNT_OF(codes) ? codes[code].name : "?";
}

const char *pl_code_text(enum pl_code code) {
    return (size_t)code < PL_COUNT_OF(codes) ? codes[code].text : "unknown error";
}

static void error_free_one(struct pl_error *error) {
    if (error == &no_memory) return;
    pl_free(error->text);
    pl_free(error);
}

void pl_error_free(struct pl_error **error) {
    if (!error) return;
    struct pl_error *next;
    for (struct pl_error *e = *error; e; e = next) {
        next = e->cause;
        error_free_one(e);
    }
    *error = NULL;
}

/* The text as vsnprintf makes it, and behind it, in the same memory, the name of the file: an error may outlive the
 * buffer that the name was made in. NULL without memory. */
PL_PRINTF(2, 0) static char *text_format(const char **file, const char *format, va_list args) {
    va_list again;
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (length < 0) return NULL;
    size_t size = (size_t)length + 1, name = *file ? strlen(*file) + 1 : 0;
    char *text = pl_alloc(size + name);
    if (!text) return NULL;
    vsnprintf(text, size, format, args);
    if (name) *file = memcpy(text + size, *file, name);
    return text;
}

/* Without memory the error that is there already is worth more than the news that there is no memory. */
PL_PRINTF(4, 0)
static void error_push(struct pl_error **error, enum pl_code code, struct pl_place place, const char *format,
                       va_list args) {
    struct pl_error *made = PL_NEW(struct pl_error);
    char *text = made ? text_format(&place.file, format, args) : NULL;
    if (!text) {
        pl_free(made);
        if (!*error) *error = &no_memory;
        return;
    }
    made->code = code;
    made->place = place;
    made->text = text;
    made->cause = *error == &no_memory ? NULL : *error;
    *error = made;
}

enum pl_code pl_error_set(struct pl_error **error, enum pl_code code, const char *format, ...) {
    if (!error) return code;
    va_list args;
    va_start(args, format);
    error_push(error, code, (struct pl_place){.file = NULL}, format, args);
    va_end(args);
    return code;
}

enum pl_code pl_error_at(struct pl_error **error, enum pl_code code, struct pl_place place, const char *format, ...) {
    if (!error) return code;
    va_list args;
    va_start(args, format);
    error_push(error, code, place, format, args);
    va_end(args);
    return code;
}

/* "file:line:column: " as far as it is known; the length as snprintf counts it. */
static size_t place_format(const struct pl_place *place, char *text, size_t size) {
    const char *file = place->file ? place->file : "";
    int length = 0;
    if (place->line > 0 && place->column > 0)
        length = snprintf(text, size, "%s:%d:%d: ", file, place->line, place->column);
    else if (place->line > 0)
        length = snprintf(text, size, "%s:%d: ", file, place->line);
    else if (place->file)
        length = snprintf(text, size, "%s: ", file);
    return length > 0 ? (size_t)length : 0;
}

char *pl_error_text(const struct pl_error *error) {
    size_t size = 0;
    for (const struct pl_error *e = error; e; e = e->cause)
        size += place_format(&e->place, NULL, 0) + strlen(e->text) + 1;
    char *text = pl_alloc(size + 1);
    if (!text) return NULL;
    char *at = text;
    for (const struct pl_error *e = error; e; e = e->cause) {
        at += place_format(&e->place, at, (size_t)(text + size + 1 - at));
        size_t length = strlen(e->text);
        memcpy(at, e->text, length);
        at += length;
        *at++ = e->cause ? '\n' : '\0';
    }
    return text;
}

void pl_error_print(FILE *out, const struct pl_error *error) {
    for (const struct pl_error *e = error; e; e = e->cause) {
        char place[PATH_MAX + 32] = "";
        place_format(&e->place, place, sizeof place);
        fprintf(out, "%s%s\n", place, e->text);
    }
}
