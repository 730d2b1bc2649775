/* `top`: the nodes by load, on a screen of its own, from the difference between two looks. */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/text.h>

#include "base/clock.h"
#include "shell.h"
#include "shell_shown.h"

enum { NODES_MAX = 2000, NAME_MAX_ = 64, PICTURE_MAX = 4 << 20, BAR = 10, NAME_WIDTH = 20 };

struct node {
    char name[NAME_MAX_], op[NAME_MAX_], state[16];
    double partitions, rows_in, rows_out, busy_ms, blocked_ms, queue, queue_limit, lag_ms, watermark_lag_s;
    /* From two looks: */
    double busy, blocked, in, out; /* shares, and rows a second */
};

struct look {
    struct node nodes[NODES_MAX];
    unsigned count;
    int64_t at;
};

struct top {
    struct pl_shell *shell;
    pl_time every;
    struct pl_screen screen;
    struct look *now, *before;
    char sort;          /* b: busy, i: rows in, q is the end, l: lag, u: queue, n: name */
    unsigned attention; /* alarms that want somebody */
    bool alarms;        /* there is a list of alarms */
};

/* ---- Reading ---- */

struct field {
    const char *key;
    size_t offset;
    size_t size; /* of a text; 0: a number */
};

#define NUMBER(key, member)                                                                                            \
    { key, offsetof(struct node, member), 0 }
#define TEXT(key, member)                                                                                              \
    { key, offsetof(struct node, member), sizeof((struct node *)0)->member }

static const struct field fields[] = {
    TEXT("node", name),
    TEXT("op", op),
    TEXT("state", state),
    NUMBER("partitions", partitions),
    NUMBER("rows_in", rows_in),
    NUMBER("rows_out", rows_out),
    NUMBER("busy_ms", busy_ms),
    NUMBER("blocked_ms", blocked_ms),
    NUMBER("queue_batches", queue),
    NUMBER("queue_limit", queue_limit),
    NUMBER("lag_p99_ms", lag_ms),
    NUMBER("watermark_lag_s", watermark_lag_s),
};

static bool read_field(struct pl_unpack *in, const char *key, size_t length, struct node *node) {
    for (size_t i = 0; i < PL_COUNT_OF(fields); i++) {
        const struct field *field = &fields[i];
        char *at = (char *)node + field->offset;
        if (strlen(field->key) != length || memcmp(field->key, key, length) != 0) continue;
        struct pl_unpack before = *in;
        const char *text;
        size_t size;
        if (!field->size && pl_unpack_f64(in, (double *)(void *)at)) return true;
        if (field->size && pl_unpack_str(in, &text, &size)) {
            snprintf(at, field->size, "%.*s", (int)size, text);
            return true;
        }
        *in = before;
        break;
    }
    return pl_unpack_skip(in);
}

static bool read_look(struct look *look, const struct pl_answer *answer) {
    struct pl_unpack in;
    uint32_t rows, pairs;
    look->count = 0;
    look->at = pl_clock_monotonic();
    if (!answer->size) return true;
    pl_unpack_init(&in, answer->rows, answer->size);
    if (!pl_unpack_array(&in, &rows)) return false;
    for (; look->count < rows && look->count < NODES_MAX; look->count++) {
        struct node *node = &look->nodes[look->count];
        *node = (struct node){.watermark_lag_s = -1};
        if (!pl_unpack_map(&in, &pairs)) return false;
        while (pairs--) {
            const char *key;
            size_t length;
            if (!pl_unpack_str(&in, &key, &length) || !read_field(&in, key, length, node)) return false;
        }
    }
    return true;
}

static const struct node *same_before(const struct look *before, const char *name) {
    for (unsigned i = 0; i < before->count; i++)
        if (strcmp(before->nodes[i].name, name) == 0) return &before->nodes[i];
    return NULL;
}

static void compare(struct look *now, const struct look *before) {
    double seconds = (double)(now->at - before->at) * 1e-9;
    for (unsigned i = 0; i < now->count; i++) {
        struct node *node = &now->nodes[i];
        const struct node *old = same_before(before, node->name);
        if (!old || seconds <= 0) continue;
        double share = seconds * 1000 * (node->partitions > 1 ? node->partitions : 1);
        node->busy = (node->busy_ms - old->busy_ms) / share;
        node->blocked = (node->blocked_ms - old->blocked_ms) / share;
        node->in = (node->rows_in - old->rows_in) / seconds;
        node->out = (node->rows_out - old->rows_out) / seconds;
    }
}

/* ---- Drawing ---- */

static _Thread_local char sort_by;

static double weight(const struct node *node) {
    switch (sort_by) {
    case 'i': return node->in > node->out ? node->in : node->out;
    case 'l': return node->lag_ms;
    case 'u': return node->queue_limit > 0 ? node->queue / node->queue_limit : 0;
    default: return node->busy;
    }
}

static int by_weight(const void *a, const void *b) {
    double x = weight(a), y = weight(b);
    if (sort_by == 'n' || x == y) return strcmp(((const struct node *)a)->name, ((const struct node *)b)->name);
    return x < y ? 1 : -1;
}

static void put_bar(struct pl_buffer *out, double share) {
    if (share > 1) share = 1;
    if (!(share > 0)) share = 0;
    int full = (int)(share * BAR + 0.5);
    for (int i = 0; i < BAR; i++)
        pl_buffer_puts(out, i < full ? "█" : "·");
}

static void put_node(struct pl_buffer *out, const struct node *node, const struct pl_grid_style *style) {
    enum pl_tone tone = pl_tone_of("state", node->state);
    char lag[32] = "-";
    pl_shown_fit(out, node->name, NAME_WIDTH, false);
    pl_buffer_putc(out, ' ');
    pl_shown_fit(out, node->op, 16, false);
    pl_buffer_printf(out, " %s", style->colour ? pl_tone_on(tone) : "");
    pl_shown_fit(out, node->state, 8, false);
    pl_buffer_printf(out, "%s %5.1f ", style->colour ? PL_TONE_OFF : "", node->busy * 100);
    put_bar(out, node->busy);
    if (node->watermark_lag_s >= 0) snprintf(lag, sizeof lag, "%.1f", node->watermark_lag_s);
    pl_buffer_printf(out, " %9.0f %9.0f ", node->in, node->out);
    put_bar(out, node->queue_limit > 0 ? node->queue / node->queue_limit : 0);
    pl_buffer_printf(out, " %8.2f %5.1f %10s\n", node->lag_ms, node->blocked * 100, lag);
}

static void draw(struct top *top) {
    struct pl_buffer out;
    struct pl_grid_style style = pl_shell_style();
    double in = 0;
    pl_buffer_init(&out, PICTURE_MAX);
    for (unsigned i = 0; i < top->now->count; i++)
        if (top->now->nodes[i].rows_in == 0) in += top->now->nodes[i].out; /* sources */
    pl_buffer_printf(&out, "%u nodes, %.0f rows/s from sources", top->now->count, in);
    if (top->alarms) {
        bool red = top->attention && style.colour;
        pl_buffer_printf(&out, ", %s%u alarms%s want attention", red ? pl_tone_on(PL_TONE_BAD) : "", top->attention,
                         red ? PL_TONE_OFF : "");
    }
    pl_buffer_puts(&out, "\nsort: b busy, i rows, l lag, u queue, n name; q ends\n\n");
    if (style.colour) pl_buffer_puts(&out, PL_TONE_BOLD);
    pl_buffer_printf(&out, "%-20s %-16s %-8s %5s %-10s %9s %9s %-10s %8s %5s %10s\n", "node", "op", "state", "busy%",
                     "", "in/s", "out/s", "queue", "p99 ms", "blk%", "behind s");
    if (style.colour) pl_buffer_puts(&out, PL_TONE_OFF);
    sort_by = top->sort;
    qsort(top->now->nodes, top->now->count, sizeof *top->now->nodes, by_weight);
    for (unsigned i = 0; i < top->now->count; i++)
        put_node(&out, &top->now->nodes[i], &style);
    pl_screen_draw(&top->screen, &out);
    pl_buffer_fini(&out);
}

/* ---- Running ---- */

static bool ask(struct top *top, const char *const *words, unsigned count, struct pl_answer *answer) {
    struct pl_error *error = NULL;
    bool good = pl_shell_ready(top->shell, &error) == PL_OK &&
                pl_shell_ask(top->shell, &(struct pl_ask){.words = words, .count = count}, answer, &error) == PL_OK;
    pl_error_free(&error);
    return good;
}

static void count_alarms(struct top *top) {
    struct pl_answer answer;
    unsigned used;
    const char *const words[] = {"alarms", "list"};
    top->alarms = pl_manual_find(&top->shell->manual, words, 2, &used) && used == 2;
    if (!top->alarms || !ask(top, words, 2, &answer)) return;
    top->attention = answer.status == PL_ANSWER_OK ? answer.count : 0;
    pl_answer_fini(&answer);
}

static bool look(struct top *top) {
    struct pl_answer answer;
    const char *const words[] = {"nodes"};
    if (!ask(top, words, 1, &answer)) return !top->shell->interrupted;
    struct look *old = top->before;
    top->before = top->now;
    top->now = old;
    bool good = answer.status == PL_ANSWER_OK && read_look(top->now, &answer);
    if (!good) {
        pl_screen_leave(&top->screen);
        pl_shell_print_error(top->shell, &answer);
    }
    pl_answer_fini(&answer);
    if (!good) return false;
    compare(top->now, top->before);
    count_alarms(top);
    draw(top);
    return true;
}

static bool wait_for_next(struct top *top, int64_t due) {
    for (;;) {
        struct pl_answer late;
        while (pl_client_receive(top->shell->client, &late))
            pl_answer_fini(&late);
        unsigned wake = pl_shell_wait(top->shell, top->screen.on, due);
        if (wake & (PL_WAKE_INTERRUPT | PL_WAKE_END)) return false;
        int key = wake & PL_WAKE_KEY ? pl_screen_key() : 0;
        if (key == 'q' || key < 0) return false;
        if (key && strchr("bilun", key)) top->sort = (char)key;
        if (key || wake & PL_WAKE_RESIZE) draw(top);
        if (pl_clock_monotonic() >= due) return true;
    }
}

bool pl_shell_top(struct pl_shell *shell, const struct pl_words *words) {
    struct top top = {
        .shell = shell, .every = PL_SECOND, .sort = 'b', .now = PL_NEW(struct look), .before = PL_NEW(struct look)};
    const char *span = words->count > 1 ? words->items[1].text : "1s";
    bool good = pl_text_duration(span, strlen(span), &top.every) && top.every > 0;
    if (!good) pl_shell_complain(shell, "\"%s\" is not a duration; write 2s", span);
    if (good && top.now && top.before) {
        pl_screen_enter(&top.screen);
        int64_t due;
        do
            due = pl_clock_monotonic() + top.every;
        while (look(&top) && wait_for_next(&top, due));
        pl_screen_leave(&top.screen);
    }
    pl_free(top.now);
    pl_free(top.before);
    return good;
}
