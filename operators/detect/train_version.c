/* train_version.c: a model that was trained, with all that is to be known of it, as the next version of its folder. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "train.h"

/* The folder, and those that it lies in. False: errno says why. */
static bool make_folders(const char *folder) {
    char path[TRAIN_PATH_SIZE];
    for (size_t i = 1; i < sizeof path && folder[i]; i++) {
        if (folder[i] != '/') continue;
        memcpy(path, folder, i);
        path[i] = 0;
        if (mkdir(path, 0777) && errno != EEXIST) return false;
    }
    return !mkdir(folder, 0777) || errno == EEXIST;
}

/* The lock is the kernel's, so a training that was killed has none. */
enum pl_code train_lock(struct training *t, struct pl_error **error) {
    char path[TRAIN_PATH_SIZE];
    if (!make_folders(t->o->model)) return pl_error_set(error, PL_IO, "model: %s: %s", t->o->model, strerror(errno));
    if ((size_t)snprintf(path, sizeof path, "%s/training.lock", t->o->model) >= sizeof path ||
        (size_t)snprintf(t->checkpoint, sizeof t->checkpoint, "%s/training.safetensors", t->o->model) >=
            sizeof t->checkpoint)
        return pl_error_set(error, PL_LIMIT, "model: the name is too long");
    t->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (t->lock < 0) return pl_error_set(error, PL_IO, "%s: %s", path, strerror(errno));
    if (!flock(t->lock, LOCK_EX | LOCK_NB)) return PL_OK;
    if (errno != EWOULDBLOCK) return pl_error_set(error, PL_IO, "%s: %s", path, strerror(errno));
    return pl_error_set(error, PL_BUSY, "model: another training writes into %s: wait until it is done, or stop it",
                        t->o->model);
}

void train_unlock(struct training *t) {
    if (t->lock >= 0) close(t->lock);
    t->lock = -1;
}

static bool note(struct training *t, const char *key, const char *format, ...) {
    char text[256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return model_set_note(&t->model, key, text);
}

static bool note_time(struct training *t, const char *key, pl_time time) {
    char text[PL_TEXT_TIME_MAX + 1];
    *pl_text_put_time(text, time) = 0;
    return model_set_note(&t->model, key, text);
}

static bool note_inputs(struct training *t) {
    size_t room = 1;
    for (uint32_t s = 0; s < t->signals.count; s++)
        room += strlen(t->signals.name[s]) + 1;
    char *text = pl_alloc(room), *at = text;
    for (uint32_t s = 0; text && s < t->signals.count; s++)
        at += sprintf(at, "%s%s", s ? "\n" : "", t->signals.name[s]);
    const bool good = text && model_set_note(&t->model, "inputs", text);
    pl_free(text);
    return good;
}

static bool note_all(struct training *t, const struct pl_training_result *r) {
    return model_set_note(&t->model, "format", "pt") && note_inputs(t) &&
           model_set_note(&t->model, "target", t->o->training.difference ? "difference" : "value") &&
           note_time(t, "first", r->first) && note_time(t, "cut", r->cut) && note_time(t, "last", r->last) &&
           note(t, "graph", "%016" PRIx64, t->job.graph) && note(t, "rows", "%016" PRIx64, t->fingerprint) &&
           note(t, "seed", "%" PRId64, t->o->training.seed) && note(t, "rounds", "%u", t->rounds_done) &&
           note(t, "taught", "%" PRIu64, r->taught) && note(t, "judged", "%" PRIu64, r->judged) &&
           note(t, "error", "%.6g", r->error) && note(t, "unchanged", "%.6g", r->unchanged);
}

enum pl_code train_write_version(struct training *t, struct pl_training_result *result, struct pl_error **error) {
    uint32_t *versions;
    unsigned count;
    enum pl_code code = model_versions(t->o->model, &versions, &count, error);
    const uint32_t version = count ? versions[count - 1] + 1 : 1;
    pl_free(versions);
    if (!code && !model_version_path(t->o->model, version, result->path, sizeof result->path))
        code = pl_error_set(error, PL_LIMIT, "model: the name is too long");
    if (!code && !note_all(t, result)) code = train_no_memory(error);
    return code ? code : model_write(result->path, &t->model, error);
}
