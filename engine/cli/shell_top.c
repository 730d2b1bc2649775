/* `top`: the nodes by load, on a screen of its own, from the difference between two looks. */
#include <inttypes.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/text.h>

#include "base/clock.h"
#include "shell.h"
#include "shell_shown.h"
#include "shell_top_plant.h"

enum { NODES_MAX = 2000, NAME_MAX_ = 64, PICTURE_MAX = 4 << 20, LEAST_FOR_ALARMS = 16 /* rows */ };

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
    char sort; /* b: busy, i: rows in, q is the end, l: lag, u: queue, n: name */
    struct pl_top_plant plant;
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

static void put_number(struct pl_buffer *out, unsigned width, int decimals, double value) {
    pl_buffer_printf(out, "%*.*f", (int)width, decimals, value);
}

static void put_bar(struct pl_buffer *out, unsigned width, double share) {
    if (share > 1) share = 1;
    if (!(share > 0)) share = 0;
    unsigned full = (unsigned)(share * width + 0.5);
    for (unsigned i = 0; i < width; i++)
        pl_buffer_puts(out, i < full ? "█" : "·");
}

static void put_name(struct pl_buffer *out, unsigned width, const struct node *node) {
    pl_shown_fit(out, node->name, width, false);
}

static void put_op(struct pl_buffer *out, unsigned width, const struct node *node) {
    pl_shown_fit(out, node->op, width, false);
}

static void put_state(struct pl_buffer *out, unsigned width, const struct node *node) {
    bool colour = pl_shell_style().colour;
    if (colour) pl_buffer_puts(out, pl_tone_on(pl_tone_of("state", node->state)));
    pl_shown_fit(out, node->state, width, false);
    if (colour) pl_buffer_puts(out, PL_TONE_OFF);
}

static void put_busy(struct pl_buffer *out, unsigned width, const struct node *node) {
    put_number(out, width, 1, node->busy * 100);
}

static void put_busy_bar(struct pl_buffer *out, unsigned width, const struct node *node) {
    put_bar(out, width, node->busy);
}

static void put_in(struct pl_buffer *out, unsigned width, const struct node *node) {
    put_number(out, width, 0, node->in);
}

static void put_out(struct pl_buffer *out, unsigned width, const struct node *node) {
    put_number(out, width, 0, node->out);
}

static void put_queue(struct pl_buffer *out, unsigned width, const struct node *node) {
    put_bar(out, width, node->queue_limit > 0 ? node->queue / node->queue_limit : 0);
}

static void put_lag(struct pl_buffer *out, unsigned width, const struct node *node) {
    put_number(out, width, 2, node->lag_ms);
}

static void put_blocked(struct pl_buffer *out, unsigned width, const struct node *node) {
    put_number(out, width, 1, node->blocked * 100);
}

static void put_behind(struct pl_buffer *out, unsigned width, const struct node *node) {
    enum { DAY = 24 * 60 * 60 };
    char days[64];
    snprintf(days, sizeof days, "%.0f d", node->watermark_lag_s / DAY);
    if (node->watermark_lag_s >= DAY)
        pl_shown_fit(out, days, width, true); /* old data: seconds say nothing */
    else if (node->watermark_lag_s >= 0)
        put_number(out, width, 1, node->watermark_lag_s);
    else
        pl_shown_fit(out, "-", width, true);
}

struct column {
    const char *heading;
    unsigned width;
    unsigned rank; /* on a narrow terminal the highest goes first; 0: never */
    bool right;
    void (*put)(struct pl_buffer *out, unsigned width, const struct node *node);
};

static const struct column columns[] = {
    {"node", 20, 0, false, put_name},  {"op", 16, 8, false, put_op},          {"state", 8, 1, false, put_state},
    {"busy%", 5, 0, true, put_busy},   {"", 10, 9, false, put_busy_bar},      {"in/s", 9, 0, true, put_in},
    {"out/s", 9, 2, true, put_out},    {"queue", 10, 6, false, put_queue},    {"p99 ms", 8, 3, true, put_lag},
    {"blk%", 5, 7, true, put_blocked}, {"behind s", 10, 4, true, put_behind},
};

enum { COLUMNS = PL_COUNT_OF(columns), LEAST_NAME = 4 };

/* How wide each is; 0: it is left out. */
static unsigned total_of(const unsigned *widths) {
    unsigned total = 0;
    for (unsigned i = 0; i < COLUMNS; i++)
        total += widths[i] ? widths[i] + (total > 0) : 0;
    return total;
}

/* The least important columns give way first, the names of nodes last; they take what room is left. */
static void fit(const struct look *look, unsigned width, unsigned *widths) {
    unsigned longest = 0;
    for (unsigned i = 0; i < COLUMNS; i++)
        widths[i] = columns[i].width;
    if (!width) return;
    while (total_of(widths) > width) {
        unsigned worst = 0;
        for (unsigned i = 1; i < COLUMNS; i++)
            if (widths[i] && columns[i].rank > columns[worst].rank) worst = i;
        if (!worst) break;
        widths[worst] = 0;
    }
    while (total_of(widths) > width && widths[0] > LEAST_NAME)
        widths[0]--;
    for (unsigned i = 0; i < look->count; i++) {
        unsigned name = pl_shown_width(look->nodes[i].name, strlen(look->nodes[i].name));
        if (name > longest) longest = name;
    }
    while (total_of(widths) < width && widths[0] < longest)
        widths[0]++;
}

/* `node` NULL: the headings. */
static void put_line(struct pl_buffer *out, const unsigned *widths, const struct node *node) {
    bool first = true;
    for (unsigned i = 0; i < COLUMNS; i++) {
        if (!widths[i]) continue;
        if (!first) pl_buffer_putc(out, ' ');
        first = false;
        if (node)
            columns[i].put(out, widths[i], node);
        else
            pl_shown_fit(out, columns[i].heading, widths[i], columns[i].right);
    }
}

static void put_cut(struct pl_buffer *out, const char *text, unsigned width) {
    unsigned wide = pl_shown_width(text, strlen(text));
    pl_shown_fit(out, text, width && wide > width ? width : wide, false);
    pl_buffer_putc(out, '\n');
}

static void put_head(struct pl_buffer *out, const struct top *top, const struct pl_grid_style *style) {
    char text[128];
    double in = 0;
    int used;
    for (unsigned i = 0; i < top->now->count; i++)
        if (top->now->nodes[i].rows_in == 0) in += top->now->nodes[i].out; /* sources */
    used = snprintf(text, sizeof text, "%u nodes, %.0f rows/s from sources", top->now->count, in);
    if (top->plant.alarms)
        snprintf(text + used, sizeof text - (size_t)used, ", %u alarms want attention", top->plant.attention);
    bool red = top->plant.alarms && top->plant.attention && style->colour;
    if (red) pl_buffer_puts(out, pl_tone_on(PL_TONE_BAD));
    put_cut(out, text, style->width);
    if (red) pl_buffer_puts(out, PL_TONE_OFF);
    if (*top->plant.figures) put_cut(out, top->plant.figures, style->width);
    for (unsigned i = 0; i < top->plant.urgents; i++)
        put_cut(out, top->plant.urgent[i], style->width);
    put_cut(out, "sort: b busy, i rows, l lag, u queue, n name; q ends", style->width);
    pl_buffer_putc(out, '\n');
}

static void draw(struct top *top) {
    unsigned head = 4 + top->plant.urgents + (*top->plant.figures != 0);
    struct pl_buffer out;
    struct pl_grid_style style = pl_shell_style();
    unsigned widths[COLUMNS], count = top->now->count, rows = top->screen.on ? pl_screen_rows() : UINT_MAX;
    unsigned room = rows > head + 1 ? rows - head : 1, shown = count > room ? room - 1 : count;
    pl_buffer_init(&out, PICTURE_MAX);
    put_head(&out, top, &style);
    fit(top->now, style.width, widths);
    if (style.colour) pl_buffer_puts(&out, PL_TONE_BOLD);
    put_line(&out, widths, NULL);
    if (style.colour) pl_buffer_puts(&out, PL_TONE_OFF);
    sort_by = top->sort;
    qsort(top->now->nodes, count, sizeof *top->now->nodes, by_weight);
    for (unsigned i = 0; i < shown; i++) {
        pl_buffer_putc(&out, '\n');
        put_line(&out, widths, &top->now->nodes[i]);
    }
    if (shown < count) pl_buffer_printf(&out, "\n%u more nodes", count - shown);
    if (!top->screen.on) pl_buffer_putc(&out, '\n');
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
    pl_top_plant_see(top->shell, &top->plant);
    if (top->screen.on && pl_screen_rows() < LEAST_FOR_ALARMS) top->plant.urgents = 0;
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
