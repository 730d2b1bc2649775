/* A what-if on a pot of three numbers: what goes on by itself is kept up, a branch ends where it ends and says where it
 * has been; what a twin expects is read where it is told. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <potline/alloc.h>

#include "graph/what_if.h"

enum { CURRENT, FEED, TAPPING, INPUTS };
enum { ALUMINA = INPUTS, METAL, STATES };
enum { OUT_ALUMINA, OUT_BATH, OUT_CONSUMPTION, OUT_PRODUCTION, OUT_METAL, OUT_SUPERHEAT };
static const double HOUR = 3600, DAY = 86400, BATH = 6000;

/* Uses more from hour to hour, as efficiency and current make a real one use more or less. */
struct pot {
    double at[STATES], t;
};

static double used(const struct pot *p, double t) {
    return 0.03 * p->at[CURRENT] / 180e3 * (1 + 0.2 * t / DAY);
}

static enum pl_code pot_open(void **self, const double *parameters, struct pl_error **error) {
    struct pot *p = PL_NEW(struct pot);
    if (!p) return pl_error_set(error, PL_NO_MEMORY, "no memory");
    memcpy(p->at, parameters, INPUTS * sizeof *parameters);
    *self = p;
    return PL_OK;
}

static enum pl_code pot_advance(void *self, double until, struct pl_error **error) {
    struct pot *p = self;
    double seconds = until - p->t, uses = used(p, (p->t + until) / 2);
    double alumina = p->at[ALUMINA] + (p->at[FEED] - uses) * seconds;
    if (alumina < BATH / 100) return pl_error_set(error, PL_RANGE, "at %g s nothing is left", until);
    p->at[ALUMINA] = alumina;
    p->at[METAL] += (uses / 2 - p->at[TAPPING]) * seconds;
    p->t = until;
    return PL_OK;
}

static enum pl_code pot_set(void *self, unsigned parameter, double value, struct pl_error **error) {
    (void)error;
    ((struct pot *)self)->at[parameter] = value;
    return PL_OK;
}

static void pot_read(void *self, double *out) {
    const struct pot *p = self;
    out[OUT_ALUMINA] = p->at[ALUMINA] / BATH * 100;
    out[OUT_BATH] = BATH;
    out[OUT_CONSUMPTION] = used(p, p->t) * 3600;
    out[OUT_PRODUCTION] = used(p, p->t) / 2 * 3600;
    out[OUT_METAL] = p->at[METAL];
    out[OUT_SUPERHEAT] = 9 + (p->at[CURRENT] - 180e3) / 1e3;
}

static void pot_close(void *self) {
    pl_free(self);
}

static size_t pot_save(void *self, double *to) {
    if (to) memcpy(to, ((struct pot *)self)->at, sizeof((struct pot *)self)->at);
    return STATES;
}

static enum pl_code pot_load(void *self, const double *from, size_t count, struct pl_error **error) {
    if (count != STATES) return pl_error_set(error, PL_CORRUPT, "no state of a pot");
    memcpy(((struct pot *)self)->at, from, count * sizeof *from);
    return PL_OK;
}

static const struct pl_model_parameter parameters[] = {
    {"current", "A", 180e3, 0, 1e6, NULL, PL_MODEL_INPUT, "Of the line."},
    {"feed", "kg/s", 0.03, 0, 1, NULL, PL_MODEL_INPUT, "Alumina."},
    {"tapping", "kg/s", 0.015, 0, 1, NULL, PL_MODEL_INPUT, "Metal."},
    {.name = NULL},
};

static const struct pl_model_told told[] = {
    {"alumina", "alumina", "wt%", 1, 1.5, 8}, {"superheat", "superheat", "K", 1, 0, 40}, {.name = NULL}};

static const struct pl_model pot_model = {
    PL_MODEL("Pot", "Of three numbers."),
    .parameters = parameters,
    .outputs = PL_QUANTITIES({"alumina", "wt%", "Dissolved."}, {"bath", "kg", "Liquid."},
                             {"consumption", "kg/h", "Of alumina."}, {"production", "kg/h", "Of metal."},
                             {"metal", "kg", "In it."}, {"superheat", "K", "Of the bath."}),
    .open = pot_open,
    .advance = pot_advance,
    .set = pot_set,
    .read = pot_read,
    .close = pot_close,
    .save = pot_save,
    .load = pot_load,
    .told = told,
};

/* `second` may be NULL. */
static struct pl_what_if *ahead(double seconds, const char *first, const char *second) {
    struct pl_what_if *w = PL_NEW(struct pl_what_if);
    const double state[STATES] = {180e3, 0.02, 0.02, 0.024 * BATH, 10000};
    assert_non_null(w);
    w->model = &pot_model;
    w->outputs = 6;
    w->state.value_count = INPUTS;
    w->state.count = STATES;
    memcpy(w->state.values, state, INPUTS * sizeof *state);
    memcpy(w->state.state, state, sizeof state);
    assert_int_equal(pl_what_if_change(w, first, NULL), PL_OK);
    if (second) assert_int_equal(pl_what_if_change(w, second, NULL), PL_OK);
    assert_int_equal(pl_what_if_run(w, seconds, pl_what_if_times(seconds), NULL, NULL), PL_OK);
    return w;
}

static double last(const struct pl_what_if_branch *b, unsigned output) {
    return b->output[output][b->times - 1];
}

static void assert_near(double value, double expected, double off) {
    if (!(fabs(value - expected) <= off)) fail_msg("%g is not %g +- %g", value, expected, off);
}

static void nothing_is_done_for_a_week(void **state) {
    (void)state;
    struct pl_what_if *w = ahead(7 * DAY, "current=185kA", NULL);
    for (size_t i = 0; i < w->nothing.times; i++)
        assert_near(w->nothing.output[OUT_ALUMINA][i], 2.4, 0.05);
    assert_near(last(&w->nothing, OUT_METAL), 10000, 20);
    assert_near(last(&w->changed, OUT_ALUMINA), 2.4, 0.05); /* it uses more, and is fed that */
    assert_near(last(&w->changed, OUT_METAL), 10000, 20);
    assert_int_equal(w->nothing.times, w->times);
    assert_near(w->time[w->times - 1], 7 * DAY, 1e-6);
    pl_what_if_free(w);
}

static void a_share_is_of_what_is_used(void **state) {
    (void)state;
    struct pl_what_if *w = ahead(3 * DAY, "feed=+2%", "current=185kA");
    double uses = 0.03 * 185 / 180 * 3 * DAY * (1 + 0.2 * 1.5);
    assert_near(last(&w->changed, OUT_ALUMINA), 2.4 + 0.02 * uses / BATH * 100, 0.05);
    pl_what_if_free(w);
    w = ahead(8 * HOUR, "feed=108kg/h", "tapping=0"); /* which are what they say */
    uses = 0.03 * 8 * HOUR * (1 + 0.2 / 6);
    assert_near(last(&w->changed, OUT_ALUMINA), 2.4 + (0.03 * 8 * HOUR - uses) / BATH * 100, 1e-3);
    assert_near(last(&w->changed, OUT_METAL), 10000 + uses / 2, 0.1);
    pl_what_if_free(w);
}

static void a_branch_ends_where_it_ends(void **state) {
    (void)state;
    struct pl_what_if *w = ahead(60 * DAY, "feed=0%", NULL);
    size_t end = pl_what_if_compared(w);
    double after = 0.014 * BATH / 0.03; /* s, about */
    assert_true(w->changed.over && !w->nothing.over);
    assert_near(w->changed.reached, after, 600);
    assert_near(w->time[end], w->changed.reached, 0); /* and both are told of then */
    assert_near(w->changed.output[OUT_ALUMINA][end], 1, 0.2);
    assert_near(w->nothing.output[OUT_ALUMINA][end], 2.4, 0.05);
    assert_near(w->time[w->times - 1], 60 * DAY, 1e-3);
    assert_int_equal(w->nothing.times, w->times);
    for (size_t i = 1; i < w->times; i++)
        assert_true(w->time[i] > w->time[i - 1]);
    pl_what_if_free(w);
}

static void what_is_outside_is_said(void **state) {
    (void)state;
    char note[PL_WHAT_IF_OUTSIDE_MAX];
    struct pl_what_if *w = ahead(8 * HOUR, "current=170kA", NULL);
    assert_false(pl_what_if_outside(&w->nothing, note, sizeof note));
    assert_string_equal(note, "");
    assert_true(pl_what_if_outside(&w->changed, note, sizeof note));
    assert_string_equal(note, "outside of what the model is meant for from 0.00 h on: superheat -1 K (0 to 40); values "
                              "are uncertain");
    pl_what_if_free(w);
    w = ahead(1 * HOUR, "feed=75%", NULL);
    assert_false(pl_what_if_outside(&w->changed, note, sizeof note));
    pl_what_if_free(w);
    w = ahead(1.5 * HOUR, "feed=50%", NULL);
    assert_true(pl_what_if_outside(&w->changed, note, sizeof note));
    assert_near(w->changed.outside.from, 0.009 * BATH / 0.015, 400);
    assert_non_null(strstr(note, "h on: alumina 1.49"));
    pl_what_if_free(w);
}

static void what_the_twin_expects_is_said(void **state) {
    (void)state;
    static const struct {
        double risk, minutes, share;
        const char *says;
    } states[] = {{0.001, 720, 0.97, NULL},
                  {(double)NAN, (double)NAN, (double)NAN, NULL},
                  {0.99999, 1.16, 0.09,
                   "the twin foresees an anode effect in 1.2 min (probability 1.00): of the counted feed 9 % arrives; "
                   "this look ahead takes it that all that is used arrives"},
                  {1, 0, 1, "the twin sees an anode effect now; this look ahead"},
                  {0.5, 720, 1, "the twin fears an anode effect (probability 0.50); this look ahead"},
                  {0.001, 720, -0.1, "of the counted feed 0 % arrives; this look ahead"}};
    for (unsigned i = 0; i < PL_COUNT_OF(states); i++) {
        struct pl_what_if_state s = {.risk = states[i].risk, .minutes = states[i].minutes, .share = states[i].share};
        char note[PL_WHAT_IF_FORESEEN_MAX], both[PL_WHAT_IF_NOTES_MAX];
        assert_true(pl_what_if_foreseen(&s, note, sizeof note) == (states[i].says != NULL));
        assert_true(pl_what_if_note(&s, both, sizeof both) == (states[i].says != NULL));
        assert_string_equal(note, both);
        if (states[i].says) assert_ptr_equal(strstr(note, states[i].says), note);
        s.known = true;
        s.followed = 20;
        assert_true(pl_what_if_note(&s, both, sizeof both));
        assert_ptr_equal(strstr(both, "the twin has followed this cell for 20 s"), both);
        if (states[i].says) assert_string_equal(both + strlen(both) - strlen(note), note);
    }
}

/* Older twins told less. */
static void a_state_is_read_with_and_without_what_is_expected(void **state) {
    (void)state;
    static const char *const names[] = {"risk", "minutes", "feed_share", "alumina_sd"};
    for (unsigned more = 0; more <= PL_COUNT_OF(names); more += PL_COUNT_OF(names)) {
        struct pl_pack *pack = pl_pack_new();
        struct pl_what_if_state *s = PL_NEW(struct pl_what_if_state);
        struct pl_unpack unpack;
        pl_pack_map(pack, 5 + more);
        pl_pack_pair_str(pack, "model", "Pot");
        pl_pack_pair_f64(pack, "t", 10);
        pl_pack_pair_f64(pack, "fluoride", 0);
        for (unsigned i = 0; i < more; i++)
            pl_pack_pair_f64(pack, names[i], i + 1);
        for (unsigned i = 0; i < 2; i++) {
            pl_pack_str(pack, i ? "state" : "values");
            pl_pack_array(pack, 1);
            pl_pack_f64(pack, 1);
        }
        pl_unpack_init(&unpack, pl_pack_data(pack), pl_pack_size(pack));
        assert_true(pl_what_if_read(&unpack, s));
        const double expects[] = {s->risk, s->minutes, s->share, s->deviation};
        for (unsigned i = 0; i < PL_COUNT_OF(expects); i++)
            assert_true(more ? expects[i] == i + 1 : isnan(expects[i]));
        pl_free(s);
        pl_pack_free(pack);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_done_for_a_week),
        cmocka_unit_test(a_share_is_of_what_is_used),
        cmocka_unit_test(a_branch_ends_where_it_ends),
        cmocka_unit_test(what_is_outside_is_said),
        cmocka_unit_test(what_the_twin_expects_is_said),
        cmocka_unit_test(a_state_is_read_with_and_without_what_is_expected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
