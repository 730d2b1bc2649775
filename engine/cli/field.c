#include "field.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <potline/alloc.h>
#include <potline/diag.h>
#include <potline/text.h>
#include <potline/time.h>

#include "base/clock.h"
#include "data.h"
#include "store/store.h"

enum { LOOK_MS = 200, ARGUMENTS = 12, ENDING_MS = 20000 };

static const int64_t AGAIN = PL_SECOND; /* from one start to the next one */

extern char **environ;

struct pl_field {
    const char *graph;
    char *data;
    const char *key_file, *log_format;
    pid_t child;   /* 0: none */
    pid_t found;   /* one that an engine before this one had started; 0: none */
    int64_t begun; /* the last start; monotonic, 0: none */
    bool ending;   /* with the lock */
    bool has_thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
};

/* ---- Processes ---- */

/* A session of its own, so that nothing sent to our terminal or our group ends it, and the signals of a fresh process.
 */
static bool set_up(posix_spawnattr_t *attributes) {
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    return posix_spawnattr_init(attributes) == 0 && posix_spawnattr_setsigmask(attributes, &none) == 0 &&
           posix_spawnattr_setsigdefault(attributes, &all) == 0 &&
           posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF) ==
               0;
}

static void start(struct pl_field *field) {
    const char *arguments[ARGUMENTS] = {"potline", "run", field->graph, "--data", field->data, "--quiet"};
    unsigned count = 6;
    posix_spawnattr_t attributes;
    if (field->key_file) arguments[count++] = "--key-file", arguments[count++] = field->key_file;
    if (field->log_format) arguments[count++] = "--log-format", arguments[count++] = field->log_format;
    if (!set_up(&attributes)) return;
    int failed =
        posix_spawn(&field->child, "/proc/self/exe", NULL, &attributes, (char *const *)(uintptr_t)arguments, environ);
    posix_spawnattr_destroy(&attributes);
    if (failed) {
        field->child = 0;
        pl_diag(PL_ERROR, "the field side cannot be started: %s", strerror(failed));
    } else {
        pl_diag(PL_INFO, "the field side, %s, is process %ld; potline shell --data %s talks to it", field->graph,
                (long)field->child, field->data);
    }
}

static void reap(struct pl_field *field) {
    int status;
    if (!field->child || waitpid(field->child, &status, WNOHANG) != field->child) return;
    if (WIFSIGNALED(status))
        pl_diag(PL_ERROR, "the field side (process %ld) was ended by signal %d (%s); it is started again",
                (long)field->child, WTERMSIG(status), strsignal(WTERMSIG(status)));
    else
        pl_diag(PL_ERROR, "the field side (process %ld) has ended with exit code %d; it is started again",
                (long)field->child, WEXITSTATUS(status));
    field->child = 0;
}

/* Whoever is at work on its folder is the field side, whoever started it. */
static void look(struct pl_field *field) {
    reap(field);
    if (field->child) return;
    pid_t holder = pl_store_holder(field->data);
    if (holder && holder != field->found)
        pl_diag(PL_INFO, "the field side is at work already, as process %ld", (long)holder);
    if (!holder && field->found) pl_diag(PL_ERROR, "the field side (process %ld) is gone", (long)field->found);
    field->found = holder;
    if (holder || (field->begun && pl_clock_monotonic() - field->begun < AGAIN)) return;
    start(field);
    field->begun = pl_clock_monotonic(); /* behind what is said of it, which is said once a second at most */
}

static void rest(struct pl_field *field) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    int64_t sum = at.tv_nsec + LOOK_MS * PL_MILLISECOND;
    at.tv_sec += sum / PL_SECOND;
    at.tv_nsec = sum % PL_SECOND;
    pthread_cond_timedwait(&field->changed, &field->lock, &at);
}

static void *look_after(void *arg) {
    struct pl_field *field = arg;
    pthread_setname_np(pthread_self(), "field");
    pthread_mutex_lock(&field->lock);
    while (!field->ending) {
        pthread_mutex_unlock(&field->lock);
        look(field);
        pthread_mutex_lock(&field->lock);
        if (!field->ending) rest(field);
    }
    pthread_mutex_unlock(&field->lock);
    return NULL;
}

/* ---- Life ---- */

static void free_field(struct pl_field *field) {
    pthread_cond_destroy(&field->changed);
    pthread_mutex_destroy(&field->lock);
    pl_free(field->data);
    pl_free(field);
}

static char *folder_of(const struct pl_cli *cli, const char *data) {
    char path[4096];
    const char *given = pl_cli_get(cli, "field-data");
    if (!given) snprintf(path, sizeof path, "%s.field", data);
    return pl_cli_data_folder(given ? given : path, NULL);
}

static struct pl_field *make(const struct pl_cli *cli, const char *data) {
    struct pl_field *field = PL_NEW(struct pl_field);
    pthread_condattr_t attributes;
    if (!field) return NULL;
    pthread_mutex_init(&field->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&field->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    field->graph = pl_cli_get(cli, "field");
    field->key_file = pl_cli_get(cli, "key-file");
    field->log_format = pl_cli_get(cli, "log-format");
    field->data = folder_of(cli, data);
    return field;
}

enum pl_code pl_field_begin(const struct pl_cli *cli, const char *data, struct pl_field **field,
                            struct pl_error **error) {
    *field = NULL;
    if (!pl_cli_get(cli, "field")) return PL_OK;
    if (!data && !pl_cli_get(cli, "field-data"))
        return pl_error_set(error, PL_USAGE, "--field: name its data folder with --field-data, as GRAPH has none");
    struct pl_field *made = make(cli, data);
    if (!made) return pl_error_set(error, PL_NO_MEMORY, "no memory for the field side");
    made->has_thread = made->data && pthread_create(&made->thread, NULL, look_after, made) == 0;
    if (made->has_thread) {
        *field = made;
        return PL_OK;
    }
    bool folder = made->data != NULL;
    free_field(made);
    return pl_error_set(error, PL_IO, folder ? "nobody can look after the field side" : "the field side has no folder");
}

static bool is_over(const struct pl_field *field, pid_t process) {
    return process == field->child ? waitpid(process, NULL, WNOHANG) != 0 : kill(process, 0) != 0 && errno == ESRCH;
}

static void stop(const struct pl_field *field) {
    pid_t process = field->child ? field->child : pl_store_holder(field->data);
    if (!process || kill(process, SIGTERM)) return;
    for (int i = 0; i < ENDING_MS / LOOK_MS * 10; i++) {
        if (is_over(field, process)) return;
        usleep(LOOK_MS * 100);
    }
    pl_diag(PL_ERROR, "the field side (process %ld) has not ended yet", (long)process);
}

void pl_field_end(struct pl_field *field, bool orderly) {
    if (!field) return;
    pthread_mutex_lock(&field->lock);
    field->ending = true;
    pthread_cond_signal(&field->changed);
    pthread_mutex_unlock(&field->lock);
    pthread_join(field->thread, NULL);
    if (orderly)
        stop(field);
    else
        pl_diag(PL_WARN, "the field side goes on; potline shell --data %s -c stop ends it", field->data);
    free_field(field);
}
