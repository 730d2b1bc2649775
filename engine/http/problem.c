/* problem.c: what went wrong, as application/problem+json. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/diag.h>

#include "http/rest_impl.h"

enum { DETAIL = 512 };

static const struct kind {
    unsigned status;
    const char *code, *title;
} kinds[] = {
    {PL__BAD, "ERR-4001", "Invalid input"},
    {PL__UNAUTHORIZED, "ERR-4011", "Missing or invalid token"},
    {PL__FORBIDDEN, "ERR-4033", "Not allowed for this role"},
    {PL__NOT_FOUND, "ERR-4042", "Not found"},
    {PL__NOT_ALLOWED, "ERR-4051", "Not with this method"},
    {PL__CONFLICT, "ERR-4091", "Conflict"},
    {PL__LENGTH, "ERR-4111", "A length is wanted"},
    {PL__PRECONDITION, "ERR-4121", "It is another one by now"},
    {PL__TOO_LARGE, "ERR-4131", "Too large"},
    {PL__MEDIA_TYPE, "ERR-4151", "Another media type is wanted"},
    {PL__SEMANTIC, "ERR-4221", "Not in this state"},
    {PL__TOO_MANY, "ERR-4291", "Too many requests"},
    {PL__BROKEN, "ERR-5000", "Internal error"},
    {PL__NOT_DONE, "ERR-5011", "Not supported"},
    {PL__NOT_NOW, "ERR-5031", "Not available now"},
};

static const struct kind *kind_of(unsigned status) {
    for (unsigned i = 0; i < PL_COUNT_OF(kinds); i++)
        if (kinds[i].status == status) return &kinds[i];
    return kind_of(PL__BROKEN);
}

const char *pl__problem_name(unsigned status) {
    return kind_of(status)->code;
}

static json_t *make(const struct pl__call *call, unsigned status, const char *detail) {
    const struct kind *kind = kind_of(status);
    return json_pack("{s:s, s:s, s:i, s:s, s:s, s:s, s:s}", "type", "about:blank", "title", kind->title, "status",
                     (int)kind->status, "code", kind->code, "detail", detail, "instance", call->request->path,
                     "correlationId", call->correlation);
}

static void answer_with(struct pl__call *call, unsigned status, json_t *value, const char *name, const char *header) {
    struct pl_http_reply reply;
    char *text = value ? json_dumps(value, JSON_COMPACT) : NULL;
    pl__answer_begin(call, &reply, status, "application/problem+json");
    pl_buffer_puts(&reply.body, text ? text : "{\"status\":500,\"code\":\"ERR-5000\",\"title\":\"Internal error\"}");
    if (name) pl_http_reply_header(&reply, name, header);
    free(text);
    json_decref(value);
    pl__answer_reply(call, &reply);
}

static void answer(struct pl__call *call, unsigned status, json_t *value) {
    bool given = call->request->header[PL_HTTP_AUTHORIZATION][0] != 0; /* RFC 6750, 3.1 */
    answer_with(call, status, value, status == PL__UNAUTHORIZED ? "www-authenticate" : NULL,
                given ? "Bearer realm=\"potline\", error=\"invalid_token\"" : "Bearer realm=\"potline\"");
}

void pl__complain(struct pl__call *call, unsigned status, const char *format, ...) {
    char detail[DETAIL];
    va_list args;
    va_start(args, format);
    vsnprintf(detail, sizeof detail, format, args);
    va_end(args);
    answer(call, status, make(call, status, detail));
}

void pl__problem_wait(struct pl__call *call, unsigned status, unsigned seconds, const char *text) {
    char wait[16];
    snprintf(wait, sizeof wait, "%u", seconds);
    answer_with(call, status, make(call, status, text), seconds ? "retry-after" : NULL, wait);
}

void pl__problem_method(struct pl__call *call) {
    char allowed[64] = "", detail[DETAIL];
    for (unsigned i = 0; i < PL_HTTP_METHODS; i++)
        if (call->match.methods >> i & 1)
            snprintf(allowed + strlen(allowed), sizeof allowed - strlen(allowed), "%s%s", allowed[0] ? ", " : "",
                     pl_http_method_names[i]);
    snprintf(detail, sizeof detail, "It takes %s.", allowed);
    answer_with(call, PL__NOT_ALLOWED, make(call, PL__NOT_ALLOWED, detail), "allow", allowed);
}

void pl__field_error(json_t *errors, const char *pointer, const char *format, ...) {
    char text[DETAIL];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    json_array_append_new(errors, json_pack("{s:s, s:s}", "pointer", pointer, "message", text));
}

void pl__problem_fields(struct pl__call *call, json_t *errors) {
    char detail[DETAIL];
    const char *pointer = NULL, *message = NULL;
    json_unpack(json_array_get(errors, 0), "{s:s, s:s}", "pointer", &pointer, "message", &message);
    snprintf(detail, sizeof detail, "%s: %s", pointer && pointer[0] ? pointer + (pointer[0] == '/') : "the body",
             message ? message : "");
    json_t *value = make(call, PL__BAD, detail);
    json_object_set_new(value, "errors", errors);
    answer(call, PL__BAD, value);
}

static unsigned status_of(enum pl_code code) {
    switch (code) {
    case PL_USAGE:
    case PL_SYNTAX:
    case PL_RANGE:
    case PL_UNKNOWN: return PL__BAD;
    case PL_DENIED: return PL__FORBIDDEN;
    case PL_NOT_FOUND: return PL__NOT_FOUND;
    case PL_CONFLICT: return PL__CONFLICT;
    case PL_LIMIT: return PL__SEMANTIC;
    case PL_BUSY:
    case PL_UNAVAILABLE: return PL__NOT_NOW;
    default: return PL__BROKEN;
    }
}

/* What is broken inside is for the log: it may name files, and says nothing to who asks. */
void pl__problem_code(struct pl__call *call, enum pl_code code, const char *text) {
    unsigned status = status_of(code);
    if (status == PL__BROKEN) {
        pl_diag(PL_WARN, "http: %s %s: %s (%s)", pl_http_method_names[call->request->method], call->request->path,
                text ? text : pl_code_text(code), call->correlation);
        pl__complain(call, status, "It is in the engine's log, under the correlation id.");
    } else if (status == PL__NOT_NOW) {
        pl__problem_wait(call, status, 1, text ? text : pl_code_text(code));
    } else {
        pl__complain(call, status, "%s", text ? text : pl_code_text(code));
    }
}
