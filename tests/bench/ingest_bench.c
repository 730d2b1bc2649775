/* ingest_bench.c: how fast RocksDB takes the bronze of a data folder when nothing else is done, for tests/bench/ingest.
 *
 *     ingest_bench DIR            the records of DIR's bronze, into a fresh folder beside it
 *
 * The same keys and bytes, a write batch a record, with the same options, compression and threads, and synced every
 * 10 ms by a thread, as the engine does. Prints the bytes and the seconds until the last of them is on the disk.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include "store/store.h"

enum { SYNC_MS = 10 };

struct record {
    void *key, *value;
    size_t key_size, size;
};

static struct record *records;
static size_t record_count, record_room;
static atomic_bool over;

static void need(enum pl_code code, struct pl_error **error) {
    if (!code) return;
    pl_error_print(stderr, *error);
    exit(1);
}

static void *copy(const void *bytes, size_t size) {
    void *made = malloc(size + 1);
    if (!made) exit(1);
    return memcpy(made, bytes, size);
}

static void read_records(const char *path) {
    struct pl_store *store;
    struct pl_store_iter *iter;
    struct pl_error *error = NULL;
    need(pl_store_open(path, &(struct pl_store_options){.read_only = true}, &store, &error), &error);
    need(pl_store_iter_new(store, PL_STORE_BRONZE, NULL, 0, &iter, &error), &error);
    for (pl_store_iter_seek(iter, "", 0); pl_store_iter_valid(iter); pl_store_iter_next(iter)) {
        if (record_count == record_room) {
            record_room = record_room ? 2 * record_room : 1024;
            records = realloc(records, record_room * sizeof *records);
            if (!records) exit(1);
        }
        struct record *record = &records[record_count++];
        const void *key = pl_store_iter_key(iter, &record->key_size);
        record->key = copy(key, record->key_size);
        const void *value = pl_store_iter_value(iter, &record->size);
        record->value = copy(value, record->size);
    }
    need(pl_store_iter_check(iter, &error), &error);
    pl_store_close(store);
}

static void sync_often(void *arg) {
    struct pl_store *store = arg;
    struct pl_error *error = NULL;
    while (!atomic_load(&over)) {
        uv_sleep(SYNC_MS);
        need(pl_store_sync(store, &error), &error);
    }
}

static double now(void) {
    struct timespec clock;
    clock_gettime(CLOCK_MONOTONIC, &clock);
    return (double)clock.tv_sec + (double)clock.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
    char path[4096];
    struct pl_store *store;
    struct pl_error *error = NULL;
    uv_thread_t syncer;
    double bytes = 0;
    if (argc != 2) {
        fprintf(stderr, "usage: ingest_bench DIR\n");
        return 2;
    }
    read_records(argv[1]);
    snprintf(path, sizeof path, "%s.raw", argv[1]);
    need(pl_store_open(path, &(struct pl_store_options){0}, &store, &error), &error);
    sync(); /* what was written before does not disturb */
    double begun = now();
    if (uv_thread_create(&syncer, sync_often, store)) return 1;
    rocksdb_writebatch_t *writes = rocksdb_writebatch_create();
    for (size_t i = 0; i < record_count; i++) {
        const struct record *record = &records[i];
        rocksdb_writebatch_put_cf(writes, store->family[PL_STORE_BRONZE], record->key, record->key_size, record->value,
                                  record->size);
        need(pl_store_write(store, writes, &error), &error);
        bytes += (double)(record->key_size + record->size);
    }
    atomic_store(&over, true);
    uv_thread_join(&syncer); /* with a last sync */
    printf("%.0f %.6f\n", bytes, now() - begun);
    rocksdb_writebatch_destroy(writes);
    pl_store_close(store);
    return pl_store_remove(path, NULL) || rmdir(path);
}
