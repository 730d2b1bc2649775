#include "trial_read.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <potline/alloc.h>

#include "export_read.h"
#include "runtime/node.h"

/* ---- A file, by the source that reads such files ---- */

struct reading {
    struct pl_node node;
    struct pl__fed *fed;
    const struct pl_trial_input *input;
    bool no_memory;
};

static enum pl_flow take(struct pl_node *node, unsigned port, struct pl_batch *batch) {
    struct reading *reading = node->owner;
    const struct pl_trial_feed *feed = &reading->fed->of->graph->feeds[reading->input->feed];
    if (port != 0 || batch->kind != feed->kind) {
        pl_batch_unref(batch);
        return PL_FLOW_OK;
    }
    uint32_t rows = batch->rows, number = pl__fed_add_batch(reading->fed, batch);
    for (uint32_t row = 0; row < rows && number != UINT32_MAX; row++)
        if (!pl__fed_add_row(reading->fed, reading->input->feed, number, row)) number = UINT32_MAX;
    return number == UINT32_MAX ? pl_fail(node, "more rows than a case may have") : PL_FLOW_OK;
}

static bool wanted(const struct pl_node *node, unsigned port) {
    (void)node;
    return port == 0;
}

static void wake(struct pl_node *node) {
    uv_stop(((struct reading *)node->owner)->fed->loop);
}

static const struct pl_node_host host = {.emit = take, .wanted = wanted, .wake = wake};

static enum pl_code produce(struct reading *reading, struct pl_error **error) {
    for (;;) {
        enum pl_flow flow = pl_node_produce(&reading->node);
        if (flow == PL_FLOW_END) break;
        if (flow == PL_FLOW_FAIL || reading->node.failure)
            return pl_error_set(error, PL_UNAVAILABLE, "%s",
                                reading->node.failure ? reading->node.failure : reading->input->path);
        uv_run(reading->fed->loop, flow == PL_FLOW_WAIT ? UV_RUN_ONCE : UV_RUN_NOWAIT);
    }
    const struct pl_counter *counters = reading->input->op->counters;
    for (unsigned i = 0; counters && counters[i].name; i++)
        if (strcmp(counters[i].name, "malformed") == 0 && pl_node_counter(&reading->node, i) > 0)
            return pl_error_set(error, PL_SYNTAX, "%s: %llu lines cannot be read", reading->input->path,
                                (unsigned long long)pl_node_counter(&reading->node, i));
    return PL_OK;
}

struct memory_file {
    int fd;
    char path[64];
    const char *item;
};

/* Lines of the test file become a file in memory, which the source opens like any. */
static enum pl_code open_text(const char *text, struct memory_file *file, struct pl_error **error) {
    size_t length = strlen(text), done = 0;
    file->fd = memfd_create("potline-test", MFD_CLOEXEC);
    for (ssize_t n = 0; file->fd >= 0 && n >= 0 && done<length; done += n> 0 ? (size_t)n : 0)
        n = write(file->fd, text + done, length - done);
    if (file->fd < 0 || done < length)
        return pl_error_set(error, PL_UNAVAILABLE, "no memory for the lines: %s", strerror(errno));
    snprintf(file->path, sizeof file->path, "/proc/self/fd/%d", file->fd);
    file->item = file->path;
    return PL_OK;
}

/* Its option `path` is a list of files (pl_trial_input). */
static void put_path(struct reading *reading, struct memory_file *file) {
    const struct pl_option *option = reading->input->op->options;
    while (strcmp(option->name, "path") != 0)
        option++;
    *(struct pl_strings *)(void *)((char *)reading->node.self + option->offset) =
        (struct pl_strings){.items = &file->item, .count = 1};
}

enum pl_code pl__trial_read_file(struct pl__fed *fed, const struct pl_trial_input *input, struct pl_error **error) {
    struct reading reading = {.fed = fed, .input = input};
    struct pl_clock clock;
    pl_clock_init(&clock, PL_CLOCK_LOG, fed->of->start);
    struct pl_node_config config = {.op = input->op,
                                    .name = fed->of->graph->feeds[input->feed].name,
                                    .prototype = input->prototype,
                                    .key_depth = 1,
                                    .max_keys = 1,
                                    .tags = fed->tags,
                                    .clock = &clock,
                                    .loop = fed->loop};
    enum pl_code code = pl_node_init(&reading.node, &config, &host, &reading, error);
    struct memory_file file = {.fd = -1};
    if (!code && input->text) code = open_text(input->text, &file, error);
    if (!code && input->text) put_path(&reading, &file);
    if (!code) code = pl_node_open(&reading.node, error);
    if (!code) code = produce(&reading, error);
    if (reading.node.self) pl_node_close(&reading.node);
    while (uv_run(fed->loop, UV_RUN_DEFAULT))
        ;
    pl_node_fini(&reading.node);
    if (file.fd >= 0) close(file.fd);
    return code;
}

/* ---- Bronze ---- */

static int feed_named(const struct pl_trial_graph *graph, const char *name) {
    for (unsigned i = 0; i < graph->feed_count; i++)
        if (strcmp(graph->feeds[i].name, name) == 0) return (int)i;
    return -1;
}

static enum pl_code take_part(struct pl__fed *fed, const struct pl__export_reader *reader,
                              const struct pl__export_part *part, struct pl_error **error) {
    int feed = feed_named(fed->of->graph, part->node);
    bool fits = feed >= 0 && part->batch->kind == fed->of->graph->feeds[feed].kind;
    uint32_t number = fits ? pl__fed_add_batch(fed, part->batch) : 0;
    bool good = number != UINT32_MAX;
    for (uint32_t row = 0; fits && good && row < fed->batches[number]->rows; row++)
        good = !pl__export_counts(reader, part, row) || pl__fed_add_row(fed, (uint32_t)feed, number, row);
    if (!fits) pl_batch_unref(part->batch);
    return good ? PL_OK : pl_error_set(error, PL_LIMIT, "more rows than a case may have");
}

/* Partitions are read one after the other; rows had come as the engine has noted. */
static int by_arrival(const void *a, const void *b, void *all) {
    const struct pl__fed *sorted = all;
    const struct pl__fed_row *l = a, *r = b;
    pl_time left = sorted->batches[l->batch]->header->receive_time;
    pl_time right = sorted->batches[r->batch]->header->receive_time;
    if (left != right) return left < right ? -1 : 1;
    return l->order < r->order ? -1 : l->order > r->order;
}

static void put_in_order(struct pl__fed *fed, size_t from) {
    if (fed->count > from) qsort_r(fed->rows + from, fed->count - from, sizeof *fed->rows, by_arrival, fed);
    for (size_t i = from; i < fed->count; i++)
        fed->rows[i].order = i;
}

static enum pl_code read_store(struct pl__fed *fed, const struct pl__export_what *what, struct pl_error **error) {
    struct pl__export_reader *reader = NULL;
    struct pl__export_part part;
    size_t from = fed->count;
    enum pl_code code = pl__export_open(what, &reader, error);
    while (!code && !(code = pl__export_next(reader, &part, error)))
        if ((code = take_part(fed, reader, &part, error))) break;
    pl__export_close(reader);
    if (code != PL_NOT_FOUND) return code;
    put_in_order(fed, from);
    return fed->count > from ? PL_OK
                             : pl_error_set(error, PL_NOT_FOUND,
                                            "%s: no recorded rows of the graph's sources in this "
                                            "range",
                                            what->data);
}

enum pl_code pl__trial_read_bronze(struct pl__fed *fed, const struct pl_trial_input *input, struct pl_error **error) {
    struct pl__export_what what = {.data = input->path,
                                   .key = fed->key,
                                   .tags = fed->tags,
                                   .zone = PL_BRONZE,
                                   .range = {.from = input->from, .to = input->to},
                                   .live = true};
    struct pl_store_options options = {.read_only = true, .key = fed->key};
    enum pl_code code = pl_store_open(input->path, &options, &what.store, error);
    if (!code) code = read_store(fed, &what, error);
    pl_store_close(what.store);
    return code;
}
