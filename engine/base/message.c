#include "base/message.h"

#include <string.h>

#include <potline/text.h>

#include "base/utf8.h"

static const char *const level_names[] = {"error", "warn", "info", "debug"};
static const char *const level_colours[] = {"\033[31m", "\033[33m", "", "\033[2m"};

static char *put(char *at, const char *text) {
    size_t length = strlen(text);
    memcpy(at, text, length);
    return at + length;
}

static char *put_json(const struct pl__message *m, char *at) {
    at = pl_text_put_time(put(at, "{\"time\":\""), m->time);
    at = put(put(at, "\",\"level\":\""), level_names[m->level]);
    if (m->node) {
        at = pl_json_escape(put(at, "\",\"node\":\""), m->node, strnlen(m->node, PL__NODE_MAX));
        at = pl_text_put_int(put(at, "\",\"partition\":"), m->partition);
        at = put(at, ",\"text\":\"");
    } else {
        at = put(at, "\",\"text\":\"");
    }
    at = put(pl_json_escape(at, m->text, m->length), "\"");
    if (m->left_out) at = pl_text_put_int(put(at, ",\"left_out\":"), m->left_out);
    return put(at, "}\n");
}

/* Control characters and broken UTF-8 may come from outside: they reach no terminal. */
static char *put_plain(char *at, const char *text, size_t length) {
    for (size_t i = 0; i < length;) {
        unsigned size = pl_utf8_next(text + i, length - i);
        if (size == 1 && ((unsigned char)text[i] < 0x20 || text[i] == 0x7F)) size = 0;
        if (size == 2 && (unsigned char)text[i] == 0xC2 && (unsigned char)text[i + 1] < 0xA0) size = 0;
        if (size)
            memcpy(at, text + i, size);
        else
            *at = text[i] == '\n' || text[i] == '\t' ? ' ' : '?';
        at += size ? size : 1;
        i += size ? size : 1;
    }
    return at;
}

static char *put_text(const struct pl__message *m, bool coloured, char *at) {
    const char *colour = coloured ? level_colours[m->level] : "";
    at = put(pl_text_put_time(at, m->time), " ");
    at = put(put(at, colour), level_names[m->level]);
    at = put(at, *colour ? "\033[0m " : " ");
    if (m->node) {
        at = put_plain(at, m->node, strnlen(m->node, PL__NODE_MAX));
        at = pl_text_put_int(put(at, "/"), m->partition);
        at = put(at, ": ");
    }
    at = put_plain(at, m->text, m->length);
    if (m->left_out) at = put(pl_text_put_int(put(at, " (and "), m->left_out), " more like this one)");
    return put(at, "\n");
}

char *pl__message_line(const struct pl__message *message, bool json, bool coloured, char *line) {
    return json ? put_json(message, line) : put_text(message, coloured, line);
}
