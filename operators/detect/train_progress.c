/* train_progress.c: a training that was interrupted goes on with what it has written behind its last round. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "train.h"

/* FNV-1a. */
static uint64_t mix(uint64_t hash, uint64_t number) {
    for (unsigned i = 0; i < 64; i += 8)
        hash = (hash ^ (number >> i & 0xff)) * UINT64_C(0x100000001b3);
    return hash;
}

static uint64_t mix_f64(uint64_t hash, double number) {
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    return mix(hash, bits);
}

void train_take_fingerprint(struct training *t) {
    const struct recurrent_training *o = &t->o->training;
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    const int64_t whole[] = {o->network, o->units, o->layers,     o->rounds, o->steps,
                             o->lanes,   o->seed,  o->difference, t->o->gap, t->o->smooth};
    for (unsigned i = 0; i < PL_COUNT_OF(whole); i++)
        hash = mix(hash, (uint64_t)whole[i]);
    hash = mix_f64(mix_f64(hash, o->rate), o->judge);
    for (uint32_t s = 0; s < t->signals.count; s++)
        for (const char *at = t->signals.name[s]; *at; at++)
            hash = mix(hash, (uint8_t)*at | (at[1] ? 0 : 0x100)); /* the last one says so */
    for (uint64_t i = 0; i < t->row_count; i++) {
        const struct row *row = &t->rows[i];
        hash = mix(mix(hash, (uint64_t)row->time), (uint64_t)row->asset << 32 | row->signal);
        hash = mix_f64(hash, row->value);
    }
    t->fingerprint = hash;
}

enum pl_code train_save_progress(struct training *t, struct pl_error **error) {
    char mark[32], rounds[16], steps[24];
    const uint64_t count = t->model.network.count;
    const struct tensor_out out[] = {
        {.name = "parameters", .wide = true, .dimensions = 1, .extent = {count}, .value = t->model.network.parameters},
        {.name = "first", .wide = true, .dimensions = 1, .extent = {count}, .value = t->learner.first},
        {.name = "second", .wide = true, .dimensions = 1, .extent = {count}, .value = t->learner.second},
    };
    struct tensor_note notes[] = {{"fingerprint", mark}, {"rounds", rounds}, {"steps", steps}};
    snprintf(mark, sizeof mark, "%016" PRIx64, t->fingerprint);
    snprintf(rounds, sizeof rounds, "%u", t->rounds_done);
    snprintf(steps, sizeof steps, "%" PRIu64, t->learner.steps_taken);
    return tensors_write(t->checkpoint, out, PL_COUNT_OF(out), notes, PL_COUNT_OF(notes), error);
}

static bool take_array(const struct tensors *all, const char *name, double *to, uint64_t count) {
    const struct tensor *t = tensors_find(all, name);
    if (!t || t->count != count || !t->wide) return false;
    for (uint64_t i = 0; i < count; i++)
        to[i] = tensor_value(t, i);
    return true;
}

/* Its own, whole: else it begins anew. */
void train_take_up(struct training *t) {
    char mark[32];
    struct tensors *all = PL_NEW(struct tensors);
    if (!all) return;
    snprintf(mark, sizeof mark, "%016" PRIx64, t->fingerprint);
    const uint64_t count = t->model.network.count;
    if (!tensors_read(t->checkpoint, all, NULL)) {
        const char *of = tensors_note(all, "fingerprint"), *rounds = tensors_note(all, "rounds");
        const char *steps = tensors_note(all, "steps");
        int64_t done = 0, taken = 0;
        const bool own = of && rounds && steps && strcmp(of, mark) == 0 && pl_text_int(rounds, strlen(rounds), &done) &&
                         pl_text_int(steps, strlen(steps), &taken) && done > 0 && done <= t->o->training.rounds &&
                         tensors_find(all, "parameters") && tensors_find(all, "first") && tensors_find(all, "second") &&
                         tensors_find(all, "first")->count == count && tensors_find(all, "second")->count == count;
        if (of && strcmp(of, mark) != 0)
            pl_diag(PL_WARN, "%s is of other rows or options: what it had learned is dropped", t->checkpoint);
        if (own && take_array(all, "parameters", t->model.network.parameters, count) &&
            take_array(all, "first", t->learner.first, count) && take_array(all, "second", t->learner.second, count)) {
            t->rounds_done = (unsigned)done;
            t->learner.steps_taken = (uint64_t)taken;
        }
    }
    tensors_free(all);
    pl_free(all);
}
