/* unsound.c: a plugin for tests: an operator that hands rows on, and ends its process in one way or another at a row.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <potline/operator.h>
#include <potline/plugin.h>

enum how { SEGFAULT, ABORT, EXIT, HANG, NOISE, FAIL };
static const char *const hows[] = {"segfault", "abort", "exit", "hang", "noise", "fail", NULL};

struct unsound {
    uint32_t how;
    int64_t row;       /* which one, counted from 1 by this node in all of its life */
    int64_t times;     /* it does it so often, as `marks` counts; then it is sound */
    const char *marks; /* a file that grows by a byte each time */
    int64_t limit;     /* a live option */
};

struct counted {
    int64_t rows;
};

enum { TABLE_ROWS = 0, COUNT_ROWS = 0 };

static const struct pl_option unsound_options[] = {
    PL_OPT_CHOICE(struct unsound, how, "how", "segfault", hows, PL_FIXED, "How it ends."),
    PL_OPT_INT(struct unsound, row, "row", "0", "0", NULL, PL_FIXED, "At which row; 0: at none."),
    PL_OPT_INT(struct unsound, times, "times", "1", "0", NULL, PL_FIXED, "How often."),
    PL_OPT_STRING(struct unsound, marks, "marks", "", PL_FIXED, "The file that counts."),
    PL_OPT_INT(struct unsound, limit, "limit", "0", "0", NULL, PL_LIVE, "Changes nothing."),
    PL_OPT_END,
};

static bool is_due(const struct unsound *u) {
    struct stat status;
    int64_t done = stat(u->marks, &status) ? 0 : status.st_size;
    if (done >= u->times) return false;
    int file = open(u->marks, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    bool marked = file >= 0 && write(file, "x", 1) == 1;
    if (file >= 0) close(file);
    return marked;
}

static enum pl_flow end_it(const struct unsound *u, struct pl_node *node) {
    fputs("as it was told, it ends\n", stderr);
    switch ((enum how)u->how) {
    case SEGFAULT: raise(SIGSEGV); break;
    case ABORT: abort();
    case EXIT: _exit(7);
    case HANG:
        for (;;)
            pause();
    case NOISE: fputs("\xff\x01 noise\n", stderr); break;
    case FAIL: return pl_fail(node, "it was told to fail");
    }
    return PL_FLOW_OK;
}

static enum pl_flow unsound_process(void *self, struct pl_node *node, unsigned input, struct pl_batch *batch) {
    struct unsound *u = self;
    (void)input;
    struct counted *counted = pl_table_get(pl_node_table(node, TABLE_ROWS), 0, 0);
    if (!counted) return pl_fail(node, "no memory");
    int64_t before = counted->rows;
    counted->rows += batch->rows;
    pl_count(node, COUNT_ROWS, batch->rows);
    enum pl_flow flow = PL_FLOW_OK;
    if (u->row > before && u->row <= counted->rows && is_due(u)) flow = end_it(u, node);
    if (flow == PL_FLOW_OK) return pl_emit(node, 0, &batch);
    pl_batch_unref(batch);
    return flow;
}

static const struct pl_operator unsound = {
    PL_OPERATOR("unsound", "Ends its process at a row."),
    .inputs = PL_PORTS({.name = "in", .kinds = PL_SET_ALL, .doc = "Anything."}),
    .outputs = PL_PORTS({.name = "out", .kinds = PL_SET_ALL, .gives = PL_PORT_SAME, .doc = "The same."}),
    .options = unsound_options,
    .counters = PL_COUNTERS({"rows", "rows", "Rows seen."}),
    .tables = PL_TABLES({.name = "rows", .version = 1, .record_size = sizeof(struct counted), .doc = "How many."}),
    .scope = PL_GLOBAL,
    .instance_size = sizeof(struct unsound),
    .process = unsound_process,
};

PL_PLUGIN(unsound, "1", &unsound)
