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
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "chosen.h"
#include "recurrent.h"

enum { ROWS_MAX = 20000000, NUMBERS_MAX = 1 << 28, PATH_SIZE = 4096 };

struct row {
    pl_time time;
    double value;
    uint32_t asset, signal; /* places in `asset` and `signal` */
    uint32_t order;
};

struct names {
    const char **name; /* of the registry */
    uint32_t count;
};

/* Frames of one asset without a gap. */
struct stretch {
    uint64_t first, count;
    bool judges;
};

struct training {
    const struct recurrent_options *o;
    struct pl_training_job job;
    uint8_t *chosen;
    uint32_t chosen_room;
    uint64_t *place; /* [tag]: asset << 32 | signal, + 1; 0: not asked yet */
    uint32_t place_room;
    struct names assets, signals;
    struct row *rows;
    uint64_t row_count, row_room;

    uint64_t frames;
    double *frame;   /* [frame][signal]; NaN: missing, until scale_frames fills them */
    uint8_t *absent; /* [frame][signal] */
    pl_time *time;   /* [frame] */
    struct stretch *stretch;
    uint64_t stretches;
    pl_time cut;
    uint64_t fingerprint;
    char checkpoint[PATH_SIZE];
    struct model model;
    struct learner learner;
    unsigned rounds_done;
};

static enum pl_code no_memory(struct pl_error **error) {
    return pl_error_set(error, PL_NO_MEMORY, "no memory to train");
}

/* ---- Taking rows ---- */

static enum pl_code train_open(void **training, const void *self, const struct pl_training_job *job,
                               struct pl_error **error) {
    struct training *t = *training = PL_NEW(struct training);
    if (!t) return no_memory(error);
    t->o = self;
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
        return no_memory(error);
    for (uint32_t i = 0; i < batch->rows; i++) {
        struct row row = {.time = in->time[i], .value = in->value[i], .order = (uint32_t)t->row_count};
        if (row.time < t->job.from || row.time >= t->job.to) continue;
        if (!isfinite(row.value) || pl_quality_bad(in->quality[i])) continue;
        if (!chosen_ask(t->chosen, (struct pl_tags *)(uintptr_t)t->job.tags, in->tag[i], &t->o->include,
                        &t->o->exclude))
            continue;
        if (!place_of(t, in->tag[i], &row.asset, &row.signal)) return no_memory(error);
        if (t->row_count == ROWS_MAX)
            return pl_error_set(error, PL_LIMIT,
                                "more than %d million rows: ask for less by --from and --to, or include",
                                ROWS_MAX / 1000000);
        t->rows[t->row_count++] = row;
    }
    return PL_OK;
}

/* ---- Frames ---- */

static int by_name(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int by_place(const void *a, const void *b) {
    const struct row *x = a, *y = b;
    if (x->asset != y->asset) return x->asset < y->asset ? -1 : 1;
    if (x->time != y->time) return x->time < y->time ? -1 : 1;
    return (x->order > y->order) - (x->order < y->order);
}

/* Places by the order of names, whatever order the rows came in. False without memory. */
static bool sort_names(struct names *names, uint32_t **to) {
    const char **sorted = pl_alloc(names->count * sizeof *sorted);
    *to = pl_alloc(names->count * sizeof **to);
    if (!sorted || !*to) return pl_free(sorted), false;
    memcpy(sorted, names->name, names->count * sizeof *sorted);
    qsort(sorted, names->count, sizeof *sorted, by_name);
    for (uint32_t i = 0; i < names->count; i++)
        (*to)[i] =
            (uint32_t)((const char **)bsearch(&names->name[i], sorted, names->count, sizeof *sorted, by_name) - sorted);
    memcpy(names->name, sorted, names->count * sizeof *sorted);
    pl_free(sorted);
    return true;
}

static enum pl_code sort_rows(struct training *t, struct pl_error **error) {
    uint32_t *asset = NULL, *signal = NULL;
    const bool good = sort_names(&t->assets, &asset) && sort_names(&t->signals, &signal);
    for (uint64_t i = 0; good && i < t->row_count; i++) {
        t->rows[i].asset = asset[t->rows[i].asset];
        t->rows[i].signal = signal[t->rows[i].signal];
    }
    pl_free(asset);
    pl_free(signal);
    if (!good) return no_memory(error);
    qsort(t->rows, t->row_count, sizeof *t->rows, by_place);
    return PL_OK;
}

static bool next_frame(const struct row *a, const struct row *b) {
    return a->asset != b->asset || a->time != b->time;
}

static bool next_stretch(const struct training *t, const struct row *a, const struct row *b) {
    return a->asset != b->asset || (uint64_t)b->time - (uint64_t)a->time > (uint64_t)t->o->gap ||
           (a->time < t->cut && b->time >= t->cut);
}

static enum pl_code allocate_frames(struct training *t, struct pl_error **error) {
    const uint64_t numbers = t->frames * t->signals.count;
    if (numbers > NUMBERS_MAX)
        return pl_error_set(error, PL_LIMIT,
                            "%" PRIu64 " frames of %u signals are too many: ask for less by --from, --to", t->frames,
                            t->signals.count);
    t->frame = pl_alloc(numbers * sizeof *t->frame);
    t->absent = pl_alloc(numbers);
    t->time = pl_alloc(t->frames * sizeof *t->time);
    if (!t->frame || !t->absent || !t->time) return no_memory(error);
    for (uint64_t i = 0; i < numbers; i++)
        t->frame[i] = (double)NAN;
    return PL_OK;
}

static bool begin_stretch(struct training *t, uint64_t first, bool judges) {
    struct stretch *grown = pl_realloc(t->stretch, (t->stretches + 1) * sizeof *grown);
    if (!grown) return false;
    t->stretch = grown;
    t->stretch[t->stretches++] = (struct stretch){.first = first, .judges = judges};
    return true;
}

static enum pl_code make_frames(struct training *t, struct pl_error **error) {
    enum pl_code code = sort_rows(t, error);
    pl_time first = PL_TIME_MAX, last = PL_TIME_MIN;
    for (uint64_t i = 0; i < t->row_count; i++) {
        t->frames += i == 0 || next_frame(&t->rows[i - 1], &t->rows[i]);
        first = t->rows[i].time < first ? t->rows[i].time : first;
        last = t->rows[i].time > last ? t->rows[i].time : last;
    }
    t->cut = last - (pl_time)(t->o->training.judge * (double)((uint64_t)last - (uint64_t)first));
    if (!code) code = allocate_frames(t, error);
    uint64_t at = 0;
    for (uint64_t i = 0; i < t->row_count && !code; i++) {
        const struct row *row = &t->rows[i];
        if (i) at += next_frame(row - 1, row);
        if ((i == 0 || next_stretch(t, row - 1, row)) && !begin_stretch(t, at, row->time >= t->cut))
            code = no_memory(error);
        if (code) break;
        t->stretch[t->stretches - 1].count = at + 1 - t->stretch[t->stretches - 1].first;
        t->time[at] = row->time;
        t->frame[at * t->signals.count + row->signal] = row->value;
    }
    return code;
}

/* ---- Scale ---- */

static void learn_scale(struct training *t) {
    const uint32_t signals = t->signals.count;
    for (uint32_t s = 0; s < signals; s++) {
        double mean = 0, squares = 0, count = 0;
        for (uint64_t i = 0; i < t->frames; i++) {
            const double value = t->frame[i * signals + s];
            if (isnan(value) || t->time[i] >= t->cut) continue;
            const double off = value - mean;
            mean += off / ++count;
            squares += off * (value - mean);
        }
        const double deviation = count > 1 ? sqrt(squares / count) : 0;
        t->model.mean[s] = mean;
        t->model.scale[s] = deviation > 1e-9 * fabs(mean) && deviation > 0 ? deviation : fmax(1e-9 * fabs(mean), 1);
    }
}

/* What is missing keeps the value before it; at the beginning of a stretch it is the mean. */
static void scale_frames(struct training *t) {
    const uint32_t signals = t->signals.count;
    for (uint64_t k = 0; k < t->stretches; k++)
        for (uint64_t i = 0; i < t->stretch[k].count; i++)
            for (uint32_t s = 0; s < signals; s++) {
                const uint64_t at = (t->stretch[k].first + i) * signals + s;
                t->absent[at] = isnan(t->frame[at]);
                t->frame[at] = t->absent[at] ? (i ? t->frame[at - signals] : 0)
                                             : (t->frame[at] - t->model.mean[s]) / t->model.scale[s];
            }
}

/* ---- What an interrupted training has left ---- */

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

static void take_fingerprint(struct training *t) {
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

static enum pl_code save_progress(struct training *t, struct pl_error **error) {
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
static void take_up(struct training *t) {
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
        if (own && take_array(all, "parameters", t->model.network.parameters, count) &&
            take_array(all, "first", t->learner.first, count) && take_array(all, "second", t->learner.second, count)) {
            t->rounds_done = (unsigned)done;
            t->learner.steps_taken = (uint64_t)taken;
        }
    }
    tensors_free(all);
    pl_free(all);
}

/* ---- Rounds ---- */

struct lane {
    const double *frame;
    uint64_t count; /* frames; the last one is only a target */
    double *state;
};

/* Stretches that teach, in pieces of about the same length. *lanes is the caller's, with one array of states behind. */
static struct lane *make_lanes(const struct training *t, unsigned *count, double **states) {
    const uint32_t signals = t->signals.count;
    const size_t state = network_state(&t->model.network.shape);
    uint64_t total = 0;
    *count = 0;
    for (uint64_t k = 0; k < t->stretches; k++)
        total += t->stretch[k].judges ? 0 : t->stretch[k].count;
    const uint64_t least = 2 * (uint64_t)t->o->training.steps;
    uint64_t length = total / (uint64_t)t->o->training.lanes + 1;
    if (length < least) length = least;
    struct lane *lanes = NULL;
    for (uint64_t k = 0; k < t->stretches; k++)
        for (uint64_t at = 0; !t->stretch[k].judges && at + 1 < t->stretch[k].count; at += length) {
            const uint64_t rest = t->stretch[k].count - at;
            struct lane *grown = pl_realloc(lanes, (*count + 1) * sizeof *grown);
            if (!grown) return pl_free(lanes), NULL;
            lanes = grown;
            lanes[(*count)++] = (struct lane){.frame = t->frame + (t->stretch[k].first + at) * signals,
                                              .count = rest < length + 1 ? rest : length + 1};
        }
    *states = lanes ? pl_alloc(*count * state * sizeof **states) : NULL;
    for (unsigned i = 0; *states && i < *count; i++)
        lanes[i].state = *states + i * state;
    return lanes;
}

/* One gradient of the chunks that begin at `at`; the frames that were forecast. */
static uint64_t run_chunks(struct training *t, struct lane *lanes, unsigned count, uint64_t at, double *squares) {
    const uint32_t signals = t->signals.count;
    const uint64_t steps = (uint64_t)t->o->training.steps;
    uint64_t frames = 0;
    for (unsigned i = 0; i < count; i++)
        if (at + 1 < lanes[i].count) frames += lanes[i].count - 1 - at < steps ? lanes[i].count - 1 - at : steps;
    for (unsigned i = 0; i < count; i++) {
        if (at + 1 >= lanes[i].count) continue;
        const uint64_t some = lanes[i].count - 1 - at < steps ? lanes[i].count - 1 - at : steps;
        *squares += learner_chunk(&t->learner, lanes[i].frame + at * signals, (uint32_t)some, lanes[i].state,
                                  1 / ((double)frames * signals));
    }
    return frames;
}

static double run_round(struct training *t, struct lane *lanes, unsigned count, double *states) {
    /* The steps become smaller towards the end, to a tenth. */
    const double done = (double)t->rounds_done / (double)t->o->training.rounds;
    const double rate = t->o->training.rate * (1 - 0.9 * done);
    double squares = 0;
    uint64_t frames = 0;
    memset(states, 0, count * network_state(&t->model.network.shape) * sizeof *states);
    for (uint64_t at = 0;; at += (uint64_t)t->o->training.steps) {
        const uint64_t some = run_chunks(t, lanes, count, at, &squares);
        if (!some) break;
        frames += some;
        learner_descend(&t->learner, rate);
    }
    t->rounds_done++;
    return squares / ((double)frames * t->signals.count);
}

static enum pl_code go_round(struct training *t, struct lane *lanes, unsigned count, double *states,
                             struct pl_error **error) {
    const unsigned rounds = (unsigned)t->o->training.rounds;
    const double off = run_round(t, lanes, count, states);
    if (!isfinite(off)) return pl_error_set(error, PL_RANGE, "it does not converge: try a smaller training.rate");
    const struct pl_training_round round = {.round = t->rounds_done, .rounds = rounds, .error = off};
    enum pl_code code = save_progress(t, error);
    if (code || !t->job.goes_on || t->job.goes_on(t->job.context, &round)) return code;
    return t->rounds_done < rounds ? PL_BUSY : PL_OK;
}

static enum pl_code run_rounds(struct training *t, struct pl_error **error) {
    unsigned count;
    double *states = NULL;
    struct lane *lanes = make_lanes(t, &count, &states);
    if (!lanes && !count) return pl_error_set(error, PL_NOT_FOUND, "there are no frames to learn from");
    if (!lanes || !states) {
        pl_free(lanes);
        return no_memory(error);
    }
    enum pl_code code = PL_OK;
    while (!code && t->rounds_done < (unsigned)t->o->training.rounds)
        code = go_round(t, lanes, count, states, error);
    pl_free(lanes);
    pl_free(states);
    return code;
}

/* ---- Judging by what was kept back ---- */

/* How far forecasts are off is counted in eighths of a power of two, so that an upset among the rows that judge does
 * not make everything else look small: what counts is the size that one in twenty is beyond. */
enum { SIZES = 256, SIZES_BELOW_ONE = 24 * 8 };
static const double within = 0.95, normal_within = 1.96;

struct verdicts_sum {
    uint32_t *seen; /* [signal][SIZES] */
    double error, unchanged, count;
};

static unsigned size_of(double off) {
    const double place = off > 0 ? floor(8 * log2(off)) + SIZES_BELOW_ONE : 0;
    return (unsigned)fmin(fmax(place, 0), SIZES - 1);
}

/* The standard deviation of a normal number that is as often within it; 0: nothing was seen. */
static double deviation_of(const uint32_t *seen) {
    double total = 0, below = 0;
    for (unsigned i = 0; i < SIZES; i++)
        total += seen[i];
    for (unsigned i = 0; i < SIZES && total > 0; i++)
        if ((below += seen[i]) >= within * total) return exp2((i + 1.0 - SIZES_BELOW_ONE) / 8) / normal_within;
    return 0;
}

static void add_frame(struct verdicts_sum *sum, const struct training *t, uint64_t i, const float *forecast) {
    const uint32_t signals = t->signals.count;
    for (uint32_t s = 0; s < signals; s++) {
        const double now = t->frame[i * signals + s], before = t->frame[(i - 1) * signals + s];
        if (t->absent[i * signals + s]) continue;
        const double off = now - (double)forecast[s];
        sum->seen[(size_t)s * SIZES + size_of(fabs(off))]++;
        sum->error += off * off;
        sum->unchanged += (now - before) * (now - before);
        sum->count++;
    }
}

/* With `sum` the errors are added up, without the tails are filled. */
static void judge_stretch(struct training *t, struct forecaster *f, const struct stretch *stretch, float *room,
                          double *share, struct verdicts_sum *sum) {
    const uint32_t signals = t->signals.count;
    float *state = room, *frame = state + network_state(&f->shape), *forecast = frame + signals;
    struct judge judge = {0};
    double statistic[MODEL_STATISTICS];
    memset(state, 0, network_state(&f->shape) * sizeof *state);
    for (uint64_t k = 0; k < stretch->count; k++) {
        const uint64_t i = stretch->first + k;
        for (uint32_t s = 0; s < signals; s++)
            frame[s] = t->absent[i * signals + s] ? (float)NAN : (float)t->frame[i * signals + s];
        if (sum && k > RECURRENT_WARM) add_frame(sum, t, i, forecast);
        if (!sum && k && judge_frame(&judge, &t->model, frame, forecast, (double)t->o->smooth, statistic, share))
            for (unsigned n = 0; n < MODEL_STATISTICS; n++)
                tail_add(&t->model.tail[n], statistic[n], (double)t->o->memory);
        for (uint32_t s = 0; s < signals; s++)
            frame[s] = (float)t->frame[i * signals + s];
        forecaster_step(f, state, frame, forecast);
    }
}

static void set_errors(struct training *t, const struct verdicts_sum *sum) {
    for (uint32_t s = 0; s < t->signals.count; s++) {
        const double own = deviation_of(sum->seen + (size_t)s * SIZES);
        t->model.error[s] = own > 0 ? fmax(own, 1e-3) : 1; /* that it did not move is no proof that it never will */
    }
}

static void judge_stretches(struct training *t, struct forecaster *f, float *room, double *share,
                            struct verdicts_sum *sum) {
    for (uint64_t k = 0; k < t->stretches; k++)
        if (t->stretch[k].judges) judge_stretch(t, f, &t->stretch[k], room, share, sum);
}

/* First how far forecasts are off, then how rare that is. */
static enum pl_code judge_all(struct training *t, struct pl_training_result *result, struct pl_error **error) {
    const uint32_t signals = t->signals.count;
    struct forecaster f;
    struct verdicts_sum sum = {.seen = pl_alloc((size_t)signals * SIZES * sizeof *sum.seen)};
    const bool made = forecaster_make(&f, &t->model.network);
    float *room = pl_alloc((network_state(&t->model.network.shape) + 2 * (size_t)signals) * sizeof *room);
    double *share = pl_alloc(signals * sizeof *share);
    const bool good = made && room && share && sum.seen;
    if (good) {
        judge_stretches(t, &f, room, share, &sum);
        set_errors(t, &sum);
        judge_stretches(t, &f, room, share, NULL);
        result->error = sum.count ? sum.error / sum.count : 0;
        result->unchanged = sum.count ? sum.unchanged / sum.count : 0;
    }
    forecaster_free(&f);
    pl_free(room);
    pl_free(share);
    pl_free(sum.seen);
    if (!good) return no_memory(error);
    if (sum.count) return PL_OK;
    return pl_error_set(error, PL_NOT_FOUND,
                        "the part that is kept back to judge by is too short: %d frames without a gap are needed",
                        RECURRENT_WARM + 2);
}

/* ---- The model ---- */

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

static enum pl_code write_version(struct training *t, struct pl_training_result *result, struct pl_error **error) {
    uint32_t *versions;
    unsigned count;
    enum pl_code code = model_versions(t->o->model, &versions, &count, error);
    const uint32_t version = count ? versions[count - 1] + 1 : 1;
    pl_free(versions);
    if (!code && !model_version_path(t->o->model, version, result->path, sizeof result->path))
        code = pl_error_set(error, PL_LIMIT, "model: the name is too long");
    if (!code && !note_all(t, result)) code = no_memory(error);
    return code ? code : model_write(result->path, &t->model, error);
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
    enum pl_code code = make_frames(t, error);
    if (code) return code;
    if (!model_make(&t->model, &shape) || !learner_make(&t->learner, &t->model.network, (uint32_t)o->steps))
        return no_memory(error);
    if (mkdir(t->o->model, 0777) && errno != EEXIST)
        return pl_error_set(error, PL_IO, "model: %s: %s", t->o->model, strerror(errno));
    if ((size_t)snprintf(t->checkpoint, sizeof t->checkpoint, "%s/training.safetensors", t->o->model) >=
        sizeof t->checkpoint)
        return pl_error_set(error, PL_LIMIT, "model: the name is too long");
    take_fingerprint(t);
    learn_scale(t);
    for (uint32_t s = 0; s < t->signals.count; s++)
        if (!isfinite(t->model.mean[s]) || !isfinite(t->model.scale[s]))
            return pl_error_set(error, PL_RANGE, "signal %s: it has values too large to learn from",
                                t->signals.name[s]);
    scale_frames(t);
    network_seed(&t->model.network, (uint64_t)o->seed);
    take_up(t);
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
    code = run_rounds(t, error);
    if (!code) code = judge_all(t, result, error);
    if (!code) code = write_version(t, result, error);
    if (!code) unlink(t->checkpoint);
    return code;
}

static void train_close(void *training) {
    struct training *t = training;
    if (!t) return;
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
    pl_free(t);
}

const struct pl_trainer recurrent_trainer = {
    .size = sizeof(struct pl_trainer), .open = train_open, .take = train_take, .run = train_run, .close = train_close};
