/* seal_bench.c: what encryption of the data folder costs where rows come in.
 *
 *     seal_bench [ROWS] [ROUNDS]
 *
 * The same batches are appended to the embedded log of a folder in the clear and of an encrypted one, in turns within
 * each round. Shown are the medians over the rounds, of the ratio within each, and beside them the ratio of the best
 * rounds, which neighbours on the machine disturb least:
 *
 *     durable     synced every 10 ms, as the engine does; the time until the last row is on the disk
 *     bulk        never synced: handed to the kernel, then all of it in RocksDB's files
 *     read back   all of it with a cursor
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "batch/tags.h"
#include "log/log.h"
#include "runtime/syncer.h"
#include "store/store.h"

enum { BATCHES = 64, TAGS = 300, ROWS = 4096, ROUNDS_MAX = 99 };
enum measure { DURABLE, BULK, READ_BACK, MEASURES };

static const char *const measure_names[MEASURES] = {"durable, 10 ms", "bulk", "read back"};

struct figures {
    double wall, cpu;
};

static struct pl_tags *tags;
static struct pl_batch *batches[BATCHES];

static void need(enum pl_code code, struct pl_error **error) {
    if (!code) return;
    pl_error_print(stderr, *error);
    exit(1);
}

static struct figures now(void) {
    struct rusage usage;
    struct timespec clock;
    getrusage(RUSAGE_SELF, &usage);
    clock_gettime(CLOCK_MONOTONIC, &clock);
    return (struct figures){(double)clock.tv_sec + (double)clock.tv_nsec / 1e9,
                            (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                                (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6};
}

static struct figures since(struct figures from) {
    struct figures to = now();
    return (struct figures){to.wall - from.wall, to.cpu - from.cpu};
}

static void make_batches(void) {
    uint32_t ids[TAGS];
    tags = pl_tags_new(&(struct pl_tags_options){0});
    for (unsigned i = 0; i < TAGS; i++) {
        char name[64];
        int length = snprintf(name, sizeof name, "line%u.pot%02u.signal%u", i / 100 + 1, i / 5 % 20 + 1, i % 5);
        ids[i] = pl_tags_intern(tags, name, (size_t)length);
    }
    srand(1);
    for (unsigned b = 0; b < BATCHES; b++) {
        batches[b] = pl_batch_new(PL_SAMPLES, ROWS, 0);
        batches[b]->source = pl_tags_intern(tags, "in", 2);
        batches[b]->rows = ROWS;
        for (unsigned i = 0; i < ROWS; i++) {
            batches[b]->samples.time[i] =
                1700000000 * PL_SECOND + (pl_time)(b * ROWS + i) * PL_MILLISECOND + rand() % 1000;
            batches[b]->samples.tag[i] = ids[i % TAGS];
            batches[b]->samples.value[i] = 4 + (double)rand() / RAND_MAX; /* nothing to save by a short form */
            batches[b]->samples.quality[i] = 0;
        }
    }
}

/* ---- One folder ---- */

static struct pl_store *open_store(char *path, struct pl_store_key *key) {
    struct pl_store *store;
    struct pl_error *error = NULL;
    const char *tmp = getenv("TMPDIR");
    snprintf(path, 256, "%s/seal_bench_XXXXXX", tmp ? tmp : "/tmp");
    if (!mkdtemp(path)) exit(1);
    need(pl_store_open(path, &(struct pl_store_options){.key = key}, &store, &error), &error);
    return store;
}

static void remove_store(struct pl_store *store, const char *path) {
    pl_store_close(store);
    if (pl_store_remove(path, NULL) || rmdir(path)) exit(1);
}

static void append(struct pl_log *log, unsigned count, struct pl_syncer *syncer) {
    struct pl_error *error = NULL;
    for (unsigned i = 0; i < count; i++) {
        struct pl_log_record record = {.type = PL_LOG_ROWS, .batch = batches[i % BATCHES]};
        need(log->ops->append(log, &record, 1, &error), &error);
        pl_syncer_touch(syncer);
    }
}

static void flush(struct pl_store *store) {
    char *message = NULL;
    rocksdb_flushoptions_t *options = rocksdb_flushoptions_create();
    rocksdb_flush_cf(store->db, options, store->family[PL_STORE_BRONZE], &message);
    rocksdb_flushoptions_destroy(options);
    if (message) exit(1);
}

static void read_back(struct pl_log *log, unsigned count) {
    struct pl_error *error = NULL;
    struct pl_log_cursor *cursor;
    struct pl_log_record record;
    enum pl_code code;
    unsigned found = 0;
    need(log->ops->cursor(log, 0, 0, false, &cursor, &error), &error);
    while (!(code = log->ops->read(cursor, &record, &error))) {
        found++;
        pl_batch_unref(record.batch);
    }
    if (code != PL_NOT_FOUND) need(code, &error);
    log->ops->cursor_free(cursor);
    if (found != count) exit(1);
}

static void run(struct pl_store_key *key, unsigned count, struct figures taken[MEASURES]) {
    for (enum measure m = DURABLE; m <= BULK; m++) {
        char path[256];
        struct pl_store *store = open_store(path, key);
        struct pl_error *error = NULL;
        struct pl_syncer *syncer = NULL;
        struct pl_log *log;
        need(pl_log_open_embedded(store, tags, 1, &log, &error), &error);
        sync(); /* what was written before does not disturb */
        struct figures from = now();
        if (m == DURABLE) need(pl_syncer_new(log, 10 * PL_MILLISECOND, NULL, &syncer, &error), &error);
        append(log, count, syncer);
        pl_syncer_free(syncer);
        if (m == BULK) flush(store);
        taken[m] = since(from);
        if (m == BULK) {
            from = now();
            read_back(log, count);
            taken[READ_BACK] = since(from);
        }
        log->ops->close(log);
        remove_store(store, path);
    }
}

/* ---- All ---- */

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(const double *values, unsigned count) {
    double sorted[ROUNDS_MAX];
    memcpy(sorted, values, count * sizeof *values);
    qsort(sorted, count, sizeof *sorted, by_size);
    return (sorted[(count - 1) / 2] + sorted[count / 2]) / 2;
}

static double best(const double *values, unsigned count) {
    double least = INFINITY;
    for (unsigned i = 0; i < count; i++)
        least = fmin(least, values[i]);
    return least;
}

static double seconds[2][MEASURES][ROUNDS_MAX], cpu[2][MEASURES][ROUNDS_MAX]; /* in the clear, encrypted */

static void print(enum measure m, double rows, unsigned rounds) {
    double wall_ratio[ROUNDS_MAX] = {0}, cpu_ratio[ROUNDS_MAX] = {0};
    for (unsigned r = 0; r < rounds; r++) {
        wall_ratio[r] = seconds[1][m][r] / seconds[0][m][r];
        cpu_ratio[r] = cpu[1][m][r] / cpu[0][m][r];
    }
    printf("%-16s %10.2f %10.2f %12.2f %8.2f %12.2f %8.2f\n", measure_names[m],
           rows / 1e6 / median(seconds[0][m], rounds), rows / 1e6 / median(seconds[1][m], rounds),
           median(wall_ratio, rounds), best(seconds[1][m], rounds) / best(seconds[0][m], rounds),
           median(cpu_ratio, rounds), best(cpu[1][m], rounds) / best(cpu[0][m], rounds));
}

int main(int argc, char **argv) {
    unsigned count = (unsigned)((argc > 1 ? atol(argv[1]) : 20000000) / ROWS), rounds = 5;
    if (argc > 2) rounds = (unsigned)atoi(argv[2]);
    if (count < 1 || rounds < 1 || rounds > ROUNDS_MAX) return 2;
    uint8_t master[PL_STORE_KEY_MASTER] = {1};
    struct pl_store_key *key;
    if (pl_store_key_new(master, &key, NULL)) return 1;
    make_batches();
    for (unsigned r = 0; r < rounds; r++)
        for (unsigned turn = 0; turn < 2; turn++) { /* each comes first in every other round */
            struct figures taken[MEASURES];
            unsigned encrypted = (turn + r) % 2;
            run(encrypted ? key : NULL, count, taken);
            for (enum measure m = DURABLE; m < MEASURES; m++) {
                seconds[encrypted][m][r] = taken[m].wall;
                cpu[encrypted][m][r] = taken[m].cpu;
            }
        }
    printf("%u rows in batches of %d, %u rounds\n", count * ROWS, ROWS, rounds);
    printf("%-16s %10s %10s %12s %8s %12s %8s\n", "Mrows/s:", "clear", "encrypted", "time ratio", "of best",
           "CPU ratio", "of best");
    for (enum measure m = DURABLE; m < MEASURES; m++)
        print(m, (double)count * ROWS, rounds);
    pl_store_key_unref(key);
    return 0;
}
