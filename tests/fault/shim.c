/* shim.c: preloaded into a process under test: has its system calls on files die, fail or stop half-way.
 *
 *     POTLINE_SHIM="CALL:PATTERN:N:ACTION ..."
 *
 * CALL is write (pwrite and writev too), sync (fsync, fdatasync), range (sync_file_range), rename or allocate
 * (fallocate); PATTERN is matched with the file's name, of a rename with its new one. The N-th call that matches, or
 * from it on with N+, does ACTION:
 *
 *     kill     the process ends in front of the call
 *     killed   ... behind it
 *     torn     ... with half of what was to be written in the file
 *     eio, enospc   the call fails
 *
 * POTLINE_SHIM_FULL=FILE: while that file is there, every disk has no room (statvfs). POTLINE_SHIM_FULL_WRITES=FILE:
 * while that one is, writes to files whose name matches POTLINE_SHIM_FULL_PATTERN fail with ENOSPC.
 *
 * POTLINE_SHIM_LOG=FILE: a line tells of each rule that acted. POTLINE_SHIM_SYNCED=FILE: a line "BYTES PATH" tells of
 * each sync that came back (of a folder, too, with 0 bytes), and of each rename.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

enum { RULES_MAX = 8, TEXT_MAX = 64, PATH_LENGTH = 512 };

enum action { NONE, KILL, KILLED, TORN, FAIL_EIO, FAIL_ENOSPC };

struct rule {
    char call[TEXT_MAX], pattern[TEXT_MAX];
    _Atomic long left;
    bool ever; /* from then on always */
    enum action action;
};

static struct rule rules[RULES_MAX];
static int rule_count;
static const char *full_disk, *full_writes, *full_pattern, *log_file, *synced_file;

static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static ssize_t (*real_writev)(int, const struct iovec *, int);
static int (*real_fsync)(int), (*real_fdatasync)(int);
static int (*real_sync_file_range)(int, off64_t, off64_t, unsigned);
static int (*real_rename)(const char *, const char *);
static int (*real_fallocate)(int, int, off_t, off_t);
static int (*real_statvfs)(const char *, struct statvfs *);

/* ---- Rules ---- */

static enum action action_of(const char *text) {
    static const char *const names[] = {"", "kill", "killed", "torn", "eio", "enospc"};
    for (int i = 1; i < (int)(sizeof names / sizeof names[0]); i++)
        if (strcmp(names[i], text) == 0) return (enum action)i;
    fprintf(stderr, "shim: no action \"%s\"\n", text);
    abort();
}

static void read_rules(const char *text) {
    char copy[PATH_LENGTH], *rest;
    snprintf(copy, sizeof copy, "%s", text);
    for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        struct rule *rule = &rules[rule_count];
        char action[TEXT_MAX], ever = 0;
        long number;
        if (rule_count == RULES_MAX ||
            (sscanf(word, "%63[^:]:%63[^:]:%ld:%63s", rule->call, rule->pattern, &number, action) != 4 &&
             sscanf(word, "%63[^:]:%63[^:]:%ld%c:%63s", rule->call, rule->pattern, &number, &ever, action) != 5)) {
            fprintf(stderr, "shim: \"%s\" is no rule\n", word);
            abort();
        }
        rule->left = number;
        rule->ever = ever == '+';
        rule->action = action_of(action);
        rule_count++;
    }
}

__attribute__((constructor)) static void begin(void) {
    *(void **)&real_write = dlsym(RTLD_NEXT, "write");
    *(void **)&real_pwrite = dlsym(RTLD_NEXT, "pwrite64");
    *(void **)&real_writev = dlsym(RTLD_NEXT, "writev");
    *(void **)&real_fsync = dlsym(RTLD_NEXT, "fsync");
    *(void **)&real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
    *(void **)&real_sync_file_range = dlsym(RTLD_NEXT, "sync_file_range");
    *(void **)&real_rename = dlsym(RTLD_NEXT, "rename");
    *(void **)&real_fallocate = dlsym(RTLD_NEXT, "fallocate64");
    *(void **)&real_statvfs = dlsym(RTLD_NEXT, "statvfs64");
    full_disk = getenv("POTLINE_SHIM_FULL");
    full_writes = getenv("POTLINE_SHIM_FULL_WRITES");
    full_pattern = getenv("POTLINE_SHIM_FULL_PATTERN");
    log_file = getenv("POTLINE_SHIM_LOG");
    synced_file = getenv("POTLINE_SHIM_SYNCED");
    const char *text = getenv("POTLINE_SHIM");
    if (text) read_rules(text);
}

static const char *name_of(int fd, char path[PATH_LENGTH]) {
    char link[TEXT_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_LENGTH - 1);
    path[length > 0 ? length : 0] = 0;
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static void add_line(const char *file, const char *line) {
    int fd = file ? open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
    if (fd < 0) return;
    if (real_write(fd, line, strlen(line)) != (ssize_t)strlen(line)) abort();
    close(fd);
}

static void tell(const struct rule *rule, const char *name) {
    char line[PATH_LENGTH + 2 * TEXT_MAX];
    snprintf(line, sizeof line, "%s %s\n", rule->call, name);
    add_line(log_file, line);
}

/* Asked in front of the sync: what is written during it may not be on the disk. */
static long length_of(int fd) {
    struct stat info;
    if (!synced_file || fstat(fd, &info)) return -1;
    return S_ISREG(info.st_mode) ? (long)info.st_size : S_ISDIR(info.st_mode) ? 0 : -1;
}

static void note_synced(const char *path, long length) {
    char line[PATH_LENGTH + TEXT_MAX];
    snprintf(line, sizeof line, "%ld %s\n", length, path);
    add_line(synced_file, line);
}

static void note_synced_fd(int fd, long length) {
    char path[PATH_LENGTH];
    if (length < 0) return;
    name_of(fd, path);
    note_synced(path, length);
}

static enum action judge_name(const char *call, const char *name) {
    for (int i = 0; i < rule_count; i++) {
        struct rule *rule = &rules[i];
        if (strcmp(rule->call, call) != 0 || fnmatch(rule->pattern, name, 0) != 0) continue;
        long left = atomic_fetch_sub(&rule->left, 1);
        if (left != 1 && !(rule->ever && left < 1)) continue;
        tell(rule, name);
        return rule->action;
    }
    return NONE;
}

static enum action judge(const char *call, int fd) {
    char path[PATH_LENGTH];
    return rule_count ? judge_name(call, name_of(fd, path)) : NONE;
}

static bool is_there(const char *file) {
    return file && access(file, F_OK) == 0;
}

static bool finds_no_room(int fd) {
    char path[PATH_LENGTH];
    return full_pattern && is_there(full_writes) && fnmatch(full_pattern, name_of(fd, path), 0) == 0;
}

static void die(void) {
    kill(getpid(), SIGKILL);
}

/* True: it fails, errno is set. */
static bool before(enum action action) {
    if (action == KILL) die();
    errno = action == FAIL_EIO ? EIO : ENOSPC;
    return action == FAIL_EIO || action == FAIL_ENOSPC;
}

static void after(enum action action) {
    if (action == KILLED || action == TORN) die();
}

/* ---- The calls ---- */

EXPORT ssize_t write(int fd, const void *bytes, size_t size) {
    enum action action = finds_no_room(fd) ? FAIL_ENOSPC : judge("write", fd);
    if (before(action)) return -1;
    ssize_t written = real_write(fd, bytes, action == TORN ? size / 2 : size);
    after(action);
    return written;
}

EXPORT ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t at) {
    enum action action = finds_no_room(fd) ? FAIL_ENOSPC : judge("write", fd);
    if (before(action)) return -1;
    ssize_t written = real_pwrite(fd, bytes, action == TORN ? size / 2 : size, at);
    after(action);
    return written;
}

EXPORT ssize_t pwrite(int fd, const void *bytes, size_t size, off_t at) {
    return pwrite64(fd, bytes, size, at);
}

EXPORT ssize_t writev(int fd, const struct iovec *parts, int count) {
    enum action action = finds_no_room(fd) ? FAIL_ENOSPC : judge("write", fd);
    if (before(action)) return -1;
    ssize_t written = real_writev(fd, parts, action == TORN && count > 1 ? count / 2 : count);
    after(action);
    return written;
}

EXPORT int fsync(int fd) {
    enum action action = judge("sync", fd);
    if (before(action)) return -1;
    long length = length_of(fd);
    int failed = real_fsync(fd);
    if (!failed) note_synced_fd(fd, length);
    after(action);
    return failed;
}

EXPORT int fdatasync(int fd) {
    enum action action = judge("sync", fd);
    if (before(action)) return -1;
    long length = length_of(fd);
    int failed = real_fdatasync(fd);
    if (!failed) note_synced_fd(fd, length);
    after(action);
    return failed;
}

EXPORT int sync_file_range(int fd, off64_t from, off64_t size, unsigned flags) {
    enum action action = judge("range", fd);
    if (before(action)) return -1;
    int failed = real_sync_file_range(fd, from, size, flags);
    after(action);
    return failed;
}

EXPORT int rename(const char *from, const char *to) {
    const char *slash = strrchr(to, '/');
    enum action action = judge_name("rename", slash ? slash + 1 : to);
    if (before(action)) return -1;
    struct stat info;
    int failed = real_rename(from, to);
    if (!failed && synced_file && stat(to, &info) == 0) note_synced(to, (long)info.st_size);
    after(action);
    return failed;
}

EXPORT int fallocate64(int fd, int mode, off64_t from, off64_t size) {
    enum action action = finds_no_room(fd) ? FAIL_ENOSPC : judge("allocate", fd);
    if (before(action)) return -1;
    int failed = real_fallocate(fd, mode, from, size);
    after(action);
    return failed;
}

EXPORT int fallocate(int fd, int mode, off_t from, off_t size) {
    return fallocate64(fd, mode, from, size);
}

EXPORT int statvfs64(const char *path, struct statvfs64 *disk) {
    int failed = real_statvfs(path, (struct statvfs *)disk);
    if (!failed && is_there(full_disk)) disk->f_bavail = disk->f_bfree = 0;
    return failed;
}

EXPORT int statvfs(const char *path, struct statvfs *disk) {
    return statvfs64(path, (struct statvfs64 *)disk);
}
