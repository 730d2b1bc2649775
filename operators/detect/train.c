/* train.c: `detect.recurrent` learns from recorded rows.
 *
 *     rows --by asset and time--> frames --gaps--> stretches --lanes--> rounds of truncated backpropagation
 *
 *     first ......................... cut ............. last
 *     teach: scale, weights           judge: usual error, tails, score
 *
 * A round goes over all stretches that teach, cut into about `lanes` lanes of the same length; the chunks at the same
 * place of every lane make one gradient. Behind each round all that the next one depends on is written to
 * training.safetensors, under a fingerprint of rows and options; a training that finds its own goes on from there.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chosen.h"
#include "train.h"

enum { ROWS_MAX = 20000000 };

enum pl_code train_no_memory(struct pl_error **error) {
    return pl_error_set(error, PL_NO_MEMORY, "no memory to train");
}

/* ---- Taking rows ---- */

static enum pl_code train_open(void **training, const void *self, const struct pl_training_job *job,
                               struct pl_error **error) {
    struct training *t = *training = PL_NEW(struct training);
    if (!t) return train_no_memory(error);
    t->o = self;
    t->lock = -1;
    t->job = *job;
    if (model_is_file(t->o->model))
        return pl_error_set(error, PL_USAGE, "model: %s is one file; versions are trained into a folder", t->o->model);
    return PL_OK;
}

static bool name_place(struct names *names, const char *name, uint32_t *place) {
    for (*place = 0; *place < names->count; ++*place)
        if (strcmp(names->name[*place], name) == 0) return true;
    const char **grown = pl_realloc(names->name, (names->count + 1) * sizeof *grown);
    if (!grown) return false;
    names->name = grown;
    names->name[names->count++] = name;
    return true;
}

static bool place_of(struct training *t, uint32_t tag, uint32_t *asset, uint32_t *signal) {
    if (tag >= t->place_room) {
        const uint32_t room = pl_tags_count(t->job.tags) + 16;
        uint64_t *grown = pl_realloc(t->place, room * sizeof *grown);
        if (!grown) return false;
        memset(grown + t->place_room, 0, (room - t->place_room) * sizeof *grown);
        t->place = grown;
        t->place_room = room;
    }
    if (!t->place[tag]) {
        const struct pl_tag *entry = pl_tags_get(t->job.tags, tag);
        if (!name_place(&t->assets, pl_tags_get(t->job.tags, entry->asset)->name, asset) ||
            !name_place(&t->signals, recurrent_signal(t->job.tags, tag), signal))
            return false;
        t->place[tag] = ((uint64_t)*asset << 32 | *signal) + 1;
    }
    *asset = (uint32_t)((t->place[tag] - 1) >> 32);
    *signal = (uint32_t)(t->place[tag] - 1);
    return true;
}

static bool grow_rows(struct training *t, uint32_t more) {
    if (t->row_count + more <= t->row_room) return true;
    const uint64_t room = 2 * t->row_room + more;
    struct row *grown = pl_realloc(t->rows, room * sizeof *grown);
    if (!grown) return false;
    t->rows = grown;
    t->row_room = room;
    return true;
}

static enum pl_code train_take(void *training, const struct pl_batch *batch, struct pl_error **error) {
    struct training *t = training;
    const struct pl_samples *in = &batch->samples;
    if (batch->kind != PL_SAMPLES) return PL_OK;
    if (!chosen_prepare(&t->chosen, &t->chosen_room, (struct pl_tags *)(uintptr_t)t->job.tags) ||
        !grow_rows(t, batch->rows))
        return train_no_memory(error);
    for (uint32_t i = 0; i < batch->rows; i++) {
        struct row row = {.time = in->time[i], .value = in->value[i], .order = (uint32_t)t->row_count};
        if (row.time < t->job.from || row.time >= t->job.to) continue;
        if (!isfinite(row.value) || pl_quality_bad(in->quality[i])) continue;
        if (!chosen_ask(t->chosen, (struct pl_tags *)(uintptr_t)t->job.tags, in->tag[i], &t->o->include,
                        &t->o->exclude))
            continue;
        if (!place_of(t, in->tag[i], &row.asset, &row.signal)) return train_no_memory(error);
        if (t->row_count == ROWS_MAX)
            return pl_error_set(error, PL_LIMIT,
                                "more than %d million rows: ask for less by --from and --to, or include",
                                ROWS_MAX / 1000000);
        t->rows[t->row_count++] = row;
    }
    return PL_OK;
}

/* ---- All of it ---- */

static enum pl_code prepare(struct training *t, struct pl_error **error) {
    const struct recurrent_training *o = &t->o->training;
    if (!t->row_count) return pl_error_set(error, PL_NOT_FOUND, "there is no row to learn from");
    if (t->signals.count > (uint32_t)t->o->signals)
        return pl_error_set(error, PL_LIMIT,
                            "the rows have %u signals, the option `signals` allows %d; the first are %s, %s",
                            t->signals.count, (int)t->o->signals, t->signals.name[0], t->signals.name[1]);
    const struct network_shape shape = {.kind = (enum network_kind)o->network,
                                        .signals = t->signals.count,
                                        .units = (uint32_t)o->units,
                                        .layers = (uint32_t)o->layers,
                                        .difference = o->difference};
    enum pl_code code = train_make_frames(t, error);
    if (!code) code = train_can_judge(t, error);
    if (code) return code;
    if (!model_make(&t->model, &shape) || !learner_make(&t->learner, &t->model.network, (uint32_t)o->steps))
        return train_no_memory(error);
    code = train_lock(t, error);
    if (code) return code;
    train_take_fingerprint(t);
    code = train_scale(t, error);
    if (code) return code;
    network_seed(&t->model.network, (uint64_t)o->seed);
    train_take_up(t);
    return PL_OK;
}

static void describe(const struct training *t, struct pl_training_result *result) {
    result->signals = t->signals.count;
    result->assets = t->assets.count;
    result->cut = t->cut;
    result->first = PL_TIME_MAX;
    result->last = PL_TIME_MIN;
    for (uint64_t i = 0; i < t->frames; i++) {
        *(t->time[i] < t->cut ? &result->taught : &result->judged) += 1;
        if (t->time[i] < result->first) result->first = t->time[i];
        if (t->time[i] > result->last) result->last = t->time[i];
    }
}

static enum pl_code train_run(void *training, struct pl_training_result *result, struct pl_error **error) {
    struct training *t = training;
    *result = (struct pl_training_result){0};
    enum pl_code code = prepare(t, error);
    if (code) return code;
    describe(t, result);
    result->resumed = t->rounds_done;
    code = train_run_rounds(t, error);
    if (!code) code = train_judge(t, result, error);
    if (!code) code = train_learn_drift(t, error);
    if (!code) code = train_write_version(t, result, error);
    if (!code) unlink(t->checkpoint);
    return code;
}

static void train_close(void *training) {
    struct training *t = training;
    if (!t) return;
    train_unlock(t);
    learner_free(&t->learner);
    model_free(&t->model);
    pl_free(t->chosen);
    pl_free(t->place);
    pl_free(t->assets.name);
    pl_free(t->signals.name);
    pl_free(t->rows);
    pl_free(t->frame);
    pl_free(t->absent);
    pl_free(t->time);
    pl_free(t->stretch);
    pl_free(t->off);
    pl_free(t);
}

const struct pl_trainer recurrent_trainer = {
    .size = sizeof(struct pl_trainer), .open = train_open, .take = train_take, .run = train_run, .close = train_close};
