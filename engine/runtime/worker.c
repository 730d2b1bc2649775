#include "worker.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

#include <potline/alloc.h>

#include "runtime/edge.h"

enum { WORD = 64, ROUNDS_A_TURN = 8 };

struct watch {
    uv_poll_t poll;
    struct pl_edge *edge;
    struct pl_runnable *task;
    struct watch *next;
};

struct pl_worker {
    uv_loop_t loop;
    uv_prepare_t prepare;
    uv_check_t check;
    uv_idle_t idle; /* runs while something is ready, so that the loop does not sleep */
    uv_async_t call;
    pthread_t thread;
    char name[16];
    bool started;
    _Atomic bool stopping;
    _Atomic uint64_t asked_at;         /* hrtime; 0: nobody waits for a sign of life */
    struct pl_runnable *_Atomic poked; /* a stack */
    struct pl_runnable **tasks;
    unsigned task_count;
    unsigned task_capacity;
    uint64_t *now;  /* ready in this round */
    uint64_t *next; /* ready in the next one */
    unsigned words;
    bool any_next;
    int running; /* rank of the task that runs; -1: none */
    struct watch *watches;
    struct pl_runnable *buried;
    void (*still)(void *arg);
    void *still_arg;
    _Atomic bool halting;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t changed;
    bool halted;
    void (*what)(void *arg); /* to be done meanwhile */
    void *arg;
};

static _Thread_local const struct pl_worker *here; /* whose thread this is */

static void mark(struct pl_worker *worker, unsigned rank) {
    bool later = (int)rank <= worker->running;
    (later ? worker->next : worker->now)[rank / WORD] |= UINT64_C(1) << rank % WORD;
    worker->any_next |= later;
}

void pl_ready(struct pl_runnable *task) {
    mark(task->worker, task->rank);
}

bool pl_worker_here(const struct pl_worker *worker) {
    return here == worker;
}

void pl_poke(struct pl_runnable *task) {
    struct pl_worker *worker = task->worker;
    if (pl_worker_here(worker)) {
        pl_ready(task);
        return;
    }
    if (atomic_exchange(&task->poked, true)) return;
    struct pl_runnable *top = atomic_load(&worker->poked);
    do
        task->next_poked = top;
    while (!atomic_compare_exchange_weak(&worker->poked, &top, task));
    uv_async_send(&worker->call);
}

static void take_pokes(struct pl_worker *worker) {
    struct pl_runnable *task = atomic_exchange(&worker->poked, NULL);
    while (task) {
        struct pl_runnable *next = task->next_poked;
        atomic_store(&task->poked, false); /* before it runs: what comes from now on pokes again */
        pl_ready(task);
        task = next;
    }
}

static int highest(const uint64_t *set, unsigned words) {
    for (unsigned w = words; w-- > 0;)
        if (set[w]) return (int)(w * WORD + (WORD - 1 - (unsigned)__builtin_clzll(set[w])));
    return -1;
}

static void run_round(struct pl_worker *worker) {
    for (int rank; (rank = highest(worker->now, worker->words)) >= 0;) {
        worker->now[rank / WORD] &= ~(UINT64_C(1) << rank % WORD);
        worker->running = rank;
        worker->tasks[rank]->run(worker->tasks[rank]);
    }
    worker->running = -1;
    uint64_t *done = worker->now;
    worker->now = worker->next;
    worker->next = done;
    worker->any_next = false;
}

static bool anything(const struct pl_worker *worker) {
    return highest(worker->now, worker->words) >= 0;
}

static void nothing_to_do(uv_idle_t *idle) {
    (void)idle;
}

/* Nothing is under way, from whichever task to whichever. */
static bool edges_are_empty(const struct pl_worker *worker) {
    for (const struct watch *w = worker->watches; w; w = w->next)
        if (!pl_edge_idle(w->edge)) return false;
    return true;
}

void pl_worker_when_still(struct pl_worker *worker, void (*still)(void *arg), void *arg) {
    worker->still = still;
    worker->still_arg = arg;
}

static void before_poll(uv_prepare_t *prepare) {
    struct pl_worker *worker = prepare->data;
    if (worker->still && !anything(worker) && !atomic_load(&worker->poked) && edges_are_empty(worker))
        worker->still(worker->still_arg);
    if (anything(worker))
        uv_idle_start(&worker->idle, nothing_to_do);
    else
        uv_idle_stop(&worker->idle);
}

static void end_loop(struct pl_worker *worker) {
    for (unsigned i = worker->task_count; i-- > 0;)
        worker->tasks[i]->finish(worker->tasks[i]);
    for (struct watch *w = worker->watches; w; w = w->next)
        uv_close((uv_handle_t *)&w->poll, NULL);
    uv_close((uv_handle_t *)&worker->prepare, NULL);
    uv_close((uv_handle_t *)&worker->check, NULL);
    uv_close((uv_handle_t *)&worker->idle, NULL);
    uv_close((uv_handle_t *)&worker->call, NULL);
}

/* ---- Standing still ---- */

static void look_for_closing(uv_handle_t *handle, void *arg) {
    if (uv_is_closing(handle)) *(bool *)arg = true;
}

/* `all`: the loop has ended. */
static void release_buried(struct pl_worker *worker, bool all) {
    struct pl_runnable **at = &worker->buried;
    while (*at) {
        struct pl_runnable *task = *at;
        if (!all && task->settled && !task->settled(task)) {
            at = &task->next_buried;
            continue;
        }
        *at = task->next_buried;
        task->release(task);
    }
}

/* Handles that are closing hold the loop awake until they are closed; so do requests that are under way. */
static void look_after_buried(struct pl_worker *worker) {
    bool closing = false;
    uv_walk(&worker->loop, look_for_closing, &closing);
    if (!closing && worker->loop.active_reqs.count == 0) release_buried(worker, false);
}

static void start_new(struct pl_worker *worker) {
    for (unsigned i = 0; i < worker->task_count; i++) {
        struct pl_runnable *task = worker->tasks[i];
        if (!task->started) {
            task->started = true;
            task->start(task);
        }
        pl_ready(task);
    }
}

static void watch_new(struct pl_worker *worker);

static void stand_still(struct pl_worker *worker) {
    pthread_mutex_lock(&worker->lock);
    worker->halted = true;
    pthread_cond_broadcast(&worker->changed);
    while (atomic_load(&worker->halting)) {
        if (worker->what) {
            pthread_mutex_unlock(&worker->lock);
            worker->what(worker->arg);
            pthread_mutex_lock(&worker->lock);
            worker->what = NULL;
            pthread_cond_broadcast(&worker->changed);
        } else {
            pthread_cond_wait(&worker->changed, &worker->lock);
        }
    }
    worker->halted = false;
    pthread_cond_broadcast(&worker->changed);
    pthread_mutex_unlock(&worker->lock);
    watch_new(worker);
    start_new(worker);
}

static void after_poll(uv_check_t *check) {
    struct pl_worker *worker = check->data;
    take_pokes(worker);
    for (int i = 0; i < ROUNDS_A_TURN && anything(worker); i++)
        run_round(worker);
    if (PL_UNLIKELY(worker->buried)) look_after_buried(worker);
    if (PL_UNLIKELY(atomic_load_explicit(&worker->halting, memory_order_relaxed))) stand_still(worker);
    if (atomic_load(&worker->stopping) && !uv_is_closing((uv_handle_t *)check)) end_loop(worker);
}

static void called(uv_async_t *call) {
    struct pl_worker *worker = call->data;
    atomic_store_explicit(&worker->asked_at, 0, memory_order_relaxed); /* for the rest see after_poll */
}

static void readable(uv_poll_t *poll, int status, int events) {
    (void)status;
    (void)events;
    struct watch *watch = poll->data;
    if (pl_edge_ready(watch->edge)) pl_ready(watch->task);
}

static void watch_new(struct pl_worker *worker) {
    for (struct watch *w = worker->watches; w; w = w->next)
        if (!uv_is_active((uv_handle_t *)&w->poll)) uv_poll_start(&w->poll, UV_READABLE, readable);
}

enum pl_code pl_worker_new(const char *name, struct pl_worker **worker, struct pl_error **error) {
    struct pl_worker *w = *worker = PL_NEW(struct pl_worker);
    if (!w) return pl_error_set(error, PL_NO_MEMORY, "no memory for a worker");
    snprintf(w->name, sizeof w->name, "%.15s", name);
    w->running = -1;
    if (uv_loop_init(&w->loop)) {
        pl_free(w);
        *worker = NULL;
        return pl_error_set(error, PL_LIMIT, "cannot make an event loop: too many open files?");
    }
    pthread_mutex_init(&w->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&w->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    uv_prepare_init(&w->loop, &w->prepare);
    uv_check_init(&w->loop, &w->check);
    uv_idle_init(&w->loop, &w->idle);
    uv_async_init(&w->loop, &w->call, called);
    w->prepare.data = w->check.data = w->call.data = w;
    uv_prepare_start(&w->prepare, before_poll);
    uv_check_start(&w->check, after_poll);
    return PL_OK;
}

void pl_worker_free(struct pl_worker *worker) {
    if (!worker) return;
    if (!worker->started) {
        worker->task_count = 0;
        end_loop(worker);
        uv_run(&worker->loop, UV_RUN_DEFAULT);
    }
    uv_loop_close(&worker->loop);
    release_buried(worker, true);
    pthread_cond_destroy(&worker->changed);
    pthread_mutex_destroy(&worker->lock);
    while (worker->watches) {
        struct watch *next = worker->watches->next;
        pl_free(worker->watches);
        worker->watches = next;
    }
    pl_free(worker->tasks);
    pl_free(worker->now);
    pl_free(worker->next);
    pl_free(worker);
}

static bool grow_sets(struct pl_worker *worker, unsigned words) {
    uint64_t *now = pl_alloc(words * sizeof *now), *next = pl_alloc(words * sizeof *next);
    if (!now || !next) {
        pl_free(now);
        pl_free(next);
        return false;
    }
    pl_free(worker->now);
    pl_free(worker->next);
    worker->now = now;
    worker->next = next;
    worker->words = words;
    return true;
}

enum pl_code pl_worker_add(struct pl_worker *worker, struct pl_runnable *task, struct pl_error **error) {
    if (worker->task_count == worker->task_capacity) {
        unsigned capacity = worker->task_capacity ? worker->task_capacity * 2 : WORD;
        struct pl_runnable **grown = pl_realloc(worker->tasks, capacity * sizeof *grown);
        if (!grown) return pl_error_set(error, PL_NO_MEMORY, "no memory for tasks");
        worker->tasks = grown;
        worker->task_capacity = capacity;
        if (!grow_sets(worker, capacity / WORD)) return pl_error_set(error, PL_NO_MEMORY, "no memory for tasks");
    }
    task->worker = worker;
    task->rank = worker->task_count;
    worker->tasks[worker->task_count++] = task;
    return PL_OK;
}

enum pl_code pl_worker_watch(struct pl_worker *worker, struct pl_edge *edge, struct pl_runnable *task,
                             struct pl_error **error) {
    struct watch *watch = PL_NEW(struct watch);
    if (!watch) return pl_error_set(error, PL_NO_MEMORY, "no memory to watch an edge");
    watch->edge = edge;
    watch->task = task;
    int status = uv_poll_init(&worker->loop, &watch->poll, pl_edge_fd(edge));
    if (status) {
        pl_free(watch);
        return pl_error_set(error, PL_LIMIT, "cannot watch an edge: %s", uv_strerror(status));
    }
    watch->poll.data = watch;
    watch->next = worker->watches;
    worker->watches = watch;
    return PL_OK;
}

static void *run_worker(void *argument) {
    struct pl_worker *worker = argument;
    here = worker;
    pthread_setname_np(pthread_self(), worker->name);
    watch_new(worker);
    start_new(worker);
    uv_run(&worker->loop, UV_RUN_DEFAULT); /* until every handle, the operators' too, is closed */
    return NULL;
}

enum pl_code pl_worker_start(struct pl_worker *worker, struct pl_error **error) {
    worker->started = true;
    if (pthread_create(&worker->thread, NULL, run_worker, worker) == 0) return PL_OK;
    worker->started = false;
    return pl_error_set(error, PL_LIMIT, "cannot start a thread");
}

void pl_worker_stop(struct pl_worker *worker) {
    atomic_store(&worker->stopping, true);
    if (worker->started) uv_async_send(&worker->call);
}

static struct timespec after(int64_t timeout) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    int64_t sum = at.tv_nsec + timeout;
    at.tv_sec += sum / 1000000000;
    at.tv_nsec = sum % 1000000000;
    return at;
}

bool pl_worker_halt(struct pl_worker *worker, int64_t timeout) {
    struct timespec until = after(timeout);
    int late = 0;
    atomic_store(&worker->halting, true);
    uv_async_send(&worker->call);
    pthread_mutex_lock(&worker->lock);
    while (!worker->halted && !late)
        late = pthread_cond_timedwait(&worker->changed, &worker->lock, &until);
    bool halted = worker->halted;
    if (!halted) atomic_store(&worker->halting, false);
    pthread_mutex_unlock(&worker->lock);
    return halted;
}

void pl_worker_do(struct pl_worker *worker, void (*what)(void *arg), void *arg) {
    pthread_mutex_lock(&worker->lock);
    worker->what = what;
    worker->arg = arg;
    pthread_cond_broadcast(&worker->changed);
    while (worker->what)
        pthread_cond_wait(&worker->changed, &worker->lock);
    pthread_mutex_unlock(&worker->lock);
}

void pl_worker_clear(struct pl_worker *worker) {
    struct pl_runnable *task = atomic_exchange(&worker->poked, NULL);
    for (struct pl_runnable *next; task; task = next) {
        next = task->next_poked;
        atomic_store(&task->poked, false);
    }
    if (worker->words) memset(worker->now, 0, worker->words * sizeof *worker->now);
    if (worker->words) memset(worker->next, 0, worker->words * sizeof *worker->next);
    worker->any_next = false;
    worker->task_count = 0;
}

static void free_watch(uv_handle_t *handle) {
    pl_free(handle->data);
}

void pl_worker_unwatch(struct pl_worker *worker, struct pl_edge *edge) {
    struct watch **at = &worker->watches;
    while (*at && (*at)->edge != edge)
        at = &(*at)->next;
    struct watch *watch = *at;
    if (!watch) return;
    *at = watch->next;
    uv_close((uv_handle_t *)&watch->poll, free_watch); /* and does not look at the descriptor any more */
}

void pl_worker_bury(struct pl_worker *worker, struct pl_runnable *task) {
    task->next_buried = worker->buried;
    worker->buried = task;
}

void pl_worker_resume(struct pl_worker *worker) {
    pthread_mutex_lock(&worker->lock);
    atomic_store(&worker->halting, false);
    pthread_cond_broadcast(&worker->changed);
    while (worker->halted)
        pthread_cond_wait(&worker->changed, &worker->lock);
    pthread_mutex_unlock(&worker->lock);
}

void pl_worker_ask(struct pl_worker *worker) {
    uint64_t none = 0;
    if (worker->started && atomic_compare_exchange_strong(&worker->asked_at, &none, uv_hrtime()))
        uv_async_send(&worker->call);
}

uint64_t pl_worker_silence(const struct pl_worker *worker) {
    uint64_t asked = atomic_load_explicit(&worker->asked_at, memory_order_relaxed), now = uv_hrtime();
    return asked && now > asked ? now - asked : 0;
}

const char *pl_worker_name(const struct pl_worker *worker) {
    return worker->name;
}

void pl_worker_join(struct pl_worker *worker) {
    if (worker->started) pthread_join(worker->thread, NULL);
}

uv_loop_t *pl_worker_loop(struct pl_worker *worker) {
    return &worker->loop;
}
