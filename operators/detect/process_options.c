/* process_options.c: the options of `detect.process`. */
#include "process.h"
#include "scatter.h"

enum { RECORD_MAX = 1 << 20 };

enum { SIDE_BOTH, SIDE_ABOVE, SIDE_BELOW };
static const char *const side_names[] = {"both", "above", "below", NULL};

/* clang-format off */
static const struct pl_option level_options[] = {
    PL_OPT_STRINGS(struct process, slow, "exclude", "[]", PL_FIXED, "Globs of tags whose level is of no interest."),
    PL_OPT_INT(struct process, smooth, "smooth", "10", "1", "1000", PL_STATE, "Frames of which the mean is judged."),
    PL_OPT_INT(struct process, block, "block", "25", "2", "10000", PL_FIXED,
               "Frames of a block; how the means of blocks scatter tells how much was really seen."),
    PL_OPT_NUMBER(struct process, least, "least", "0.004", "0", "10", PL_FIXED,
                  "Deviation that is of no interest, as a part of the learned mean."),
    PL_OPT_NUMBER(struct process, freedom, "freedom", "30", "0", NULL, PL_FIXED,
                  "Independent frames that a signal must have had while it was learned; one that wanders is left out."),
    PL_OPT_INT(struct process, adapt, "adapt", "500", "0", "1000000000", PL_FIXED,
               "Frames over which the level follows while all is well; 0: never."),
    PL_OPT_INT(struct process, persist, "persist", "10", "1", "100000", PL_FIXED,
               "Frames beyond the limit that make an alarm."),
    PL_OPT_NUMBER(struct process, back, "back", "0.5", "0", "1", PL_FIXED,
                  "Part of the limit below which the alarm is over."),
    PL_OPT_INT(struct process, accept, "accept", "0", "0", "1000000000", PL_FIXED,
               "Frames of an alarm after which what it has is the level to be; 0: never."),
    PL_OPT_CHOICE(struct process, side, "side", "both", side_names, PL_FIXED,
                  "Which way a level may not leave: both, above or below."),
    PL_OPT_END,
};
static const struct pl_option change_options[] = {
    PL_OPT_INT(struct process, recent, "recent", "20", "1", "10000", PL_STATE, "Newest frames of which the mean is held"),
    PL_OPT_INT(struct process, before, "before", "60", "1", "10000", PL_STATE, "against that of so many before them."),
    PL_OPT_INT(struct process, apart, "apart", "30", "0", "1000000", PL_FIXED, "Frames between two changes, at least."),
    PL_OPT_END,
};
static const struct pl_option scatter_options[] = {
    PL_OPT_BOOL(struct process, robust, "robust", "false", PL_FIXED,
                "Frames that are outliers among those that teach are left out (minimum covariance determinant)."),
    PL_OPT_INT(struct process, lags, "lags", "0", "0", "32", PL_STATE,
               "Frames before it that are judged along with a frame (dynamic): how signals follow one another counts."),
    PL_OPT_NUMBER(struct process, share, "components", "0", "0", "1", PL_STATE,
                  "Part of the variance that the first principal components hold: judged are their T2 and the Q (SPE) of "
                  "the rest, too. 0: T2 of all components only, which needs half the time."),
    PL_OPT_INT(struct process, forget, "forget", "0", "0", "1000000000", PL_STATE,
               "Frames over which what was learned is forgotten for what comes: those that are no alarm teach (ten frames "
               "later, with level persist + smooth, if there is none by then), so a plant that wears is followed; not "
               "signals that stand. 0: what was learned stays as it is."),
    PL_OPT_INT(struct process, every, "every", "100", "1", "1000000", PL_FIXED,
               "Frames that teach from one calculation of the components to the next; at least one a signal and lag."),
    PL_OPT_INT(struct process, scatter_accept, "accept", "0", "0", "1000000000", PL_FIXED,
               "With forget: frames of an alarm, less those since without one, behind which they teach, so that it becomes "
               "usual; 0: never."),
    PL_OPT_END,
};
static const struct pl_option local_options[] = {
    PL_OPT_INT(struct process, window, "window", "121", "3", "10000", PL_STATE, "Frames of which the median is taken."),
    PL_OPT_INT(struct process, local_memory, "memory", "5000", "1", "1000000000", PL_FIXED,
               "Frames over which the usual distance is known."),
    PL_OPT_NUMBER(struct process, most, "most", "15", "1", NULL, PL_FIXED,
                  "Times its usual distance that one signal counts at most."),
    PL_OPT_END,
};
static const struct pl_option drift_options[] = {
    PL_OPT_INT(struct process, drift_window, "window", "10000", "100", "100000000", PL_FIXED,
               "Frames of an asset that are held against those that taught: more than the plant's longest cycle."),
    PL_OPT_NUMBER(struct process, drift_limit, "limit", "0.25", "0.01", "10", PL_FIXED,
                  "The population stability index beyond which it has drifted; at least one and a half times what parts of "
                  "the frames that taught had themselves."),
    PL_OPT_END,
};
/* clang-format on */

const struct pl_option process_options[] = {
    PL_OPT_STRINGS(struct process, include, "include", "[]", PL_FIXED, "Globs of the tags to judge. None: all."),
    PL_OPT_STRINGS(struct process, exclude, "exclude", "[]", PL_FIXED, "Globs of tags to leave out."),
    PL_OPT_NUMBER(struct process, threshold, "threshold", "3", "0.1", "100", PL_STATE,
                  "The surprise that is an alarm: 3 is a frame as rare as one in 10^3."),
    PL_OPT_INT(struct process, train, "train", "300", "2", "100000", PL_STATE,
               "Frames that teach what is normal, 8 bytes a signal."),
    PL_OPT_INT(struct process, settle, "settle", "0", "0", "100000", PL_FIXED,
               "Frames in front of them that do not teach: a plant that has just been started."),
    PL_OPT_INT(struct process, hold, "hold", "0", "0", "1000000", PL_FIXED,
               "Frames without an alarm after which it is over: one that flickers is told once. 0: 10 with scatter or "
               "local, else 1, as a level has its `back`."),
    PL_OPT_INT(struct process, signals, "signals", "64", "1", "255", PL_STATE, "Signals of an asset, at most."),
    PL_OPT_GROUP(struct process, level, "level", "true", level_options, PL_STATE,
                 "Signals that leave the level that was learned."),
    PL_OPT_GROUP(struct process, change, "change", "false", change_options, PL_STATE,
                 "Tell steps, in a row of their own; needs level."),
    PL_OPT_GROUP(struct process, scatter, "scatter", "false", scatter_options, PL_STATE,
                 "Signals that do not go together as they did (T2 of all components)."),
    PL_OPT_GROUP(struct process, local, "local", "false", local_options, PL_STATE,
                 "Several signals that leave the course of their last rows at once."),
    PL_OPT_GROUP(struct process, drifts, "drift", "false", drift_options, PL_STATE,
                 "Watch whether signals, and how they go together, still lie as in the frames that taught; those must "
                 "have seen the plant's usual cycles. 240 bytes a signal."),
    PL_OPT_TIME(struct process, cut, "cut", "1970-01-01T00:00:00Z", PL_STATE,
                "Frames before this time only teach, and get no verdict; those behind it never teach. 1970: the first "
                "frames teach, whenever they are."),
    PL_OPT_DURATION(struct process, gap, "gap", "0s", "0s", "3650d", PL_FIXED,
                    "After a gap of so long it is learned anew; 0: never."),
    PL_OPT_INT(
        struct process, jump, "jump", "0", "0", "255", PL_FIXED,
        "When so many signals jump at once by more than three times their largest step so far it is another run, "
        "which is learned anew; 0: never."),
    PL_OPT_BOOL(struct process, jump_alone, "jump_alone", "false", PL_FIXED,
                "With jump: one signal that moved little by little, as a temperature does, and jumps by more than four "
                "times its largest step, is another run, too. For recordings of runs one behind the other, not for a "
                "plant: a fault of that sensor is then learned, and no alarm."),
    PL_OPT_NUMBER(struct process, regime, "regime", "1", "0", "1", PL_FIXED,
                  "When more than this part of the signals are beyond three times their limit it is another regime, "
                  "which is learned; 1: never."),
    PL_OPT_END,
};

struct frame_rule process_rule(const struct process *p) {
    struct frame_rule rule = {.signals = (uint32_t)p->signals,
                              .train = (uint32_t)p->train,
                              .level = p->level,
                              .change = p->change,
                              .scatter = p->scatter,
                              .local = p->local,
                              .threshold = p->threshold};
    rule.levels = (struct level_rule){.smooth = (uint32_t)p->smooth,
                                      .block = (uint32_t)p->block,
                                      .least = p->least,
                                      .freedom = p->freedom,
                                      .adapt = (uint32_t)p->adapt,
                                      .persist = (uint32_t)p->persist,
                                      .back = p->back,
                                      .accept = (uint32_t)p->accept,
                                      .side = p->side == SIDE_ABOVE   ? 1
                                              : p->side == SIDE_BELOW ? -1
                                                                      : 0};
    rule.changes = (struct change_rule){(uint32_t)p->recent, (uint32_t)p->before, (uint32_t)p->apart};
    rule.scatters = (struct scatter_rule){.robust = p->robust,
                                          .lags = p->scatter ? (uint32_t)p->lags : 0,
                                          .share = p->share,
                                          .forget = p->scatter ? (uint32_t)p->forget : 0,
                                          .every = (uint32_t)p->every,
                                          .accept = (uint32_t)p->scatter_accept};
    rule.locals = (struct local_rule){(uint32_t)p->window, (uint32_t)p->local_memory, p->most};
    const uint32_t least_late = 10, level_late = p->level ? rule.levels.persist + rule.levels.smooth : 0;
    rule.scatters.late = level_late > least_late ? level_late : least_late;
    rule.drift_window = p->drifts ? (uint32_t)p->drift_window : 0;
    rule.rows_kept = p->level ? rule.levels.smooth : 1;
    const uint32_t reach = rule.scatters.lags + (rule.scatters.forget ? rule.scatters.late : 0);
    if (reach >= rule.rows_kept) rule.rows_kept = reach + 1;
    if (p->change && rule.changes.recent + rule.changes.before > rule.rows_kept)
        rule.rows_kept = rule.changes.recent + rule.changes.before;
    return rule;
}

size_t process_record_size(const void *self) {
    struct frame_rule rule = process_rule(self);
    return frame_size(&rule);
}

void process_check(void *self, struct pl_check *check) {
    const struct process *p = self;
    if (!p->level && !p->scatter && !p->local)
        pl_check_error(check, "level", "there is nothing to look at: say level, scatter or local");
    if (p->jump_alone && !p->jump)
        pl_check_error(check, "jump_alone", "goes with `jump`: say how many jump together, too");
    if (p->scatter && !p->forget && p->scatter_accept)
        pl_check_error(check, "scatter.accept", "nothing teaches behind the first frames: say `forget`, too");
    if (p->scatter && !p->forget && pl_check_given(check, "scatter.every"))
        pl_check_error(check, "scatter.every", "nothing teaches behind the first frames: say `forget`, too");
    if (p->drifts && !p->cut && p->drift_window > p->train / 2)
        pl_check_warning(
            check, "drift.window",
            "is more than half of the %lld frames that teach: how much such windows differ by themselves is "
            "not known, and what is usual may be told as a drift",
            (long long)p->train);
    if (p->change && !p->level) pl_check_error(check, "change", "is judged by the limits of level: say level, too");
    if (p->level && (p->train < p->smooth || p->train <= p->block))
        pl_check_error(check, "train", "fewer frames than a block or a mean of `level` takes teach nothing");
    if (p->scatter && p->signals * (1 + p->lags) > SCATTER_WIDTH_MAX)
        pl_check_error(check, "scatter", "%lld signals of %lld frames are more than the %d that can be judged together",
                       (long long)p->signals, (long long)p->lags + 1, SCATTER_WIDTH_MAX);
    else if (p->scatter && p->forget && p->cut)
        pl_check_error(check, "scatter.forget", "nothing behind the `cut` teaches: say one of them");
    else if (p->scatter && p->forget && p->forget < p->train)
        pl_check_error(check, "scatter.forget",
                       "is less than the %lld frames that teach at first: say as many, or more", (long long)p->train);
    else if (process_record_size(p) > RECORD_MAX)
        pl_check_error(check, "train",
                       "what is known of an asset would take %zu bytes; at most %d: fewer frames, or `signals`",
                       process_record_size(p), RECORD_MAX);
}
