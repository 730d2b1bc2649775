/* recurrent_options.c: the options of `detect.recurrent`, and of its training. */
#include <sys/stat.h>

#include "recurrent_node.h"

static const char *const network_names[] = {"lstm", "gru", NULL};

#define OPTIONS struct recurrent_options
static const struct pl_option training_options[] = {
    PL_OPT_CHOICE(OPTIONS, training.network, "network", "lstm", network_names, PL_FIXED, "lstm or gru."),
    PL_OPT_INT(OPTIONS, training.units, "units", "32", "1", "512", PL_FIXED, "Units of a layer."),
    PL_OPT_INT(OPTIONS, training.layers, "layers", "1", "1", "4", PL_FIXED, "Layers."),
    PL_OPT_INT(OPTIONS, training.rounds, "rounds", "40", "1", "100000", PL_FIXED, "Times that the rows are gone over."),
    PL_OPT_INT(OPTIONS, training.steps, "steps", "32", "2", "1024", PL_FIXED,
               "Frames over which a gradient is followed back."),
    PL_OPT_INT(OPTIONS, training.lanes, "lanes", "8", "1", "1024", PL_FIXED,
               "Stretches of history that make one gradient: fewer are more steps in a round."),
    PL_OPT_NUMBER(OPTIONS, training.rate, "rate", "0.003", "0.000001", "1", PL_FIXED,
                  "Length of Adam's steps in the first round; a tenth of it in the last."),
    PL_OPT_NUMBER(OPTIONS, training.judge, "judge", "0.25", "0.01", "0.9", PL_FIXED,
                  "The last part of the time is kept back: it says how far forecasts usually are off."),
    PL_OPT_BOOL(OPTIONS, training.difference, "difference", "true", PL_FIXED,
                "Forecast what changes rather than what will be."),
    PL_OPT_INT(OPTIONS, training.seed, "seed", "1", "0", "9007199254740991", PL_FIXED,
               "The same seed, rows and options give the same model."),
    PL_OPT_END,
};

static const struct pl_option drift_options[] = {
    PL_OPT_INT(OPTIONS, drift_window, "window", "10000", "100", "100000000", PL_FIXED,
               "Frames of an asset that are held against the training: more than the plant's longest cycle."),
    PL_OPT_NUMBER(
        OPTIONS, drift_limit, "limit", "0.25", "0.01", "10", PL_FIXED,
        "The population stability index beyond which it has drifted; at least one and a half times what windows "
        "of the training had themselves."),
    PL_OPT_END,
};

const struct pl_option recurrent_options[] = {
    PL_OPT_PATH(OPTIONS, model, "model", NULL, PL_FIXED,
                "The folder of versions that `potline train` fills, or a file that ends in .safetensors."),
    PL_OPT_STRINGS(OPTIONS, include, "include", "[]", PL_FIXED, "Globs of the tags to judge. None: all."),
    PL_OPT_STRINGS(OPTIONS, exclude, "exclude", "[]", PL_FIXED, "Globs of tags to leave out."),
    PL_OPT_STRINGS(OPTIONS, inputs, "inputs", "[]", PL_FIXED,
                   "Names of the network's signals, without their asset, where its file does not tell them."),
    PL_OPT_INT(OPTIONS, signals, "signals", "32", "1", "1024", PL_STATE, "Signals of an asset, at most."),
    PL_OPT_INT(OPTIONS, state, "state", "128", "1", "4096", PL_STATE,
               "Numbers in a network's state, at most: units times layers, for an LSTM twice as many."),
    PL_OPT_NUMBER(OPTIONS, threshold, "threshold", "3.5", "0.1", "12", PL_LIVE,
                  "The surprise that is an alarm: 3.5 is a frame as rare as one in 10^3.5."),
    PL_OPT_INT(OPTIONS, smooth, "smooth", "16", "1", "10000", PL_FIXED,
               "Frames over which deviations are smoothed, to find small ones that last."),
    PL_OPT_INT(OPTIONS, persist, "persist", "2", "1", "10000", PL_FIXED,
               "Frames beyond the threshold that are an alarm."),
    PL_OPT_INT(OPTIONS, hold, "hold", "30", "1", "1000000", PL_FIXED, "Quiet frames behind which an alarm is over."),
    PL_OPT_INT(OPTIONS, accept, "accept", "1000", "0", "1000000000", PL_FIXED,
               "Frames of an alarm behind which its deviations are usual; 0: never."),
    PL_OPT_INT(OPTIONS, memory, "memory", "100000", "1000", "1000000000", PL_FIXED,
               "Frames after which half of what is known of an asset's deviations is forgotten."),
    PL_OPT_DURATION(OPTIONS, gap, "gap", "1h", "1ns", NULL, PL_FIXED,
                    "A pause behind which the network begins a new stretch."),
    PL_OPT_GROUP(OPTIONS, drifts, "drift", "true", drift_options, PL_STATE,
                 "Watch whether signals and score still lie as when the model was trained."),
    PL_OPT_GROUP(OPTIONS, trains, "training", "true", training_options, PL_FIXED, "How `potline train` learns."),
    PL_OPT_END,
};
#undef OPTIONS

void recurrent_check(void *self, struct pl_check *check) {
    const struct recurrent_options *o = self;
    const struct recurrent_training *t = &o->training;
    const int64_t needs = t->units * t->layers * (t->network == NETWORK_LSTM ? 2 : 1);
    struct stat there;
    if (!*o->model) pl_check_error(check, "model", "names no folder or file");
    if (!model_is_file(o->model) && stat(o->model, &there) == 0 && !S_ISDIR(there.st_mode))
        pl_check_error(check, "model", "%s is a file, and its name does not end in .safetensors", o->model);
    if (needs > o->state && !model_is_file(o->model))
        pl_check_error(check, "state", "what training makes has a state of %lld numbers: state: %lld", (long long)needs,
                       (long long)needs);
}
