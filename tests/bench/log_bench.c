/* log_bench.c: what appending to the embedded log costs, and reading it back.
 *
 *     log_bench [ROWS] [SHAPE] [PARTITIONS] [BATCH]        SHAPE: steady (default), jitter, random
 *
 * Batches of BATCH (4096) samples of 300 tags are made first; then one run appends them, with the CPU time of RocksDB's
 * own threads counted until all is written out. Beside it, in the same program: plain puts of the same encoded bytes,
 * and of the columns as they are in memory (22 bytes a row). CPU a row is the figure to compare.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "batch/tags.h"
#include "log/record.h"
#include "store/store.h"

enum { BATCHES = 128, TAGS = 300 };

static uint32_t batch_rows = 4096;

struct figures {
    double user, system, wall;
};

static struct pl_tags *tags;
static struct pl_batch *batches[BATCHES];

static void need(enum pl_code code, struct pl_error **error) { /* a pointer: arguments are evaluated in any order */
    if (!code) return;
    pl_error_print(stderr, *error);
    exit(1);
}

static struct figures now(void) {
    struct rusage usage;
    struct timespec clock;
    getrusage(RUSAGE_SELF, &usage);
    clock_gettime(CLOCK_MONOTONIC, &clock);
    return (struct figures){(double)usage.ru_utime.tv_sec + (double)usage.ru_utime.tv_usec / 1e6,
                            (double)usage.ru_stime.tv_sec + (double)usage.ru_stime.tv_usec / 1e6,
                            (double)clock.tv_sec + (double)clock.tv_nsec / 1e9};
}

static double print(const char *what, struct figures from, double rows, double bytes) {
    struct figures to = now();
    double user = to.user - from.user, system = to.system - from.system;
    printf("%-36s %7.1f %7.1f %7.1f %9.1f %8.1f\n", what, (user + system) * 1e9 / rows, user * 1e9 / rows,
           system * 1e9 / rows, bytes / (to.wall - from.wall) / 1e6, bytes / rows);
    return user + system;
}

/* ---- Input ---- */

static double random01(void) {
    static uint64_t state = 1;
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (double)(state >> 11) / 9007199254740992.0;
}

/* Quantities of a pot: voltage, current, temperature, position, noise. */
static double value_of(unsigned tag, const char *shape) {
    static const double low[] = {4, 170, 950, 200, 10}, high[] = {4.6, 185, 970, 300, 60};
    double value = low[tag % 5] + random01() * (high[tag % 5] - low[tag % 5]);
    return strcmp(shape, "random") == 0 ? value : rint(value * 1e4) / 1e4;
}

static void fill(struct pl_batch *b, uint64_t row, const uint32_t *ids, const char *shape) {
    for (uint32_t i = 0; i < batch_rows; i++, row++) {
        unsigned tag = strcmp(shape, "random") == 0 ? (unsigned)(random01() * TAGS) : row % TAGS;
        b->samples.time[i] = 1700000000 * PL_SECOND + (pl_time)(row / TAGS) * 100 * PL_MILLISECOND +
                             (pl_time)(row % TAGS) * 300 * PL_MICROSECOND;
        if (strcmp(shape, "steady") != 0) b->samples.time[i] += (pl_time)(random01() * 1e6);
        b->samples.tag[i] = ids[tag];
        b->samples.value[i] = value_of(tag, shape);
        b->samples.quality[i] = 0;
        if (random01() < 0.002) {
            b->samples.value[i] = NAN;
            b->samples.quality[i] = 0x8001;
        }
    }
    b->rows = batch_rows;
}

static void make_batches(const char *shape) {
    static const char *const quantity[] = {"voltage", "current", "bath_temp", "anode_pos", "noise"};
    uint32_t ids[TAGS];
    tags = pl_tags_new(&(struct pl_tags_options){0});
    for (unsigned i = 0; i < TAGS; i++) {
        char name[64];
        int length = snprintf(name, sizeof name, "line%u.pot%02u.%s", i / 100 + 1, i / 5 % 20 + 1, quantity[i % 5]);
        ids[i] = pl_tags_intern(tags, name, (size_t)length);
    }
    for (unsigned i = 0; i < BATCHES; i++) {
        batches[i] = pl_batch_new(PL_SAMPLES, batch_rows, 0);
        batches[i]->source = pl_tags_intern(tags, "in", 2);
        fill(batches[i], (uint64_t)i * batch_rows, ids, shape);
    }
}

/* ---- Runs ---- */

static char *folder(void) {
    static char path[256];
    const char *tmp = getenv("TMPDIR");
    snprintf(path, sizeof path, "%s/log_bench_XXXXXX", tmp ? tmp : "/tmp");
    if (!mkdtemp(path)) exit(1);
    return path;
}

static void remove_folder(const char *path) {
    char command[300];
    snprintf(command, sizeof command, "rm -rf '%s'", path);
    if (system(command)) exit(1);
}

static bool has(struct pl_store *store, const char *property) {
    uint64_t value = 0;
    rocksdb_property_int_cf(store->db, store->family[PL_STORE_BRONZE], property, &value);
    return value != 0;
}

/* All of it in files, and RocksDB's threads at rest. */
static void settle(struct pl_store *store) {
    char *message = NULL;
    rocksdb_flushoptions_t *options = rocksdb_flushoptions_create();
    rocksdb_flush_cf(store->db, options, store->family[PL_STORE_BRONZE], &message);
    rocksdb_flushoptions_destroy(options);
    if (message) exit(1);
    while (has(store, "rocksdb.num-running-compactions") || has(store, "rocksdb.compaction-pending"))
        usleep(10000);
}

static struct pl_store *open_store(const char *path) {
    struct pl_store *store;
    struct pl_error *error = NULL;
    need(pl_store_open(path, &(struct pl_store_options){0}, &store, &error), &error);
    return store;
}

static void read_back(struct pl_log *log, double rows) {
    struct figures from = now();
    struct pl_error *error = NULL;
    double found = 0, bytes = 0;
    for (unsigned p = 0; p < log->partitions; p++) {
        struct pl_log_cursor *cursor;
        struct pl_log_record record;
        need(log->ops->cursor(log, p, 0, false, &cursor, &error), &error);
        enum pl_code code;
        while (!(code = log->ops->read(cursor, &record, &error))) {
            found += record.batch->rows;
            bytes += record.batch->rows * 22.0;
            pl_batch_unref(record.batch);
        }
        if (code != PL_NOT_FOUND) need(code, &error);
        log->ops->cursor_free(cursor);
    }
    if (found != rows) exit(1);
    print("read back", from, rows, bytes);
}

static double run_log(unsigned count, unsigned partitions) {
    char *path = folder();
    struct pl_store *store = open_store(path);
    struct pl_error *error = NULL;
    struct pl_log *log;
    need(pl_log_open_embedded(store, tags, partitions, &log, &error), &error);
    struct figures from = now();
    for (unsigned i = 0; i < count; i++) {
        struct pl_log_record record = {
            .type = PL_LOG_ROWS, .partition = (uint16_t)(i % partitions), .batch = batches[i % BATCHES]};
        need(log->ops->append(log, &record, 1, &error), &error);
    }
    settle(store);
    double cpu =
        print("append (bytes as in memory)", from, (double)count * batch_rows, (double)count * batch_rows * 22);
    read_back(log, (double)count * batch_rows);
    log->ops->close(log);
    pl_store_close(store);
    remove_folder(path);
    return cpu;
}

static double run_puts(const char *what, unsigned count, unsigned partitions, char *const *values,
                       const size_t *sizes) {
    char *path = folder();
    struct pl_store *store = open_store(path);
    struct pl_error *error = NULL;
    rocksdb_writebatch_t *writes = rocksdb_writebatch_create();
    struct figures from = now();
    double bytes = 0;
    for (unsigned i = 0; i < count; i++) {
        uint8_t key[PL__RECORD_KEY];
        pl__record_key((uint16_t)(i % partitions), (uint64_t)(i / partitions) * batch_rows, key);
        rocksdb_writebatch_put_cf(writes, store->family[PL_STORE_BRONZE], (const char *)key, sizeof key,
                                  values[i % BATCHES], sizes[i % BATCHES]);
        need(pl_store_write(store, writes, &error), &error);
        bytes += (double)sizes[i % BATCHES];
    }
    settle(store);
    double cpu = print(what, from, (double)count * batch_rows, bytes);
    rocksdb_writebatch_destroy(writes);
    pl_store_close(store);
    remove_folder(path);
    return cpu;
}

/* The values that the log writes, and the columns as they stand. */
static void make_values(char **encoded, size_t *encoded_size, char **plain, size_t *plain_size) {
    struct pl_rows *rows = pl_rows_new(tags);
    struct pl_error *error = NULL;
    for (unsigned i = 0; i < BATCHES; i++) {
        struct pl_buffer bytes;
        pl_buffer_init(&bytes, 1 << 24);
        struct pl_log_record record = {.type = PL_LOG_ROWS, .batch = batches[i]};
        need(pl__record_put(&record, rows, tags, &bytes, &error), &error);
        encoded_size[i] = bytes.size;
        encoded[i] = pl_buffer_take(&bytes);
        plain_size[i] = (size_t)batch_rows * 22;
        char *at = plain[i] = malloc(plain_size[i]);
        memcpy(at, batches[i]->samples.time, (size_t)batch_rows * 8);
        memcpy(at + (size_t)batch_rows * 8, batches[i]->samples.value, (size_t)batch_rows * 8);
        memcpy(at + (size_t)batch_rows * 16, batches[i]->samples.tag, (size_t)batch_rows * 4);
        memcpy(at + (size_t)batch_rows * 20, batches[i]->samples.quality, (size_t)batch_rows * 2);
    }
    pl_rows_free(rows);
}

static void encode_only(unsigned count) {
    struct pl_rows *rows = pl_rows_new(tags);
    struct pl_error *error = NULL;
    struct pl_buffer bytes;
    pl_buffer_init(&bytes, 1 << 24);
    struct figures from = now();
    double size = 0;
    for (unsigned i = 0; i < count; i++) {
        struct pl_log_record record = {.type = PL_LOG_ROWS, .batch = batches[i % BATCHES]};
        need(pl__record_put(&record, rows, tags, &bytes, &error), &error);
        size += (double)bytes.size;
    }
    print("encode alone", from, (double)count * batch_rows, size);
    pl_buffer_fini(&bytes);
    pl_rows_free(rows);
}

int main(int argc, char **argv) {
    if (argc > 4) batch_rows = (uint32_t)atoi(argv[4]);
    if (batch_rows < 1 || batch_rows > PL_BATCH_ROWS_MAX) return 2;
    unsigned count = (unsigned)((argc > 1 ? atol(argv[1]) : 20000000) / batch_rows);
    const char *shape = argc > 2 ? argv[2] : "steady";
    unsigned partitions = argc > 3 ? (unsigned)atoi(argv[3]) : 1;
    static char *encoded[BATCHES], *plain[BATCHES];
    static size_t encoded_size[BATCHES], plain_size[BATCHES];
    make_batches(shape);
    make_values(encoded, encoded_size, plain, plain_size);

    printf("%u rows in batches of %u, %s, %u partitions\n", count * batch_rows, batch_rows, shape, partitions);
    printf("%-36s %7s %7s %7s %9s %8s\n", "CPU, RocksDB's threads included", "ns/row", "user", "system", "MB/s",
           "B/row");
    encode_only(count);
    double log = run_log(count, partitions);
    double same = run_puts("plain puts of the same bytes", count, partitions, encoded, encoded_size);
    double columns = run_puts("plain puts of the columns as they are", count, partitions, plain, plain_size);
    printf("append: %.2f x the CPU of puts of the same bytes, %.2f x of puts of the columns as they are\n", log / same,
           log / columns);
    return 0;
}
