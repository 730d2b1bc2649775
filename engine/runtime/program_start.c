#include "program_start.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <potline/alloc.h>

enum { NOT_RUN = 127, EXTRA = 16, VARIABLE_MAX = 4096 };

/* All that is needed between fork and exec, where nothing may be allocated. */
struct plan {
    char **arguments;
    char **environment;
    unsigned variables;
    const char *path; /* where a name without / is looked for */
    const char *directory;
    struct rlimit memory, cpu, files;
    pid_t parent;
    int error;
};

/* ---- In front of it ---- */

static bool add_variable(struct plan *plan, const char *name, const char *value) {
    size_t room = strlen(name) + strlen(value) + 2;
    char *text = pl_alloc(room);
    if (!text) return false;
    snprintf(text, room, "%s=%s", name, value);
    plan->environment[plan->variables++] = text;
    return true;
}

static const struct pl_pair *find_pair(const struct pl_list *list, const char *name) {
    const struct pl_pair *pairs = list->items;
    for (uint32_t i = 0; i < list->count; i++)
        if (strcmp(pairs[i].name, name) == 0) return &pairs[i];
    return NULL;
}

/* The graph's own come first: what they name is not taken from the engine. */
static bool make_environment(struct plan *plan, const struct pl_program *program, const char *name,
                             const struct pl_link_endpoints *endpoints) {
    static const char *const passed[] = {"PATH", "HOME", "LANG", "TZ", "TMPDIR"};
    const struct pl_pair *pairs = program->environment.items;
    plan->environment = pl_alloc((program->environment.count + EXTRA) * sizeof *plan->environment);
    if (!plan->environment) return false;
    bool good = add_variable(plan, "POTLINE_IN", endpoints->in) && add_variable(plan, "POTLINE_OUT", endpoints->out) &&
                add_variable(plan, "POTLINE_NODE", name);
    for (uint32_t i = 0; i < program->environment.count && good; i++)
        good = add_variable(plan, pairs[i].name, pairs[i].value);
    for (size_t i = 0; i < PL_COUNT_OF(passed) && good; i++) {
        const char *value = getenv(passed[i]);
        if (value && !find_pair(&program->environment, passed[i])) good = add_variable(plan, passed[i], value);
    }
    return good;
}

static bool make_arguments(struct plan *plan, const struct pl_program *program) {
    plan->arguments = pl_alloc((program->command.count + 1) * sizeof *plan->arguments);
    for (uint32_t i = 0; plan->arguments && i < program->command.count; i++)
        plan->arguments[i] = (char *)program->command.items[i];
    return plan->arguments != NULL;
}

static struct rlimit limit(int64_t value, int resource) {
    struct rlimit now = {RLIM_INFINITY, RLIM_INFINITY};
    getrlimit(resource, &now);
    if (value > 0 && (rlim_t)value < now.rlim_max) now.rlim_cur = now.rlim_max = (rlim_t)value;
    return now;
}

/* Data, not addresses: those cost nothing, and some programs reserve a great many of them. */
static void make_limits(struct plan *plan, const struct pl_program *program) {
    bool any = program->limited;
    plan->memory = limit(any ? program->memory : 0, RLIMIT_DATA);
    plan->cpu = limit(any && program->cpu ? (program->cpu + PL_SECOND - 1) / PL_SECOND : 0, RLIMIT_CPU);
    plan->files = limit(any ? program->files : 0, RLIMIT_NOFILE);
}

static void free_plan(struct plan *plan) {
    for (unsigned i = 0; i < plan->variables; i++)
        pl_free(plan->environment[i]);
    pl_free(plan->environment);
    pl_free(plan->arguments);
}

/* ---- In the new process: nothing but calls of the kernel ---- */

static void say(const char *text) {
    ssize_t written = write(STDERR_FILENO, text, strlen(text));
    (void)written;
}

static void reset_signals(void) {
    sigset_t none;
    for (int i = 1; i < NSIG; i++)
        signal(i, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static bool set_up(const struct plan *plan) {
    int nothing = open("/dev/null", O_RDONLY);
    setpgid(0, 0);
    if (nothing < 0 || dup2(nothing, STDIN_FILENO) < 0 || dup2(plan->error, STDOUT_FILENO) < 0 ||
        dup2(plan->error, STDERR_FILENO) < 0)
        return false;
    syscall(SYS_close_range, STDERR_FILENO + 1, ~0u, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != plan->parent) return false; /* it has died before that held */
    struct rlimit no_core = {0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    if (setrlimit(RLIMIT_DATA, &plan->memory) || setrlimit(RLIMIT_CPU, &plan->cpu) ||
        setrlimit(RLIMIT_NOFILE, &plan->files)) {
        say("its limits cannot be set\n");
        return false;
    }
    if (*plan->directory && chdir(plan->directory)) {
        say("its directory cannot be entered\n");
        return false;
    }
    return true;
}

static void try_each_folder(const struct plan *plan) {
    char file[VARIABLE_MAX];
    size_t name = strlen(plan->arguments[0]);
    for (const char *at = plan->path, *end; at; at = *end ? end + 1 : NULL) {
        end = at + strcspn(at, ":");
        size_t folder = (size_t)(end - at);
        if (folder + name + 2 > sizeof file || !folder) continue;
        memcpy(file, at, folder);
        file[folder] = '/';
        memcpy(file + folder + 1, plan->arguments[0], name + 1);
        execve(file, plan->arguments, plan->environment);
    }
}

static _Noreturn void become(const struct plan *plan) {
    reset_signals();
    if (!set_up(plan)) _exit(NOT_RUN);
    if (strchr(plan->arguments[0], '/'))
        execve(plan->arguments[0], plan->arguments, plan->environment);
    else
        try_each_folder(plan);
    say("the program cannot be run: ");
    say(plan->arguments[0]);
    say("\n");
    _exit(NOT_RUN);
}

/* ---- Starting ---- */

/* No handler of a signal runs in the copy before it has become another. */
static pid_t fork_quietly(const struct plan *plan) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t pid = fork();
    if (pid == 0) become(plan);
    if (pid > 0) setpgid(pid, pid); /* whoever is first: it is a group before anybody ends that */
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return pid;
}

static enum pl_code start(struct plan *plan, struct pl_started *started, struct pl_error **error) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC)) return pl_error_set(error, PL_LIMIT, "cannot make a pipe: %s", strerror(errno));
    plan->error = ends[1];
    started->pid = fork_quietly(plan);
    int failure = errno;
    if (started->pid > 0) {
        started->process = (int)syscall(SYS_pidfd_open, started->pid, 0);
        failure = errno;
        if (started->process < 0) {
            pl_program_kill(started->pid);
            waitpid(started->pid, NULL, 0);
        }
    }
    close(ends[1]);
    started->error = ends[0];
    if (started->pid > 0 && started->process >= 0) return PL_OK;
    close(ends[0]);
    return pl_error_set(error, PL_LIMIT, "cannot start a process: %s", strerror(failure));
}

enum pl_code pl_program_start(const struct pl_program *program, const char *name,
                              const struct pl_link_endpoints *endpoints, struct pl_started *started,
                              struct pl_error **error) {
    const struct pl_pair *path = find_pair(&program->environment, "PATH");
    struct plan plan = {.path = path ? path->value : getenv("PATH"), .directory = program->directory};
    plan.parent = getpid();
    if (!plan.path) plan.path = "/usr/local/bin:/usr/bin:/bin";
    make_limits(&plan, program);
    bool made = make_arguments(&plan, program) && make_environment(&plan, program, name, endpoints);
    enum pl_code code =
        made ? start(&plan, started, error) : pl_error_set(error, PL_NO_MEMORY, "no memory for a process");
    free_plan(&plan);
    return code;
}

void pl_program_ended(const struct pl_started *started, int64_t *status, int *signal) {
    siginfo_t how = {0};
    *status = *signal = 0;
    kill(-started->pid,
         SIGKILL); /* what it has started itself; its number is not another's as long as it is not waited for */
    while (waitid(P_PID, (id_t)started->pid, &how, WEXITED) < 0 && errno == EINTR) {
    }
    if (how.si_code == CLD_EXITED)
        *status = how.si_status;
    else
        *signal = how.si_status;
}

void pl_program_kill(int pid) {
    if (kill(-pid, SIGKILL)) kill(pid, SIGKILL); /* it is no group yet */
}
