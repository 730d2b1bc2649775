/* csv_bench: nanoseconds of CPU a row for reading and writing `time_ns,tag,value`, beside loops that do nothing else.
 *
 *     bench_gen -n 1000000 -o samples.csv && csv_bench samples.csv
 *
 * Medians of 7 rounds. Each reader goes through the file in blocks of 256 KiB; 'read' is that alone. The plain loop
 * splits at each byte and keeps rows in arrays; its tags come from the same kind of table.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <potline/batch.h>
#include <potline/text.h>

#include "batch/tags.h"
#include "reader.h"
#include "writer.h"

enum {
    ROUNDS = 7,
    BLOCK = 256 << 10,
    ROWS = 4096,
    KEPT = 8 /* batches that stay in the cache, as they do on an edge */
};

struct bench {
    const char *path;
    struct pl_tags *tags;
    struct pl_layout layout;
    uint64_t rows;
    double check; /* so that nothing is left out as unused */
};

static double cpu_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int open_input(const struct bench *b) {
    int fd = open(b->path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) return fd;
    fprintf(stderr, "%s: %s\n", b->path, strerror(errno));
    exit(1);
}

/* ---- What is measured ---- */

static void just_read(struct bench *b) {
    static char block[BLOCK];
    int fd = open_input(b);
    for (ssize_t n; (n = read(fd, block, sizeof(block))) > 0;)
        b->check += block[n - 1];
    close(fd);
}

/* The single-purpose loop: one pass over the bytes, whole numbers by digits, the tag in a table by its hash. */
struct plain {
    struct {
        char name[32];
        uint32_t length;
    } slot[4096];
    int64_t time[ROWS];
    uint32_t tag[ROWS];
    double value[ROWS];
    uint32_t rows;
};

static uint32_t plain_tag(struct plain *p, const char *text, uint32_t length) {
    uint32_t hash = 2166136261u;
    for (uint32_t i = 0; i < length; i++)
        hash = (hash ^ (unsigned char)text[i]) * 16777619u;
    for (uint32_t i = hash;; i++) {
        uint32_t at = i % 4096;
        if (p->slot[at].length == length && memcmp(p->slot[at].name, text, length) == 0) return at;
        if (p->slot[at].length || length > 32) continue;
        memcpy(p->slot[at].name, text, length);
        p->slot[at].length = length;
        return at;
    }
}

static double plain_value(const char *text, const char *end) {
    static const double scale[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};
    bool negative = text < end && *text == '-';
    int64_t digits = 0, decimals = -1;
    for (text += negative; text < end; text++) {
        if (*text == '.') {
            decimals = 0;
        } else if (*text < '0' || *text > '9') {
            return 0.0 / 0.0;
        } else {
            digits = digits * 10 + (*text - '0');
            decimals += decimals >= 0;
        }
    }
    double value = (double)digits / scale[decimals > 0 ? decimals : 0];
    return negative ? -value : value;
}

static size_t plain_rows(struct plain *p, const char *bytes, size_t size, double *check) {
    const char *at = bytes, *end = bytes + size;
    for (;;) {
        int64_t time = 0;
        const char *line = at, *tag, *value;
        for (; at < end && *at != ','; at++)
            time = time * 10 + (*at - '0');
        for (tag = ++at; at < end && *at != ','; at++) {
        }
        for (value = ++at; at < end && *at != '\n'; at++) {
        }
        if (at >= end) return (size_t)(line - bytes);
        p->time[p->rows] = time;
        p->tag[p->rows] = plain_tag(p, tag, (uint32_t)(value - 1 - tag));
        p->value[p->rows] = plain_value(value, at);
        if (++p->rows == ROWS) {
            *check += (double)p->tag[7];
            p->rows = 0;
        }
        at++;
    }
}

static void plain_loop(struct bench *b) {
    static struct plain plain;
    static char block[BLOCK];
    size_t have = 0;
    int fd = open_input(b);
    memset(&plain, 0, sizeof(plain));
    for (ssize_t n; (n = read(fd, block + have, sizeof(block) - have)) > 0;) {
        have += (size_t)n;
        size_t used = plain_rows(&plain, block, have, &b->check);
        memmove(block, block + used, have - used);
        have -= used;
    }
    close(fd);
}

/* Reads the file into batches and gives each to `use`. */
static void read_batches(struct bench *b, void (*use)(void *user, const struct pl_batch *batch), void *user) {
    struct pl_names names;
    struct pl_reader reader;
    int fd = open_input(b);
    if (!pl_names_init(&names, b->tags, &b->layout.naming, '"') || !pl_reader_init(&reader, &b->layout, &names, BLOCK))
        exit(1);
    struct pl_batch *batch = pl_batch_new(PL_SAMPLES, ROWS, 0);
    enum pl_reader_state state = PL_READER_MORE;
    b->rows = 0;
    while (state != PL_READER_END && state != PL_READER_FAILED) {
        state = pl_reader_read(&reader, batch, NULL);
        if (state == PL_READER_MORE) {
            size_t room;
            char *space = pl_reader_space(&reader, &room);
            ssize_t n = read(fd, space, room);
            if (n > 0)
                pl_reader_filled(&reader, (size_t)n);
            else
                pl_reader_end(&reader);
        } else if (state != PL_READER_REJECTED) {
            b->rows += batch->rows;
            use(user, batch);
            pl_batch_unref(batch);
            batch = pl_batch_new(PL_SAMPLES, ROWS, 0);
        }
    }
    pl_batch_unref(batch);
    pl_reader_fini(&reader);
    pl_names_fini(&names);
    close(fd);
}

static void drop(void *user, const struct pl_batch *batch) {
    if (batch->rows) *(double *)user += (double)batch->samples.time[0];
}

static void potline_reader(struct bench *b) {
    read_batches(b, drop, &b->check);
}

/* ---- Writing: the first rows of the file, again and again, as text into a buffer ---- */

struct kept {
    struct pl_batch *batches[KEPT];
    uint32_t count;
    uint32_t rounds; /* over them, so that as many rows are written as the file has */
    struct pl_writer writer;
    char text[BLOCK];
};

static struct kept kept;

static void keep(void *user, const struct pl_batch *batch) {
    (void)user;
    if (batch->rows == ROWS && kept.count < KEPT)
        kept.batches[kept.count++] = pl_batch_ref((struct pl_batch *)(uintptr_t)batch);
}

static void potline_writer(struct bench *b) {
    for (uint32_t i = 0; i < kept.rounds * kept.count; i++) {
        for (uint32_t row = 0; row < ROWS;) {
            b->check += (double)pl_writer_rows(&kept.writer, kept.batches[i % kept.count], &row, kept.text, BLOCK);
        }
    }
}

static void sdk_writer(struct bench *b) {
    for (uint32_t i = 0; i < kept.rounds * kept.count; i++) {
        const struct pl_samples *s = &kept.batches[i % kept.count]->samples;
        char *at = kept.text;
        for (uint32_t row = 0; row < ROWS; row++) {
            const struct pl_tag *tag = pl_tags_get(b->tags, s->tag[row]);
            if (at + 512 > kept.text + BLOCK) at = kept.text;
            at = pl_text_put_int(at, s->time[row]);
            *at++ = ',';
            memcpy(at, tag->name, tag->length);
            at += tag->length;
            *at++ = ',';
            at = pl_text_put_f64(at, s->value[row]);
            *at++ = '\n';
        }
        b->check += *kept.text;
    }
}

static void printf_writer(struct bench *b) {
    for (uint32_t i = 0; i < kept.rounds * kept.count; i++) {
        const struct pl_samples *s = &kept.batches[i % kept.count]->samples;
        for (uint32_t row = 0; row < ROWS / 16; row++) { /* a sixteenth: it is slow */
            snprintf(kept.text, BLOCK, "%" PRId64 ",%s,%.6g\n", s->time[row], pl_tags_get(b->tags, s->tag[row])->name,
                     s->value[row]);
        }
        b->check += *kept.text;
    }
}

/* ---- Measuring ---- */

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void measure(struct bench *b, const char *name, void (*run)(struct bench *), double rows) {
    double ns[ROUNDS];
    run(b);
    for (int i = 0; i < ROUNDS; i++) {
        double begun = cpu_ns();
        run(b);
        ns[i] = (cpu_ns() - begun) / rows;
    }
    qsort(ns, ROUNDS, sizeof(*ns), by_value);
    printf("%-34s %7.1f   %7.1f .. %.1f\n", name, ns[ROUNDS / 2], ns[0], ns[ROUNDS - 1]);
}

int main(int argc, char **argv) {
    struct pl_writing writing = {.decimals = -1, .delimiter = ",", .missing = ""};
    struct bench b = {.layout = {.time_format = "auto",
                                 .time_zone = "Z",
                                 .tag = "",
                                 .value = "",
                                 .quality = "",
                                 .delimiter = ",",
                                 .quote = "\"",
                                 .decimal = ".",
                                 .comment = "",
                                 .multiline = true,
                                 .max_line = 1 << 20,
                                 .naming = {.prefix = ""}}};
    if (argc != 2) {
        fprintf(stderr, "usage: csv_bench FILE\n");
        return 2;
    }
    b.path = argv[1];
    b.tags = pl_tags_new(NULL);
    read_batches(&b, keep, NULL);
    kept.rounds = kept.count ? (uint32_t)(b.rows / (kept.count * ROWS)) : 0;
    if (!kept.rounds) {
        fprintf(stderr, "%s: expected %d rows or more\n", b.path, KEPT * ROWS);
        return 1;
    }
    if (pl_writer_init(&kept.writer, PL_SAMPLES, &writing, b.tags, NULL)) return 1;
    printf("%" PRIu64 " rows; ns of CPU a row      median       min .. max\n", b.rows);
    double read = (double)b.rows, written = (double)kept.rounds * kept.count * ROWS;
    measure(&b, "read() alone", just_read, read);
    measure(&b, "read and parse: plain loop", plain_loop, read);
    measure(&b, "read and parse: potline", potline_reader, read);
    measure(&b, "format: potline", potline_writer, written);
    measure(&b, "format: the SDK's functions", sdk_writer, written);
    measure(&b, "format: snprintf %.6g", printf_writer, written / 16);
    return b.check == 0;
}
