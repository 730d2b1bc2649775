/* doctor_test.c: `potline doctor` on a folder that this test fills and damages. */
#include <dirent.h>
#include <libgen.h>
#include <potline/alloc.h>
#include <potline/pack.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "batch/tags.h"
#include "log/log.h"
#include "log/record.h"
#include "store/audit.h"
#include "store/batch_testing.h"
#include "store/epochs.h"
#include "store/folder_testing.h"
#include "store/lake.h"

enum { OUTPUT_MAX = 1 << 16, RECORDS = 30, ROWS = 50 };

static char program[512];
static char *folder;
static struct pl_tags *tags;
static struct pl_store *store;
static char out[OUTPUT_MAX];

/* ---- A folder with some of everything ---- */

static void open_folder(void) {
    assert_int_equal(pl_store_open(folder, &(struct pl_store_options){0}, &store, NULL), PL_OK);
}

static void close_folder(void) {
    pl_store_close(store);
    store = NULL;
}

static struct pl_batch *rows_at(pl_time time) {
    struct pl_batch *batch = pl_batch_new(PL_SAMPLES, ROWS, 0);
    for (uint32_t i = 0; i < ROWS; i++) {
        batch->samples.time[i] = time + i;
        batch->samples.tag[i] = pl_tags_intern(tags, "a.b", 3);
        batch->samples.value[i] = i;
        batch->samples.quality[i] = 0;
    }
    batch->rows = ROWS;
    return batch;
}

/* In both partitions RECORDS of rows and the barrier of epoch 7 behind them. */
static void fill_log(void) {
    struct pl_log *log;
    uint64_t sequence[2];
    assert_int_equal(pl_log_open_embedded(store, tags, 2, &log, NULL), PL_OK);
    for (uint16_t p = 0; p < 2; p++) {
        for (unsigned i = 0; i < RECORDS; i++) {
            struct pl_batch *batch = rows_at(i * PL_MINUTE);
            struct pl_log_record record = {.type = PL_LOG_ROWS, .partition = p, .batch = batch};
            assert_int_equal(log->ops->append(log, &record, 1, NULL), PL_OK);
            pl_batch_unref(batch);
        }
        struct pl_log_record barrier = {.type = PL_LOG_BARRIER, .partition = p, .epoch = 7};
        assert_int_equal(log->ops->append(log, &barrier, 1, NULL), PL_OK);
        sequence[p] = barrier.sequence;
    }
    log->ops->close(log);
    struct pl_epochs *epochs;
    struct pl_epoch last, epoch = {.number = 7, .partitions = 2, .sequence = sequence};
    assert_int_equal(pl_epochs_open(store, &epochs, &last, NULL), PL_OK);
    assert_int_equal(pl_epochs_commit(epochs, &epoch, false, NULL), PL_OK);
    pl_epoch_fini(&last);
    pl_epochs_close(epochs);
}

static void fill_zone(enum pl_zone_id id, const char *node) {
    struct pl_zone *zone;
    assert_int_equal(pl_zone_open_as(store, tags, id, node, 0, &zone, NULL), PL_OK);
    for (unsigned i = 0; i < RECORDS; i++) {
        struct pl_batch *batch = rows_at(i * PL_DAY);
        assert_int_equal(pl_zone_put(zone, batch, NULL), PL_OK);
        pl_batch_unref(batch);
    }
    pl_zone_close(zone);
}

static void fill_audit(void) {
    struct pl_audit *audit;
    assert_int_equal(pl_audit_open(store, &audit, NULL), PL_OK);
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(pl_audit_append(audit, &(struct pl_audit_record){.time = i, .action = "note"}, NULL), PL_OK);
    pl_audit_close(audit);
}

static int setup(void **state) {
    (void)state;
    folder = make_folder();
    tags = pl_tags_new(&(struct pl_tags_options){0});
    open_folder();
    fill_log();
    fill_zone(PL_SILVER, "keep");
    fill_zone(PL_GOLD, "win");
    fill_audit();
    return 0;
}

static int teardown(void **state) {
    (void)state;
    close_folder();
    pl_tags_free(tags);
    remove_folder(folder);
    return 0;
}

/* ---- The program ---- */

/* `potline doctor WORDS` with `input`; what it says is in `out`. */
static int run(const char *input, const char *words) {
    char command[2048];
    snprintf(command, sizeof command, "cd '%s' && printf '%s' | '%s' doctor --data . %s 2>&1", folder, input, program,
             words);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    out[fread(out, 1, sizeof out - 1, pipe)] = 0;
    int status = pclose(pipe);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void assert_says(int exit_code, const char *input, const char *words, const char *text) {
    close_folder();
    int code = run(input, words);
    if (code != exit_code || !strstr(out, text)) fail_msg("doctor %s: exit %d, says:\n%s", words, code, out);
    open_folder();
}

static unsigned rows_kept(enum pl_zone_id id) {
    struct pl_zone_range range = {.from = PL_TIME_MIN, .to = PL_TIME_MAX};
    struct pl_zone_scan *scan;
    struct pl_zone_record record;
    unsigned rows = 0;
    assert_int_equal(pl_zone_scan_new(store, tags, id, &range, &scan, NULL), PL_OK);
    while (pl_zone_scan_next(scan, &record, NULL) == PL_OK) {
        rows += record.batch->rows;
        pl_batch_unref(record.batch);
    }
    pl_zone_scan_free(scan);
    return rows;
}

/* ---- Damage ---- */

static void put(enum pl_store_family family, const void *key, size_t key_size, const void *value, size_t size) {
    rocksdb_writebatch_t *writes = rocksdb_writebatch_create();
    if (value)
        rocksdb_writebatch_put_cf(writes, store->family[family], key, key_size, value, size);
    else
        rocksdb_writebatch_delete_cf(writes, store->family[family], key, key_size);
    assert_int_equal(pl_store_write(store, writes, NULL), PL_OK);
    rocksdb_writebatch_destroy(writes);
}

/* Flips a bit of the value of entry `number` of a family, `at` of its length (per cent). */
static void flip(enum pl_store_family family, unsigned number, unsigned at) {
    struct pl_store_iter *iter;
    size_t key_size, size;
    assert_int_equal(pl_store_iter_new(store, family, NULL, 0, &iter, NULL), PL_OK);
    pl_store_iter_seek(iter, "", 0);
    for (unsigned i = 0; i < number; i++)
        pl_store_iter_next(iter);
    assert_true(pl_store_iter_valid(iter));
    const void *key = pl_store_iter_key(iter, &key_size), *value = pl_store_iter_value(iter, &size);
    uint8_t *changed = malloc(size);
    memcpy(changed, value, size);
    changed[(size - 1) * at / 100] ^= 4;
    put(family, key, key_size, changed, size);
    free(changed);
    pl_store_iter_free(iter);
}

static void drop_record(uint16_t partition, uint64_t sequence) {
    uint8_t key[PL__RECORD_KEY];
    pl__record_key(partition, sequence, key);
    put(PL_STORE_BRONZE, key, sizeof key, NULL, 0);
}

/* ---- Tests ---- */

static void a_good_folder_has_no_findings(void **state) {
    (void)state;
    assert_says(0, "", "", "\n0 findings\n");
    assert_non_null(strstr(out, "silver: 30 entries, 0 findings\n"));
    assert_non_null(strstr(out, "bronze and its index: 122 entries, 0 findings\n")); /* 2 * (30 + 1) and 2 * 30 */
    assert_non_null(strstr(out, "audit: 5 entries, 0 findings\n"));
    int code = run("", ""); /* beside a writer */
    assert_int_equal(code, 0);
    assert_says(0, "", "--repair --yes", "\n0 findings\n");
    assert_says(0, "", "", "audit: 5 entries, 0 findings\n"); /* nothing was done, so nothing is recorded */
}

static void what_is_no_folder_is_said(void **state) {
    (void)state;
    assert_says(1, "", "--data ./nowhere", "not a data folder");
    assert_says(2, "", "--yes", "--yes is for --repair");
}

static void a_flipped_bit_in_a_zone_is_found_and_repaired(void **state) {
    (void)state;
    for (unsigned at = 0; at <= 100; at += 10)
        flip(PL_STORE_SILVER, at / 10, at);
    flip(PL_STORE_GOLD, 20, 50);
    assert_says(1, "", "", "silver: node keep, partition 0, record ");
    assert_non_null(strstr(out, "of 1970-01-03T00:00:00Z: does not match its checksum\n"));
    assert_non_null(strstr(out, "silver: 30 entries, 11 findings\n"));
    assert_non_null(strstr(out, "gold: 30 entries, 1 finding\n"));
    assert_non_null(strstr(out, "\n12 findings\n"));
    assert_says(1, "n\\n", "--repair", "remove 12 damaged records? Their rows are lost already. [y/N] 12 findings\n");
    assert_says(1, "", "--repair", "[y/N] 12 findings"); /* at the end of its input nobody has agreed */
    assert_says(0, "y\\n", "--repair", "removed: gold: node win, partition 0, record ");
    assert_says(0, "", "", "\n0 findings\n");
    assert_non_null(strstr(out, "audit: 17 entries, 0 findings\n"));
    assert_int_equal(rows_kept(PL_SILVER), (RECORDS - 11) * ROWS);
    assert_int_equal(rows_kept(PL_GOLD), (RECORDS - 1) * ROWS);
}

static void a_key_that_is_none_is_found_and_repaired(void **state) {
    (void)state;
    put(PL_STORE_DEAD, "nonsense", 8, "x", 1);
    assert_says(1, "", "", "dead: a key of 8 bytes is none");
    assert_says(0, "", "--repair --yes", "\n0 findings\n");
    assert_says(0, "", "", "\n0 findings\n");
}

static void repairing_needs_the_folder_for_itself(void **state) {
    (void)state;
    flip(PL_STORE_SILVER, 3, 50);
    assert_int_equal(run("", "--repair --yes"), 1);
    assert_non_null(strstr(out, "in use by process"));
    assert_int_equal(run("", ""), 1); /* looking works */
    assert_non_null(strstr(out, "\n1 finding\n"));
}

static void damage_of_the_log_is_found_and_left(void **state) {
    (void)state;
    flip(PL_STORE_BRONZE, 4, 70);
    drop_record(1, 10 * ROWS);
    drop_record(1, 11 * ROWS);
    assert_says(1, "", "", "bronze: log, partition 0, sequence 200: the record does not match its checksum\n");
    assert_non_null(strstr(out, "bronze: partition 1: sequences 500 to 599 are missing\n"));
    assert_non_null(strstr(out, "\n2 findings\n"));
    assert_says(1, "", "--repair --yes", "\n2 findings\n");
    put(PL_STORE_BRONZE, "x", 1, "y", 1);
    assert_says(1, "", "", "bronze: a key of 1 bytes is none\n");
}

static void a_missing_barrier_is_found(void **state) {
    (void)state;
    drop_record(0, RECORDS * ROWS);
    assert_says(1, "", "",
                "bronze: partition 0: sequence 1500 is not the barrier of the last checkpoint, which is 7\n");
    assert_non_null(strstr(out, "\n1 finding\n"));
    drop_record(1, RECORDS * ROWS);
    assert_says(1, "", "", "partition 1: sequence 1500 is not the barrier");
    assert_non_null(strstr(out, "\n2 findings\n"));
}

static void damage_of_the_index_is_found(void **state) {
    (void)state;
    flip(PL_STORE_INDEX, 3, 0); /* the highest byte of a sequence */
    assert_says(1, "", "", "index: partition 0: sequence 200 stands behind ");
    put(PL_STORE_INDEX, "short", 5, "x", 1);
    assert_says(1, "", "", "index: an entry of 5 and 1 bytes is none\n");
}

static void damage_of_the_checkpoint_is_found(void **state) {
    (void)state;
    static const char task[] = "sclean\0\0\0\1", other[] = "sclean\0\0\0\x63";
    put(PL_STORE_STATE, task, sizeof task - 1, "\xc0", 1);
    assert_says(0, "", "", "checkpoint: 1 entries, 0 findings\n");
    put(PL_STORE_STATE, task, sizeof task - 1, "\xc0\xc0", 2);
    put(PL_STORE_STATE, other, sizeof other - 1, "\xc0", 1);
    put(PL_STORE_STATE, "x", 1, "y", 1);
    assert_says(1, "", "", "checkpoint: node clean: state (part 1) cannot be read\n");
    assert_non_null(strstr(out, "checkpoint: node clean: state of a part 99, which there is not\n"));
    assert_non_null(strstr(out, "checkpoint: a key of 1 bytes is none\n"));
    put(PL_STORE_STATE, "d\0\0\0\0\0\0\0\1\0\0\0\0", 13, "\0\0clean\0\1\2\3", 11);
    assert_says(1, "", "", "checkpoint: a piece of changes that are under way cannot be read\n");
    put(PL_STORE_META, "epoch", 5, "?", 1);
    assert_says(1, "", "", "checkpoint: cannot be read on: .: the checkpoint is damaged");
}

static void damage_of_what_people_do_is_found(void **state) {
    (void)state;
    static const char kept[] = "high\0limit";
    put(PL_STORE_KEPT, kept, sizeof kept - 1, "123456789", 9);
    flip(PL_STORE_AUDIT, 3, 80);
    put(PL_STORE_USERS, "anna", 4, "?", 1);
    assert_says(1, "", "", "kept: node high: what was kept as limit does not match its checksum\n");
    assert_non_null(strstr(out, "audit: cannot be read on: .: audit record 3 does not follow"));
    assert_non_null(strstr(out, "users: cannot be read on: "));
    assert_non_null(strstr(out, "\n3 findings\n"));
}

/* ---- Files ---- */

static void flip_in_file(const char *path) {
    uint8_t byte;
    FILE *file = fopen(path, "r+");
    assert_non_null(file);
    fseek(file, 40, SEEK_SET); /* in the first block of data */
    assert_int_equal(fread(&byte, 1, 1, file), 1);
    byte ^= 1;
    fseek(file, 40, SEEK_SET);
    assert_int_equal(fwrite(&byte, 1, 1, file), 1);
    fclose(file);
}

/* One file after the other, a family each: RocksDB sees it, and the search goes on in what else there is. */
static void a_flipped_bit_in_a_file_is_found(void **state) {
    (void)state;
    char path[600];
    unsigned files = 0, gone_on = 0;
    close_folder();
    open_folder(); /* what was written is in files then */
    close_folder();
    snprintf(path, sizeof path, "%s/store", folder);
    DIR *list = opendir(path);
    for (struct dirent *entry; (entry = readdir(list));) {
        if (!strstr(entry->d_name, ".sst")) continue;
        snprintf(path, sizeof path, "%s/store/%s", folder, entry->d_name);
        flip_in_file(path);
        int code = run("", "");
        bool told = strstr(out, "orruption") || strstr(out, "is not what it was when the folder was closed");
        if (code != told) fail_msg("%s: exit %d, says:\n%s", path, code, out);
        files += told;
        gone_on += strstr(out, "\ndead: ") && (strstr(out, "\n1 finding\n") || strstr(out, "\n2 findings\n"));
        flip_in_file(path);
    }
    closedir(list);
    assert_true(files >= 6);
    assert_true(gone_on >= files - 2); /* but for those that RocksDB does not open with */
    assert_int_equal(run("", ""), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    char self[400];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    if (length < 0) return 1;
    self[length] = 0;
    snprintf(program, sizeof program, "%s/../bin/potline", dirname(self));
    const struct CMUnitTest tests[] = {
        TEST(a_good_folder_has_no_findings),
        TEST(what_is_no_folder_is_said),
        TEST(a_flipped_bit_in_a_zone_is_found_and_repaired),
        TEST(a_key_that_is_none_is_found_and_repaired),
        TEST(repairing_needs_the_folder_for_itself),
        TEST(damage_of_the_log_is_found_and_left),
        TEST(a_missing_barrier_is_found),
        TEST(damage_of_the_index_is_found),
        TEST(damage_of_the_checkpoint_is_found),
        TEST(damage_of_what_people_do_is_found),
        TEST(a_flipped_bit_in_a_file_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
