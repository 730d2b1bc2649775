/* detect.recurrent: learning from rows, and judging with what was learned. */
#include "../testing.h"

#include <potline/operator.h>
#include <potline/train.h>
#include <sys/stat.h>
#include <unistd.h>

#include "graph/registry.h"
#include "model.h"
#include "store/folder_testing.h"

#define S PL_SECOND
enum { FRAMES = 1600, ROUNDS = 12 };

/* Two pumps that go round with their speed: pressure follows flow, noise on both. */
struct plant {
    double phase, flow;
};

static double noise(void) {
    return test_random(1000) / 1000.0 - 0.5;
}

static void next(struct plant *plant, double *flow, double *pressure) {
    plant->phase += 0.25 + 0.02 * noise();
    plant->flow += 0.3 * (sin(plant->phase) - plant->flow);
    *flow = 40 + 10 * plant->flow + 0.2 * noise();
    *pressure = 3 + 0.5 * plant->flow + 0.01 * noise();
}

/* Frame `row` of both pumps; what is wrong with the pressure of the second one is added. */
static struct pl_batch *frame(struct test *t, struct plant plant[2], unsigned row, double wrong) {
    double flow[2], pressure[2];
    for (unsigned k = 0; k < 2; k++)
        next(&plant[k], &flow[k], &pressure[k]);
    const struct sample rows[] = {{row * S, "w.p1.flow", flow[0], 0},
                                  {row * S, "w.p1.pressure", pressure[0], 0},
                                  {row * S, "w.p2.flow", flow[1], 0},
                                  {row * S, "w.p2.pressure", pressure[1] + wrong, 0}};
    return test_batch(t, rows, 4);
}

static struct plant plants[2] = {{0, 0}, {2, 1}};

static char *options_of(const char *folder, const char *more) {
    static char text[512];
    snprintf(text, sizeof text,
             "{model: \"%s/m\", drift: {window: 200}, training: {units: 12, rounds: %d, lanes: 4, rate: 0.01%s}}",
             folder, ROUNDS, more);
    return text;
}

/* ---- Training ---- */

struct watch {
    unsigned rounds, stop_after;
    double first, last;
};

static bool goes_on(void *context, const struct pl_training_round *round) {
    struct watch *watch = context;
    if (!watch->rounds++) watch->first = round->error;
    watch->last = round->error;
    return watch->rounds != watch->stop_after;
}

/* Rows until `frames`; those from FRAMES on are not to be seen. */
static enum pl_code try_train(const char *folder, const char *more, unsigned frames, struct watch *watch,
                              struct pl_training_result *result) {
    struct test *t = test_open("detect.recurrent", options_of(folder, more), PL_SAMPLES);
    const struct pl_trainer *trainer = pl_registry_find("detect.recurrent")->trainer;
    struct pl_training_job job = {.tags = pl_harness_tags(t->h),
                                  .from = PL_TIME_MIN,
                                  .to = FRAMES * S,
                                  .graph = 7,
                                  .goes_on = goes_on,
                                  .context = watch};
    struct plant plant[2] = {plants[0], plants[1]};
    struct pl_error *error = NULL;
    void *training = NULL;
    srand(1);
    enum pl_code code = trainer->open(&training, pl_harness_self(t->h), &job, &error);
    for (unsigned row = 0; row < frames && !code; row++) {
        struct pl_batch *batch = frame(t, plant, row, 0);
        code = trainer->take(training, batch, &error);
        pl_batch_unref(batch);
    }
    if (!code) code = trainer->run(training, result, &error);
    pl_error_free(&error);
    trainer->close(training);
    test_close(t);
    return code;
}

static enum pl_code train(const char *folder, const char *more, unsigned frames, struct watch *watch,
                          struct pl_training_result *result) {
    const enum pl_code code = try_train(folder, more, frames, watch, result);
    if (code && code != PL_BUSY) fail_msg("training: %d", code);
    return code;
}

static size_t contents(const char *path, char *bytes, size_t room) {
    FILE *file = fopen(path, "rb");
    if (!file) fail_msg("%s is not there", path);
    const size_t size = fread(bytes, 1, room, file);
    fclose(file);
    return size;
}

static void assert_same_files(const char *a, const char *b) {
    static char first[1 << 20], second[1 << 20];
    const size_t size = contents(a, first, sizeof first);
    assert_true(size > 1000);
    assert_int_equal(contents(b, second, sizeof second), size);
    assert_memory_equal(first, second, size);
}

static void training_is_reproducible(void **state) {
    (void)state;
    char *folder = make_folder(), *other = make_folder();
    struct pl_training_result one, two, three;
    struct watch watch = {0}, again = {0}, halted = {.stop_after = 3}, rest = {0};
    assert_int_equal(train(folder, "", FRAMES, &watch, &one), PL_OK);
    assert_int_equal(watch.rounds, ROUNDS);
    assert_true(watch.last < 0.5 * watch.first);
    assert_true(one.error < 0.7 * one.unchanged);
    assert_int_equal(one.signals, 2);
    assert_int_equal(one.assets, 2);
    assert_int_equal(one.taught + one.judged, 2 * FRAMES);
    assert_int_equal(one.first, 0);
    assert_int_equal(one.last, (FRAMES - 1) * S);

    /* The same again, with rows behind the cut, which it never sees. */
    assert_int_equal(train(folder, "", FRAMES + 300, &again, &two), PL_OK);
    assert_non_null(strstr(two.path, "/2.safetensors"));
    assert_same_files(one.path, two.path);

    /* Interrupted, and gone on with. */
    assert_int_equal(train(other, "", FRAMES, &halted, &three), PL_BUSY);
    assert_int_equal(train(other, "", FRAMES, &rest, &three), PL_OK);
    assert_int_equal(three.resumed, 3);
    assert_int_equal(rest.rounds, ROUNDS - 3);
    assert_same_files(one.path, three.path);

    /* What is too little to judge by is said before anything is learned. */
    struct watch none = {0};
    assert_int_equal(try_train(other, "", 40, &none, &three), PL_NOT_FOUND);
    assert_int_equal(none.rounds, 0);

    /* Another seed is another model. */
    static char first[1 << 20], second[1 << 20];
    assert_int_equal(train(other, ", seed: 2", FRAMES, &rest, &two), PL_OK);
    const size_t size = contents(one.path, first, sizeof first);
    assert_true(contents(two.path, second, sizeof second) != size || memcmp(first, second, size) != 0);
    remove_folder(folder);
    remove_folder(other);
}

/* ---- Judging ---- */

static void ask(struct test *t, const char *command, const char *args, enum pl_code expected, const char *has) {
    char *reply = NULL;
    struct pl_error *error = NULL;
    const enum pl_code code = pl_harness_command(t->h, command, args, &reply, &error);
    if (code != expected) fail_msg("%s: %s", command, error ? pl_error_text(error) : reply);
    if (has && (!reply || !strstr(reply, has))) fail_msg("%s has no %s", reply, has);
    pl_free(reply);
    pl_error_free(&error);
}

static char *learned; /* a folder with a model, made once */

static struct test *open_learned(void) {
    struct watch watch = {0};
    struct pl_training_result result;
    if (!learned) {
        learned = make_folder();
        assert_int_equal(train(learned, "", FRAMES, &watch, &result), PL_OK);
        assert_int_equal(train(learned, ", seed: 2", FRAMES, &watch, &result), PL_OK);
    }
    return test_open("detect.recurrent", options_of(learned, ""), PL_SAMPLES);
}

static void play(struct test *t, struct plant plant[2], unsigned from, unsigned to, double wrong) {
    for (unsigned row = from; row < to; row++)
        test_push_batch(t, frame(t, plant, row, wrong));
}

static unsigned alarms_of(const struct test *t, const char *tag, unsigned from, unsigned to) {
    unsigned count = 0;
    for (unsigned i = 0; i < t->out[0].samples; i++) {
        const struct sample *s = &t->out[0].sample[i];
        count += strcmp(s->tag, tag) == 0 && s->time >= from * S && s->time < to * S && s->value > 0;
    }
    return count;
}

static void what_the_network_does_not_expect(void **state) {
    (void)state;
    struct test *t = open_learned();
    struct plant plant[2] = {plants[0], plants[1]};
    srand(9);
    play(t, plant, 5000, 6000, 0);
    play(t, plant, 6000, 6040, 0.15); /* a fifth of what it swings by, and within its range */
    play(t, plant, 6040, 6200, 0);
    assert_int_equal(t->out[0].samples, 2 * 2 * 1200);
    assert_true(alarms_of(t, "w.p2.alarm", 5000, 6000) <= 2);
    assert_true(alarms_of(t, "w.p2.alarm", 6000, 6040) >= 1);
    assert_true(alarms_of(t, "w.p1.alarm", 5000, 6200) <= 2);
    const struct event_row *began = NULL;
    for (unsigned i = 0; i < t->out[1].events; i++)
        if (t->out[1].event[i].time >= 6000 * S && !began) began = &t->out[1].event[i];
    if (!began) fail();
    if (!began) return;
    assert_string_equal(began->kind, "detect.began");
    assert_non_null(strstr(began->body, "\"tags\":[{\"tag\":\"w.p2.pressure\""));
    assert_int_equal(test_counter(t, "judged"), 2 * 1200);
    /* Forecasts come with each signal, near what it became. */
    assert_int_equal(t->out[2].samples, 2 * 2 * 1199);
    assert_string_equal(t->out[2].sample[0].tag, "w.p1.flow.expected");
    assert_true(t->out[2].sample[0].value > 20 && t->out[2].sample[0].value < 60);
    test_close(t);
}

static void a_snapshot_goes_on_alike(void **state) {
    (void)state;
    struct test *whole = open_learned(), *first = open_learned(), *second = open_learned();
    struct plant plant[2] = {plants[0], plants[1]};
    srand(10);
    play(whole, plant, 0, 200, 0);
    play(whole, plant, 200, 400, 0.1);
    plant[0] = plants[0], plant[1] = plants[1];
    srand(10);
    play(first, plant, 0, 200, 0);
    size_t size;
    void *bytes = pl_harness_snapshot(first->h, &size);
    assert_int_equal(pl_harness_restore(second->h, bytes, size, NULL), PL_OK);
    play(second, plant, 200, 400, 0.1);
    const unsigned before = first->out[0].samples;
    assert_int_equal(before + second->out[0].samples, whole->out[0].samples);
    for (unsigned i = 0; i < second->out[0].samples; i++)
        assert_true(second->out[0].sample[i].value == whole->out[0].sample[before + i].value);
    pl_free(bytes);
    test_close(whole);
    test_close(first);
    test_close(second);
}

/* ---- Drift ---- */

/* The nth event of a kind; NULL: there are fewer. */
static const struct event_row *event_of(const struct test *t, const char *kind, unsigned nth) {
    for (unsigned i = 0; i < t->out[1].events; i++)
        if (strcmp(t->out[1].event[i].kind, kind) == 0 && nth-- == 0) return &t->out[1].event[i];
    return NULL;
}

/* Windows of 200 frames: rows 0 to 600 are as ever, from 600 on one pressure is another one, from 1200 on it is as
 * ever. The second half of it is played to a node that was restored in the middle of a window. */
static void what_a_model_is_given_drifts(void **state) {
    (void)state;
    static const unsigned part[][2] = {{0, 600}, {600, 700}, {700, 1200}, {1200, 1800}};
    struct test *whole = open_learned(), *first = open_learned(), *second = open_learned();
    struct plant plant[2] = {plants[0], plants[1]};
    srand(14);
    for (unsigned i = 0; i < 4; i++)
        play(whole, plant, part[i][0], part[i][1], i == 1 || i == 2 ? 0.4 : 0);
    assert_null(event_of(whole, "detect.drifted", 1));
    const struct event_row *drifted = event_of(whole, "detect.drifted", 0),
                           *settled = event_of(whole, "detect.settled", 0);
    assert_non_null(drifted);
    assert_non_null(settled);
    assert_int_equal(drifted->time, 799 * S);
    assert_true(settled->time >= 1399 * S); /* when forecasts, too, are as they were */
    assert_string_equal(drifted->tag, "w.p2");
    assert_non_null(strstr(drifted->body, "\"tag\":\"w.p2.pressure\""));
    assert_non_null(strstr(drifted->body, "\"frames\":200"));
    assert_true(test_counter(whole, "drifted") >= 3);

    plant[0] = plants[0], plant[1] = plants[1];
    srand(14);
    play(first, plant, 0, 600, 0);
    play(first, plant, 600, 700, 0.4);
    size_t size;
    void *bytes = pl_harness_snapshot(first->h, &size);
    assert_int_equal(pl_harness_restore(second->h, bytes, size, NULL), PL_OK);
    play(second, plant, 700, 1200, 0.4);
    const struct event_row *again = event_of(second, "detect.drifted", 0);
    assert_non_null(again);
    assert_string_equal(again->body, drifted->body);
    ask(second, "detector models", "", PL_OK, "\"drift_of\":\"w.p2.");
    test_watermark(second, 1200 * S);
    assert_true(pl_harness_gauge(second->h, "drift") > 1);
    play(second, plant, 1200, 1800, 0);
    assert_string_equal(event_of(second, "detect.settled", 0)->body, settled->body);
    ask(second, "detector models", "", PL_OK, "\"drift\":\"0.");
    ask(second, "detector promote", "{version: 1}", PL_OK, NULL); /* what was counted is another model's */
    play(second, plant, 1800, 1801, 0);
    ask(second, "detector models", "", PL_OK, "\"drift\":\"\"");
    pl_free(bytes);
    test_close(whole);
    test_close(first);
    test_close(second);
}

static void pauses_and_holes(void **state) {
    (void)state;
    struct test *t = open_learned();
    struct plant plant[2] = {plants[0], plants[1]};
    srand(11);
    play(t, plant, 0, 100, 0);
    test_push(t, &(struct sample){100 * S, "w.p1.flow", (double)NAN, PL_Q_BAD | PL_Q_MISSING}, 1);
    test_push(t, &(struct sample){100 * S, "w.p1.pressure", 3, 0}, 1);
    test_push(t, &(struct sample){100 * S, "w.p1.smell", 3, 0}, 1);
    test_push(t, &(struct sample){50 * S, "w.p1.flow", 3, 0}, 1);
    assert_int_equal(test_counter(t, "judged"), 201);
    assert_int_equal(test_counter(t, "unknown"), 1);
    assert_int_equal(test_counter(t, "late"), 1);
    play(t, plant, 100000, 100005, 0);
    assert_int_equal(test_counter(t, "restarts"), 2);
    test_push(t, &(struct sample){100005 * S, "w.p1.flow", 40, 0}, 1); /* its other signal does not come */
    assert_int_equal(test_watermark(t, 100005 * S), 100005 * S);
    assert_int_equal(test_counter(t, "judged"), 211);
    test_watermark(t, 100006 * S);
    assert_int_equal(test_counter(t, "judged"), 212);
    test_close(t);
}

/* ---- Versions ---- */

static void versions_are_promoted_and_rolled_back(void **state) {
    (void)state;
    struct test *t = open_learned();
    struct plant plant[2] = {plants[0], plants[1]};
    srand(12);
    play(t, plant, 0, 50, 0);
    ask(t, "detector models", "", PL_OK, "\"version\":2,\"role\":\"active\"");
    ask(t, "detector models", "", PL_OK, "\"graph\":\"0000000000000007\"");
    ask(t, "detector rollback", "", PL_CONFLICT, NULL);
    ask(t, "detector promote", "{version: 9}", PL_NOT_FOUND, NULL);
    ask(t, "detector shadow", "{version: 1}", PL_OK, NULL);
    play(t, plant, 50, 100, 0);
    assert_int_equal(test_counter(t, "shadowed"), 2 * 50);
    ask(t, "detector models", "", PL_OK, "\"version\":1,\"role\":\"shadow\"");
    ask(t, "detector promote", "{version: 1}", PL_OK, NULL);
    play(t, plant, 100, 150, 0);
    ask(t, "detector models", "", PL_OK, "\"version\":1,\"role\":\"active\"");
    ask(t, "detector models", "", PL_OK, "\"version\":2,\"role\":\"before\"");
    assert_int_equal(test_counter(t, "shadowed"), 2 * 50);
    ask(t, "detector rollback", "{node: other}", PL_NOT_FOUND, NULL);
    ask(t, "detector rollback", "", PL_OK, NULL);
    play(t, plant, 150, 160, 0);
    ask(t, "detector models", "", PL_OK, "\"version\":2,\"role\":\"active\"");
    assert_int_equal(test_counter(t, "judged"), 2 * 160);
    test_close(t);
}

/* The first of the versions learned, whole or half of it. */
static void copy_version(const char *folder, unsigned version, bool half) {
    static char bytes[1 << 20];
    char path[4200];
    snprintf(path, sizeof path, "%s/m/1.safetensors", learned);
    size_t size = contents(path, bytes, sizeof bytes);
    if (half) size /= 2;
    snprintf(path, sizeof path, "%s/m/%u.safetensors", folder, version);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

/* Two good versions, and a newer one that is damaged. */
static char *folder_of_versions(void) {
    char *folder = make_folder(), path[4200];
    test_close(open_learned());
    snprintf(path, sizeof path, "%s/m", folder);
    assert_int_equal(mkdir(path, 0777), 0);
    for (unsigned version = 1; version <= 3; version++)
        copy_version(folder, version, version == 3);
    return folder;
}

static void damage(const char *folder, unsigned version) {
    char path[4200];
    snprintf(path, sizeof path, "%s/m/%u.safetensors", folder, version);
    assert_int_equal(truncate(path, 100), 0);
}

/* What cannot be read is no reason to end; the newest that can is at work, and with none rows are counted. */
static void versions_that_are_damaged(void **state) {
    (void)state;
    char *folder = folder_of_versions();
    struct test *t = test_open("detect.recurrent", options_of(folder, ""), PL_SAMPLES);
    struct plant plant[2] = {plants[0], plants[1]};
    srand(13);
    play(t, plant, 0, 10, 0);
    assert_int_equal(test_counter(t, "judged"), 2 * 10);
    ask(t, "detector models", "", PL_OK, "\"version\":2,\"role\":\"active\"");
    ask(t, "detector shadow", "{version: 1}", PL_OK, NULL);
    play(t, plant, 10, 20, 0);
    damage(folder, 1);
    test_restore(t);
    play(t, plant, 20, 30, 0);
    ask(t, "detector models", "", PL_OK, "\"version\":2,\"role\":\"active\"");
    damage(folder, 2);
    test_restore(t);
    play(t, plant, 30, 40, 0);
    assert_true(test_counter(t, "untrained") >= 10);
    copy_version(folder, 4, false);
    play(t, plant, 40, 50, 0);
    ask(t, "detector models", "", PL_OK, "\"version\":4,\"role\":\"active\"");
    test_close(t);
    remove_folder(folder);
}

/* A version that is worse than none is chosen by people only. */
static void a_version_that_is_worse_than_none(void **state) {
    (void)state;
    char *folder = folder_of_versions(), path[4200];
    struct model model;
    struct pl_error *error = NULL;
    snprintf(path, sizeof path, "%s/m/2.safetensors", folder);
    assert_int_equal(model_read(path, &(struct pl_strings){0}, &model, &error), PL_OK);
    for (unsigned i = 0; i < model.notes; i++)
        if (strcmp(model.note[i].key, "error") == 0) {
            pl_free(model.note[i].text);
            model.note[i].text = pl_strdup("1e9");
        }
    assert_true(model_forecasts_worse(&model));
    snprintf(path, sizeof path, "%s/m/3.safetensors", folder);
    assert_int_equal(model_write(path, &model, &error), PL_OK);
    model_free(&model);
    struct test *t = test_open("detect.recurrent", options_of(folder, ""), PL_SAMPLES);
    struct plant plant[2] = {plants[0], plants[1]};
    srand(14);
    play(t, plant, 0, 10, 0);
    ask(t, "detector models", "", PL_OK, "\"version\":2,\"role\":\"active\"");
    ask(t, "detector promote", "{version: 3}", PL_OK, NULL);
    play(t, plant, 10, 20, 0);
    ask(t, "detector models", "", PL_OK, "\"version\":3,\"role\":\"active\"");
    test_close(t);
    remove_folder(folder);
}

static void without_a_model_rows_are_counted(void **state) {
    (void)state;
    char *folder = make_folder();
    struct test *t = test_open("detect.recurrent", options_of(folder, ""), PL_SAMPLES);
    struct plant plant[2] = {plants[0], plants[1]};
    play(t, plant, 0, 10, 0);
    assert_int_equal(test_counter(t, "untrained"), 40);
    assert_int_equal(t->out[0].samples, 0);
    test_close(t);
    remove_folder(folder);
    char *text = test_refusal("detect.recurrent", "{model: m, training: {units: 100}}");
    assert_non_null(strstr(text, "state: 200"));
    pl_free(text);
}

static int tidy(void **state) {
    (void)state;
    if (learned) remove_folder(learned);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(training_is_reproducible),
        cmocka_unit_test(what_the_network_does_not_expect),
        cmocka_unit_test(a_snapshot_goes_on_alike),
        cmocka_unit_test(what_a_model_is_given_drifts),
        cmocka_unit_test(pauses_and_holes),
        cmocka_unit_test(versions_are_promoted_and_rolled_back),
        cmocka_unit_test(versions_that_are_damaged),
        cmocka_unit_test(a_version_that_is_worse_than_none),
        cmocka_unit_test(without_a_model_rows_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, tidy);
}
