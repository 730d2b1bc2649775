/* conformance_race.c: readers on other threads, and a writer that is killed. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "batch/tags.h"
#include "log/conformance_rig.h"

/* ---- A reader on another thread ---- */

static uint64_t concurrent(void) {
    return 1600 / factory->haste;
}

struct reader {
    pthread_t thread;
    uint64_t read;
    uint16_t partition;
    bool good;
};

/* Checks what it can without the registry's ids, which the other thread enters: sequences and the head. */
static void *read_along(void *argument) {
    struct reader *reader = argument;
    struct pl_log_cursor *cursor;
    uint64_t sequence = 0;
    reader->good = log_->ops->cursor(log_, reader->partition, 0, false, &cursor, NULL) == PL_OK;
    while (reader->good && reader->read < concurrent()) {
        struct pl_log_record record;
        enum pl_code code = log_->ops->read(cursor, &record, NULL);
        if (code == PL_NOT_FOUND) {
            sched_yield();
            continue;
        }
        reader->good = code == PL_OK && follows(record.sequence, sequence) && record.partition == reader->partition;
        if (!reader->good) break;
        reader->good = (record.type == PL_LOG_ROWS) == (record.batch != NULL);
        sequence = record.sequence + length_of(&record);
        drop_record(&record);
        reader->read++;
    }
    log_->ops->cursor_free(cursor);
    return NULL;
}

void readers_follow_an_appender(void **state) {
    (void)state;
    struct reader readers[4] = {{.partition = 0}, {.partition = 0}, {.partition = 1}, {.partition = 1}};
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&readers[i].thread, NULL, read_along, &readers[i]), 0);
    for (uint64_t number = 0; number < concurrent(); number += 50) {
        append_numbers(0, number, number + 50);
        append_numbers(1, number, number + 50);
        if (number % 500 == 0) assert_int_equal(log_->ops->sync(log_, NULL), PL_OK);
    }
    for (unsigned i = 0; i < 4; i++) {
        pthread_join(readers[i].thread, NULL);
        assert_true(readers[i].good);
        assert_int_equal(readers[i].read, concurrent());
    }
    assert_holds(0, concurrent());
    assert_holds(1, concurrent());
}

static void *sync_along(void *argument) {
    _Atomic bool *stop = argument;
    bool good = true;
    while (!atomic_load(stop))
        good &= log_->ops->sync(log_, NULL) == PL_OK;
    return good ? stop : NULL;
}

void sync_runs_beside_appends(void **state) {
    (void)state;
    _Atomic bool stop = false;
    pthread_t thread;
    void *good;
    assert_int_equal(pthread_create(&thread, NULL, sync_along, &stop), 0);
    append_numbers(0, 0, 1000 / factory->haste);
    atomic_store(&stop, true);
    pthread_join(thread, &good);
    assert_non_null(good);
    assert_holds(0, 1000 / factory->haste);
}

/* ---- A writer that is killed ---- */

/* Shared with the writer: how many records' appends have returned. */
static _Atomic uint64_t *share_counter(const char *path, bool make) {
    int fd = open(path, make ? O_RDWR | O_CREAT | O_TRUNC : O_RDWR, 0600);
    if (fd < 0 || (make && ftruncate(fd, sizeof(uint64_t)))) return NULL;
    void *map = mmap(NULL, sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    return map == MAP_FAILED ? NULL : map;
}

/* The number of records in partition 0, each held against what it must be from `known` on. */
static uint64_t verify_kept(uint64_t known, uint64_t *sequence) {
    struct pl_log_cursor *cursor = open_cursor(0, *sequence);
    struct pl_log_record found;
    enum pl_code code;
    while (!(code = log_->ops->read(cursor, &found, NULL)))
        check_number(&found, 0, known++, sequence);
    assert_int_equal(code, PL_NOT_FOUND);
    assert_follows(log_->ops->next(log_, 0), *sequence);
    log_->ops->cursor_free(cursor);
    return known;
}

/* Goes on appending to a place that holds `known` records, until it is killed. */
int run_writer(char *where, const char *counter_path, uint64_t known) {
    _Atomic uint64_t *appended = share_counter(counter_path, false);
    if (!appended) return 1;
    tags = pl_tags_new(&(struct pl_tags_options){0});
    place = where;
    open_log(PARTITIONS);
    for (;;) {
        uint64_t end = known + known % 3 + 1; /* as append_numbers cuts them: one append */
        append_numbers(0, known, end);
        known = end;
        atomic_store(appended, known);
    }
}

static pid_t start_writer(const char *counter_path, uint64_t known) {
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)known);
    pid_t child = fork();
    if (child) return child;
    execl("/proc/self/exe", "conformance", "--writer", place, counter_path, text, (char *)NULL);
    _exit(127);
}

void what_was_appended_survives_a_kill(void **state) {
    (void)state;
    unsigned rounds = getenv("POTLINE_LONG") ? 100 : 8;
    char counter_path[] = "/tmp/potline-appended-XXXXXX";
    close(mkstemp(counter_path));
    _Atomic uint64_t *appended = share_counter(counter_path, true);
    assert_non_null(appended);
    uint64_t known = 0, sequence = 0;
    close_log();
    random_state = (uint64_t)getpid();
    uint64_t moments = random_number();
    for (unsigned round = 0; round < rounds; round++) {
        uint64_t before = known;
        pid_t child = start_writer(counter_path, known);
        assert_true(child > 0);
        while (atomic_load(appended) <= known) { /* it has come that far; a dead one would not */
            int status;
            assert_int_equal(waitpid(child, &status, WNOHANG), 0);
            usleep(1000);
        }
        moments = moments * 6364136223846793005u + 1;
        usleep((useconds_t)(moments >> 33) % 60000);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);

        open_log(PARTITIONS);
        known = verify_kept(known, &sequence);
        uint64_t returned = atomic_load(appended);
        assert_true(known == returned || known == returned + returned % 3 + 1); /* whole appends, none twice */
        assert_true(known > before);
        close_log();
        atomic_store(appended, known);
    }
    open_log(PARTITIONS);
    assert_holds(0, known);
    munmap((void *)appended, sizeof(uint64_t));
    unlink(counter_path);
}
