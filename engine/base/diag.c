#include <potline/diag.h>

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <potline/operator.h>
#include <potline/text.h>

#include "base/clock.h"
#include "base/message.h"

static atomic_int least_level = PL_INFO;
static atomic_bool as_json;
static atomic_bool progress_shown;
static atomic_bool marked;

void pl_diag_setup(enum pl_level least, bool json) {
    atomic_store_explicit(&least_level, (int)least, memory_order_relaxed);
    atomic_store_explicit(&as_json, json, memory_order_relaxed);
}

void pl__diag_progress(bool shown) {
    atomic_store_explicit(&progress_shown, shown, memory_order_relaxed);
}

bool pl__diag_json(void) {
    return atomic_load_explicit(&as_json, memory_order_relaxed);
}

enum pl_level pl__diag_least(void) {
    return (enum pl_level)atomic_load_explicit(&least_level, memory_order_relaxed);
}

void pl__diag_mark_lines(void) {
    atomic_store_explicit(&marked, true, memory_order_relaxed);
}

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

static void PL_PRINTF(2, 0) message_format(struct pl__message *message, const char *format, va_list args) {
    static const char more[] = "...";
    int length = vsnprintf(message->text, sizeof message->text, format, args);
    message->length = length < 0 ? 0 : (size_t)length;
    if (message->length < sizeof message->text) return;
    message->length = pl_text_cut(message->text, sizeof message->text - sizeof more);
    memcpy(message->text + message->length, more, sizeof more);
    message->length += sizeof more - 1;
}

static bool coloured(void) {
    const char *refused = getenv("NO_COLOR");
    return !(refused && *refused) && isatty(STDERR_FILENO);
}

static void write_all(const char *at, const char *end) {
    while (at < end) {
        ssize_t written = write(STDERR_FILENO, at, (size_t)(end - at));
        if (written > 0)
            at += written;
        else if (written == 0 || errno != EINTR)
            return; /* nowhere left to say it */
    }
}

static const char clear[] = "\r\033[K";

static char *clear_progress(char *line) {
    return atomic_exchange_explicit(&progress_shown, false, memory_order_relaxed) ? stpcpy(line, clear) : line;
}

void pl__diag_pass_on(const char *text) {
    char line[PL__LINE_MAX + sizeof clear];
    size_t length = strnlen(text, PL__LINE_MAX - 1);
    char *begin = clear_progress(line);
    memcpy(begin, text, length);
    begin[length] = '\n';
    write_all(line, begin + length + 1);
}

void pl_diag_write(struct pl_diag_site *site, const struct pl_node *node, enum pl_level level, const char *format,
                   ...) {
    if ((int)level > atomic_load_explicit(&least_level, memory_order_relaxed)) return;
    int kept_errno = errno;
    struct pl__message message = {.level = level};
    if (!site_admit(site, &message.left_out)) return;
    struct pl_clock wall;
    pl_clock_init(&wall, PL_CLOCK_WALL, 0);
    message.time = pl_clock_now(&wall) / PL_MILLISECOND * PL_MILLISECOND;
    if (node) {
        message.node = pl_node_label(node);
        message.partition = pl_node_partition(node);
    }
    va_list args;
    va_start(args, format);
    message_format(&message, format, args);
    va_end(args);
    bool json = atomic_load_explicit(&as_json, memory_order_relaxed);
    char line[PL__LINE_MAX + sizeof clear]; /* leaves in one write, so that the lines of several threads do not mix */
    char *begin = clear_progress(line);
    if (atomic_load_explicit(&marked, memory_order_relaxed)) *begin++ = PL__DIAG_MARK;
    char *end = pl__message_line(&message, json, !json && coloured(), begin);
    write_all(line, end);
    errno = kept_errno;
}
