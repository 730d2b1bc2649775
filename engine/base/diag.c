#include <potline/diag.h>

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <potline/operator.h>
#include <potline/text.h>

#include "base/clock.h"
#include "base/utf8.h"

/* A message is put together on the stack and leaves in one write, so that lines of several threads do not mix. */
enum { TEXT_MAX = 2048, LINE_MAX_ = TEXT_MAX * PL_JSON_GROWTH + 2 * 256 * PL_JSON_GROWTH + 256 };

static const char *const level_names[] = {"error", "warn", "info", "debug"};
static const char *const level_colours[] = {"\033[31m", "\033[33m", "", "\033[2m"};

static atomic_int least_level = PL_INFO;
static atomic_bool as_json;

void pl_diag_setup(enum pl_level least, bool json) {
    atomic_store_explicit(&least_level, (int)least, memory_order_relaxed);
    atomic_store_explicit(&as_json, json, memory_order_relaxed);
}

struct message {
    enum pl_level level;
    const char *node; /* NULL: not from a node */
    unsigned partition;
    uint32_t left_out;
    pl_time time;
    char text[TEXT_MAX];
    size_t length;
};

/* Does this call get its turn? The first in a second does, and learns how many before it did not. */
static bool site_admit(struct pl_diag_site *site, uint32_t *left_out) {
    int64_t now = pl_clock_monotonic();
    int64_t next = __atomic_load_n(&site->next, __ATOMIC_RELAXED);
    if ((next && now < next) ||
        !__atomic_compare_exchange_n(&site->next, &next, now + PL_SECOND, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
        __atomic_fetch_add(&site->left_out, 1, __ATOMIC_RELAXED);
        return false;
    }
    *left_out = __atomic_exchange_n(&site->left_out, 0, __ATOMIC_RELAXED);
    return true;
}

static void PL_PRINTF(2, 0) message_format(struct message *message, const char *format, va_list args) {
    static const char more[] = "...";
    int length = vsnprintf(message->text, sizeof message->text, format, args);
    message->length = length < 0 ? 0 : (size_t)length;
    if (message->length < sizeof message->text) return;
    message->length = pl_utf8_cut(message->text, sizeof message->text - sizeof more);
    memcpy(message->text + message->length, more, sizeof more);
    message->length += sizeof more - 1;
}

static char *put(char *at, const char *text) {
    size_t length = strlen(text);
    memcpy(at, text, length);
    return at + length;
}

static char *put_json(const struct message *m, char *at) {
    at = pl_text_put_time(put(at, "{\"time\":\""), m->time);
    at = put(put(at, "\",\"level\":\""), level_names[m->level]);
    if (m->node) {
        at = pl_json_escape(put(at, "\",\"node\":\""), m->node, strnlen(m->node, 255));
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

static bool coloured(void) {
    const char *refused = getenv("NO_COLOR");
    return !(refused && *refused) && isatty(STDERR_FILENO);
}

static char *put_text(const struct message *m, char *at) {
    const char *colour = coloured() ? level_colours[m->level] : "";
    at = put(pl_text_put_time(at, m->time), " ");
    at = put(put(at, colour), level_names[m->level]);
    at = put(at, *colour ? "\033[0m " : " ");
    if (m->node) {
        at = put_plain(at, m->node, strnlen(m->node, 255));
        at = pl_text_put_int(put(at, "/"), m->partition);
        at = put(at, ": ");
    }
    at = put_plain(at, m->text, m->length);
    if (m->left_out) at = put(pl_text_put_int(put(at, " (left out "), m->left_out), ")");
    return put(at, "\n");
}

static void write_all(const char *at, const char *end) {
    while (at < end) {
        ssize_t written = write(STDERR_FILENO, at, (size_t)(end - at));
        if (written > 0)
            at += written;
        else if (written < 0 && errno != EINTR)
            return; /* nowhere left to say it */
    }
}

void pl_diag_write(struct pl_diag_site *site, const struct pl_node *node, enum pl_level level, const char *format,
                   ...) {
    if ((int)level > atomic_load_explicit(&least_level, memory_order_relaxed)) return;
    int kept_errno = errno;
    struct message message = {.level = level};
    if (!site_admit(site, &message.left_out)) return;
    struct pl_clock wall;
    pl_clock_init(&wall, PL_CLOCK_WALL, 0);
    message.time = pl_clock_now(&wall) / PL_MILLISECOND * PL_MILLISECOND;
    if (node) {
        message.node = pl_node_name(node);
        message.partition = pl_node_partition(node);
    }
    va_list args;
    va_start(args, format);
    message_format(&message, format, args);
    va_end(args);
    char line[LINE_MAX_];
    char *end =
        atomic_load_explicit(&as_json, memory_order_relaxed) ? put_json(&message, line) : put_text(&message, line);
    write_all(line, end);
    errno = kept_errno;
}
