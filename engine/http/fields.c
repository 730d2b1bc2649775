/* fields.c: what a request gives, held against what its route declares. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/text.h>

#include "http/rest_impl.h"

enum { LONGEST = 256, POINTER = 300, NAME_SHOWN = 64, ALL_NAMES = 160 };

static const char *pointer_of(const struct pl_rest_field *field, char pointer[POINTER]) {
    snprintf(pointer, POINTER, "%s%s", field->place == PL_REST_BODY ? "/" : "", field->name);
    return pointer;
}

/* Numbers as texts and as JSON. */
static void check_number(const struct pl_rest_field *field, double value, json_t *errors) {
    char pointer[POINTER];
    if (isfinite(value) && (field->low >= field->high || (value >= field->low && value <= field->high))) return;
    if (field->low < field->high)
        pl__field_error(errors, pointer_of(field, pointer), "a number from %g to %g is expected", field->low,
                        field->high);
    else
        pl__field_error(errors, pointer_of(field, pointer), "a finite number is expected");
}

static bool is_choice(const struct pl_rest_field *field, const char *text) {
    for (const char *const *choice = field->choices; choice && *choice; choice++)
        if (strcmp(*choice, text) == 0) return true;
    return !field->choices;
}

static void refuse_choice(const struct pl_rest_field *field, json_t *errors) {
    char pointer[POINTER], list[LONGEST] = "";
    size_t used = 0;
    for (unsigned i = 0; field->choices[i] && used < sizeof list - 1; i++)
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", field->choices[i]);
    pl__field_error(errors, pointer_of(field, pointer), "one of %s is expected", list);
}

static bool has_control(const char *text) {
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f) return true;
    return false;
}

/* A text as the type wants it: in a path, in a query, or a string of the body. */
static void check_text(const struct pl_rest_field *field, const char *text, json_t *errors) {
    char pointer[POINTER];
    double number;
    int64_t whole;
    pl_time time;
    size_t length = strlen(text), longest = field->longest ? field->longest : LONGEST;
    pointer_of(field, pointer);
    switch (field->type) {
    case PL_REST_NUMBER: check_number(field, pl_text_f64(text, length, &number) ? number : NAN, errors); break;
    case PL_REST_WHOLE: check_number(field, pl_text_int(text, length, &whole) ? (double)whole : NAN, errors); break;
    case PL_REST_FLAG:
        if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
            pl__field_error(errors, pointer, "true or false is expected");
        break;
    case PL_REST_TIME:
        if (!pl_text_time(text, length, &time))
            pl__field_error(errors, pointer, "a time as 2026-11-23T06:00:00Z is expected");
        break;
    case PL_REST_SPAN:
        if (!pl_text_duration(text, length, &time))
            pl__field_error(errors, pointer, "a duration as 90s or 2h is expected");
        break;
    default:
        if (length > longest)
            pl__field_error(errors, pointer, "at most %zu bytes are expected", longest);
        else if (!length && field->required)
            pl__field_error(errors, pointer, "it is empty");
        else if (!is_choice(field, text))
            refuse_choice(field, errors);
        else if (field->without && strpbrk(text, field->without))
            pl__field_error(errors, pointer, "none of %s is expected in it", field->without);
        else if (field->place == PL_REST_QUERY && has_control(text))
            pl__field_error(errors, pointer, "no control character is expected in it");
    }
}

static void set_text(struct pl__call *call, unsigned i, const char *text, json_t *errors) {
    check_text(&call->route->fields[i], text, errors);
    call->text[i] = pl_strdup(text);
}

/* ---- The body ---- */

static bool is_of(const struct pl_rest_field *field, const json_t *value) {
    switch (field->type) {
    case PL_REST_NUMBER: return json_is_number(value);
    case PL_REST_WHOLE: return json_is_integer(value);
    case PL_REST_FLAG: return json_is_boolean(value);
    case PL_REST_OBJECT: return json_is_object(value);
    case PL_REST_LIST:
    case PL_REST_TEXTS: return json_is_array(value);
    default: return json_is_string(value);
    }
}

static const char *const expected[] = {[PL_REST_TEXT] = "a string",
                                       [PL_REST_NUMBER] = "a number",
                                       [PL_REST_WHOLE] = "a whole number",
                                       [PL_REST_FLAG] = "true or false",
                                       [PL_REST_TIME] = "a string",
                                       [PL_REST_SPAN] = "a string",
                                       [PL_REST_OBJECT] = "an object",
                                       [PL_REST_LIST] = "an array of objects",
                                       [PL_REST_TEXTS] = "an array of strings"};

static void check_items(const struct pl_rest_field *field, const json_t *value, json_t *errors) {
    size_t i;
    json_t *one;
    char pointer[POINTER];
    json_array_foreach((json_t *)(uintptr_t)value, i, one) {
        bool good = field->type == PL_REST_LIST ? json_is_object(one) : json_is_string(one);
        if (good) continue;
        snprintf(pointer, sizeof pointer, "/%s/%zu", field->name, i);
        pl__field_error(errors, pointer,
                        field->type == PL_REST_LIST ? "an object is expected" : "a string is expected");
    }
}

static void read_member(struct pl__call *call, unsigned i, json_t *errors) {
    const struct pl_rest_field *field = &call->route->fields[i];
    const json_t *value = json_object_get(call->body, field->name);
    char pointer[POINTER];
    if (!value) {
        if (field->required) pl__field_error(errors, pointer_of(field, pointer), "it is missing");
        return;
    }
    if (!is_of(field, value)) {
        pl__field_error(errors, pointer_of(field, pointer), "%s is expected", expected[field->type]);
        return;
    }
    call->value[i] = value;
    if (json_is_string(value)) {
        set_text(call, i, json_string_value(value), errors);
        return;
    }
    if (json_is_array(value)) check_items(field, value, errors);
    if (json_is_number(value)) check_number(field, json_number_value(value), errors);
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    call->text[i] = text ? pl_strdup(text) : NULL;
    free(text);
}

static const struct pl_rest_field *field_named(const struct pl__call *call, const char *name, size_t length,
                                               enum pl_rest_place place) {
    for (const struct pl_rest_field *field = call->route->fields; field && field->name; field++)
        if (field->place == place && strlen(field->name) == length && memcmp(field->name, name, length) == 0)
            return field;
    return NULL;
}

/* Which ones are known, and which of them may have been meant. */
static void say_unknown(const struct pl__call *call, const char *name, const char *pointer, json_t *errors) {
    enum { FIELDS_MAX = 32 };
    const char *names[FIELDS_MAX];
    char all[ALL_NAMES] = "";
    size_t count = 0;
    for (const struct pl_rest_field *field = call->route->fields; field && field->name; field++) {
        if (field->place != PL_REST_BODY || count == FIELDS_MAX) continue;
        size_t used = strlen(all);
        snprintf(all + used, sizeof all - used, "%s%s", count ? ", " : "", field->name);
        names[count++] = field->name;
    }
    const char *near = pl_text_nearest(name, names, count);
    pl__field_error(errors, pointer, "it is not known here%s%s%s%s%s", near ? "; did you mean " : "", near ? near : "",
                    near ? "?" : "", !near && *all ? "; known are " : "", near ? "" : all);
}

static void refuse_unknown(const struct pl__call *call, json_t *errors) {
    const char *name;
    json_t *value;
    char pointer[POINTER];
    json_object_foreach(call->body, name, value) {
        if (field_named(call, name, strlen(name), PL_REST_BODY)) continue;
        snprintf(pointer, sizeof pointer, "/%.*s", NAME_SHOWN, name);
        say_unknown(call, name, pointer, errors);
    }
}

static bool has_body(const struct pl_rest_route *route) {
    for (const struct pl_rest_field *field = route->fields; field && field->name; field++)
        if (field->place == PL_REST_BODY) return true;
    return false;
}

static bool is_json(const char *type) {
    static const char wanted[] = "application/json";
    size_t length = strlen(wanted);
    return strncasecmp(type, wanted, length) == 0 && (type[length] == 0 || type[length] == ';' || type[length] == ' ');
}

/* The status of a refusal; 0: it is an object, or none is wanted. */
static unsigned read_body(struct pl__call *call, json_t *errors) {
    json_error_t error;
    const struct pl_http_request *request = call->request;
    if (!has_body(call->route)) return 0;
    if (!is_json(request->header[PL_HTTP_CONTENT_TYPE])) return PL__MEDIA_TYPE;
    call->body = json_loadb(request->body, request->size, JSON_REJECT_DUPLICATES, &error);
    if (json_is_object(call->body)) return 0;
    if (call->body)
        pl__field_error(errors, "", "an object is expected");
    else
        pl__field_error(errors, "", "it is no JSON: line %d, column %d", error.line, error.column);
    return PL__BAD;
}

/* ---- The query ---- */

static void refuse_arguments(const struct pl__call *call, json_t *errors) {
    for (unsigned i = 0; i < call->request->arguments; i++) {
        const char *argument = call->request->argument[i];
        size_t length = strcspn(argument, "=");
        char name[NAME_SHOWN + 1];
        snprintf(name, sizeof name, "%.*s", (int)(length < NAME_SHOWN ? length : NAME_SHOWN), argument);
        bool page = call->route->answer == PL_REST_ROWS && (strcmp(name, "limit") == 0 || strcmp(name, "cursor") == 0);
        if (!page && !field_named(call, argument, length, PL_REST_QUERY))
            pl__field_error(errors, name, "it is not known here");
        for (unsigned k = 0; k < i; k++)
            if (strncmp(call->request->argument[k], argument, length + 1) == 0)
                pl__field_error(errors, name, "it is given twice");
    }
}

static void read_page(struct pl__call *call, json_t *errors) {
    int64_t number = PL__PAGE;
    const char *limit = pl_http_argument(call->request, "limit"), *cursor = pl_http_argument(call->request, "cursor");
    if (limit && (!pl_text_int(limit, strlen(limit), &number) || number < 1 || number > PL__PAGE_MAX))
        pl__field_error(errors, "limit", "a number from 1 to %d is expected", PL__PAGE_MAX);
    call->limit = (size_t)number;
    if (cursor && !pl__cursor_is_one(cursor)) pl__field_error(errors, "cursor", "it is none that was given out");
}

static void read_field(struct pl__call *call, unsigned i, unsigned *segment, json_t *errors) {
    const struct pl_rest_field *field = &call->route->fields[i];
    const char *given = field->place == PL_REST_QUERY ? pl_http_argument(call->request, field->name) : NULL;
    char pointer[POINTER];
    if (field->place == PL_REST_PATH)
        set_text(call, i, call->match.value[(*segment)++], errors);
    else if (field->place == PL_REST_BODY)
        read_member(call, i, errors);
    else if (given)
        set_text(call, i, given, errors);
    else if (field->required)
        pl__field_error(errors, pointer_of(field, pointer), "it is missing");
}

unsigned pl__fields_take(struct pl__call *call, json_t *errors) {
    const struct pl_rest_field *fields = call->route->fields;
    unsigned segment = 0, status = read_body(call, errors);
    if (status) return status;
    for (unsigned i = 0; fields && fields[i].name; i++)
        read_field(call, i, &segment, errors);
    refuse_unknown(call, errors);
    refuse_arguments(call, errors);
    read_page(call, errors);
    return json_array_size(errors) ? PL__BAD : 0;
}

bool pl__fields_read(struct pl__call *call) {
    json_t *errors = json_array();
    unsigned status = pl__fields_take(call, errors);
    if (status == PL__BAD) {
        pl__problem_fields(call, errors);
        return false;
    }
    json_decref(errors);
    if (status) {
        pl__complain(call, status, "Content-Type: application/json is expected.");
        return false;
    }
    const char *cursor = pl_http_argument(call->request, "cursor");
    if (!cursor || pl__cursor_read(call, cursor)) return true;
    pl__complain(call, PL__NOT_FOUND, "There is no page with this cursor.");
    return false;
}
