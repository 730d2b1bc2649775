/* answer.c: results as JSON, with links and pages. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/json.h>
#include <potline/pack.h>
#include <potline/text.h>

#include "http/rest_impl.h"

static const char json_media[] = "application/json";

void pl__moment(pl_time time, char text[40]) {
    *pl_text_put_time(text, time - time % PL_MILLISECOND) = 0;
}

void pl__answer_begin(const struct pl__call *call, struct pl_http_reply *reply, unsigned status, const char *type) {
    pl_http_reply_init(reply, status, type);
    pl_http_reply_header(reply, "x-request-id", call->correlation);
    pl_http_reply_header(reply, "cache-control", "no-cache");
}

void pl__answer_reply(struct pl__call *call, struct pl_http_reply *reply) {
    struct pl_http_exchange *exchange = call->exchange;
    if (call->remembers) pl__memory_end(call, reply);
    pl__call_free(call);
    pl_http_answer(exchange, reply);
}

/* ---- Where things are ---- */

/* What is no plain part of a path is written by its bytes. */
static void put_segment(struct pl_buffer *out, const char *text) {
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("-._~", c);
        if (plain)
            pl_buffer_putc(out, (char)c);
        else
            pl_buffer_printf(out, "%%%02X", c);
    }
}

/* Only %s, each one segment. */
static void put_path(struct pl_buffer *out, const struct pl__call *call, const char *format, va_list args) {
    pl_buffer_printf(out, PL_REST_BASE "%s/", call->match.version->name);
    for (; *format; format++) {
        if (format[0] == '%' && format[1] == 's') {
            put_segment(out, va_arg(args, const char *));
            format++;
        } else {
            pl_buffer_putc(out, *format);
        }
    }
    pl_buffer_putc(out, 0);
}

void pl__href(const struct pl__call *call, char href[PL__PATH], const char *format, ...) {
    struct pl_buffer out;
    va_list args;
    pl_buffer_init(&out, PL__PATH);
    va_start(args, format);
    put_path(&out, call, format, args);
    va_end(args);
    snprintf(href, PL__PATH, "%s", pl_buffer_failed(&out) ? "" : out.data);
    pl_buffer_fini(&out);
}

json_t *pl__links(const struct pl__call *call, const char *path, ...) {
    struct pl_buffer out;
    va_list args;
    pl_buffer_init(&out, PL__PATH);
    va_start(args, path);
    put_path(&out, call, path, args);
    va_end(args);
    json_t *links = json_pack("[{s:s, s:s}]", "rel", "self", "href", pl_buffer_failed(&out) ? "" : out.data);
    pl_buffer_fini(&out);
    return links;
}

/* ---- Answers ---- */

static void answer_bytes(struct pl__call *call, unsigned status, const char *text, const char *location) {
    struct pl_http_reply reply;
    pl__answer_begin(call, &reply, status, json_media);
    if (text)
        pl_buffer_puts(&reply.body, text);
    else
        reply.body.failed = true;
    if (location) pl_http_reply_header(&reply, "location", location);
    pl__answer_reply(call, &reply);
}

void pl__answer_json(struct pl__call *call, unsigned status, json_t *value, const char *location) {
    char *text = value ? json_dumps(value, JSON_COMPACT | JSON_REAL_PRECISION(15)) : NULL;
    json_decref(value);
    answer_bytes(call, status, text, location);
    free(text);
}

void pl__answer_text(struct pl__call *call, unsigned status, char *text, const char *location) {
    answer_bytes(call, status, text, location);
    pl_free(text);
}

void pl__answer_gone(struct pl__call *call) {
    struct pl_http_reply reply;
    pl__answer_begin(call, &reply, PL__NO_CONTENT, NULL);
    pl__answer_reply(call, &reply);
}

/* ---- Rows ---- */

/* The text of a column of a row, in place; NULL: it has none. */
static const char *column_of(const uint8_t *row, size_t size, const char *name, size_t *length) {
    const char *text;
    return pl_unpack_text(row, size, name, &text, length) ? text : NULL;
}

/* The collection's path without the parts that only some routes have: "alarms/{alarm}/ack" -> "alarms". */
static size_t collection_of(const char *path) {
    return strcspn(path, "/");
}

static void put_links(struct pl_buffer *out, const struct pl__call *call, const char *key, size_t length) {
    char id[PL_REST_SEGMENT], collection[PL_REST_SEGMENT], href[PL__PATH];
    snprintf(id, sizeof id, "%.*s", (int)length, key);
    snprintf(collection, sizeof collection, "%.*s", (int)collection_of(call->route->path), call->route->path);
    pl__href(call, href, "%s/%s", collection, id);
    pl_buffer_puts(out, ",\"links\":[{\"rel\":\"self\",\"href\":\"");
    pl_buffer_puts(out, href);
    pl_buffer_puts(out, "\"}]");
}

/* One row with the links of its resource, if it is one. */
static void put_row(struct pl_buffer *out, const struct pl__call *call, const uint8_t *row, size_t size) {
    char *json = pl_pack_json(row, size);
    size_t length = json ? strlen(json) : 0, key_length = 0;
    const char *key = call->route->key ? column_of(row, size, call->route->key, &key_length) : NULL;
    if (!json) {
        out->failed = true;
    } else if (key && length > 2) {
        pl_buffer_put(out, json, length - 1);
        put_links(out, call, key, key_length);
        pl_buffer_putc(out, '}');
    } else {
        pl_buffer_put(out, json, length);
    }
    pl_free(json);
}

/* The path as it stands in a link: as it was asked for, but in its one form. */
static void put_asked(struct pl_buffer *out, const char *path) {
    for (; *path; path++) {
        if (*path == '/')
            pl_buffer_putc(out, '/');
        else
            put_segment(out, (char[]){*path, 0});
    }
}

/* The arguments again, and the cursor of the next page. */
static void put_page_link(struct pl_http_reply *reply, const struct pl__call *call) {
    struct pl_buffer link;
    pl_buffer_init(&link, PL__PATH + 2048);
    char *sealed = pl_base64url(call->next, call->next_size);
    pl_buffer_putc(&link, '<');
    put_asked(&link, call->request->path);
    pl_buffer_putc(&link, '?');
    for (unsigned i = 0; i < call->request->arguments; i++) {
        const char *argument = call->request->argument[i], *value = strchr(argument, '=');
        if (strncmp(argument, "cursor=", strlen("cursor=")) == 0) continue;
        pl_buffer_put(&link, argument, value ? (size_t)(value - argument) : strlen(argument)); /* a name of the table */
        pl_buffer_putc(&link, '=');
        put_segment(&link, value ? value + 1 : "");
        pl_buffer_putc(&link, '&');
    }
    pl_buffer_printf(&link, "cursor=%s>; rel=\"next\"", sealed ? sealed : "");
    pl_buffer_putc(&link, 0);
    if (sealed && !pl_buffer_failed(&link)) pl_http_reply_header(reply, "link", link.data);
    pl_buffer_fini(&link);
    pl_free(sealed);
}

void pl__answer_list(struct pl__call *call, json_t *page, bool more) {
    struct pl_http_reply reply;
    char *text = page ? json_dumps(page, JSON_COMPACT | JSON_REAL_PRECISION(15)) : NULL;
    if (more) pl__next_offset(call, call->offset + json_array_size(page));
    json_decref(page);
    pl__answer_begin(call, &reply, PL__OK, json_media);
    if (call->next_size) put_page_link(&reply, call);
    if (text)
        pl_buffer_puts(&reply.body, text);
    else
        reply.body.failed = true;
    free(text);
    pl__answer_reply(call, &reply);
}

/* The rows that are given are the page. */
void pl__answer_rows(struct pl__call *call, const void *rows, size_t size, uint32_t count) {
    struct pl_http_reply reply;
    struct pl_unpack in;
    pl__answer_begin(call, &reply, PL__OK, json_media);
    if (call->next_size) put_page_link(&reply, call);
    pl_unpack_init(&in, rows, size);
    pl_buffer_putc(&reply.body, '[');
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *row = in.at;
        if (!pl_unpack_skip(&in)) reply.body.failed = true;
        if (i) pl_buffer_putc(&reply.body, ',');
        put_row(&reply.body, call, row, (size_t)(in.at - row));
    }
    pl_buffer_putc(&reply.body, ']');
    pl__answer_reply(call, &reply);
}

/* ---- What a command has told, by the route ---- */

/* `number` 0: the rows are the call's own, and are kept when there is another page. */
void pl__answer_kept(struct pl__call *call, const struct pl__result *result, uint64_t number) {
    struct pl_unpack in;
    uint32_t at = 0;
    pl_unpack_init(&in, result->rows, result->size);
    while (at < call->offset && at < result->count && pl_unpack_skip(&in))
        at++;
    const uint8_t *first = in.at;
    uint32_t count = 0;
    while (count < call->limit && at + count < result->count && pl_unpack_skip(&in))
        count++;
    size_t size = (size_t)(in.at - first);
    if (at + count < result->count) {
        if (number)
            pl__next_kept(call, number, at + count);
        else
            pl__pages_keep(call, at + count);
    }
    pl__answer_rows(call, first, size, count);
}

/* The first row, or the one whose key is the first value of the path. */
static bool find_row(const struct pl__call *call, const uint8_t **row, size_t *size) {
    struct pl_unpack in;
    const char *wanted = call->match.value[0];
    pl_unpack_init(&in, call->result.rows, call->result.size);
    for (uint32_t i = 0; i < call->result.count; i++) {
        size_t length = 0;
        *row = in.at;
        if (!pl_unpack_skip(&in)) return false;
        *size = (size_t)(in.at - *row);
        if (call->route->answer != PL_REST_ROW) return true;
        const char *key = column_of(*row, *size, call->route->key, &length);
        if (key && strlen(wanted) == length && memcmp(key, wanted, length) == 0) return true;
    }
    return false;
}

static void answer_row(struct pl__call *call) {
    struct pl_http_reply reply;
    const uint8_t *row;
    size_t size;
    if (!find_row(call, &row, &size)) {
        pl__complain(call, PL__NOT_FOUND, "There is no such resource.");
        return;
    }
    pl__answer_begin(call, &reply, PL__OK, json_media);
    put_row(&reply.body, call, row, size);
    pl__answer_reply(call, &reply);
}

static void answer_text_row(struct pl__call *call) {
    struct pl_http_reply reply;
    const uint8_t *row;
    size_t size, length = 0;
    const char *text = find_row(call, &row, &size) ? column_of(row, size, call->route->key, &length) : NULL;
    pl__answer_begin(call, &reply, PL__OK, "text/plain; charset=utf-8");
    pl_buffer_put(&reply.body, text ? text : "", length);
    pl__answer_reply(call, &reply);
}

static void put_text(struct pl_buffer *out, const char *text) {
    char *room = pl_alloc(PL_JSON_STRING_ROOM(strlen(text)));
    if (room) pl_buffer_put(out, room, (size_t)(pl_json_put_string(room, text, strlen(text)) - room));
    if (!room) out->failed = true;
    pl_free(room);
}

static void put_results(struct pl_buffer *out, const struct pl__result *result) {
    struct pl_unpack in;
    pl_unpack_init(&in, result->rows, result->size);
    pl_buffer_puts(out, ",\"results\":[");
    for (uint32_t i = 0; i < result->count; i++) {
        const uint8_t *row = in.at;
        if (!pl_unpack_skip(&in)) out->failed = true;
        char *json = pl_pack_json(row, (size_t)(in.at - row));
        if (i) pl_buffer_putc(out, ',');
        pl_buffer_puts(out, json ? json : "null");
        pl_free(json);
    }
    pl_buffer_puts(out, "]");
}

/* {"status": "done", "results": [...]}, and of what is new its id and place. */
static void answer_done(struct pl__call *call, unsigned status, const char *word) {
    struct pl_http_reply reply;
    char moment[40], href[PL__PATH], collection[PL_REST_SEGMENT];
    const char *id = call->route->key ? pl__call_text(call, call->route->key) : NULL;
    snprintf(collection, sizeof collection, "%.*s", (int)collection_of(call->route->path), call->route->path);
    pl__moment(pl__rest_now(call->rest), moment);
    pl__answer_begin(call, &reply, status, json_media);
    pl_buffer_putc(&reply.body, '{');
    if (id) {
        pl_buffer_puts(&reply.body, "\"id\":");
        put_text(&reply.body, id);
        pl_buffer_putc(&reply.body, ',');
    }
    pl_buffer_printf(&reply.body, "\"status\":\"%s\"", word);
    if (status == PL__CREATED) pl_buffer_printf(&reply.body, ",\"creationTimestamp\":\"%s\"", moment);
    put_results(&reply.body, &call->result);
    if (id) put_links(&reply.body, call, id, strlen(id));
    pl__href(call, href, "%s/%s", collection, id ? id : "");
    if (id && status == PL__CREATED) pl_http_reply_header(&reply, "location", href);
    pl_buffer_putc(&reply.body, '}');
    pl__answer_reply(call, &reply);
}

void pl__call_told(struct pl__call *call) {
    switch (call->route->answer) {
    case PL_REST_ROWS: pl__answer_kept(call, &call->result, 0); break;
    case PL_REST_ROW:
    case PL_REST_FIRST: answer_row(call); break;
    case PL_REST_TEXT_ROW: answer_text_row(call); break;
    case PL_REST_CREATED: answer_done(call, PL__CREATED, "created"); break;
    case PL_REST_ACCEPTED: answer_done(call, PL__ACCEPTED, "accepted"); break;
    case PL_REST_GONE: pl__answer_gone(call); break;
    default: answer_done(call, PL__OK, "done");
    }
}
