/* network: gradients against finite differences, the fast forward pass against the one that learns, files. */
#include "../testing.h"

#include "store/folder_testing.h"

#include "forecaster.h"
#include "model.h"
#include "network.h"

static double noise(void) {
    return test_random(2000) / 1000.0 - 1;
}

static const struct network_shape shapes[] = {{NETWORK_LSTM, 3, 5, 1, false},
                                              {NETWORK_LSTM, 2, 4, 2, true},
                                              {NETWORK_GRU, 3, 5, 1, true},
                                              {NETWORK_GRU, 2, 9, 3, false}};
enum { STEPS = 7 };

static void make(struct network *network, struct learner *learner, const struct network_shape *shape, double *frames) {
    assert_true(network_make(network, shape));
    network_seed(network, 7);
    assert_true(learner_make(learner, network, STEPS));
    for (unsigned i = 0; i < (STEPS + 1) * shape->signals; i++)
        frames[i] = noise();
}

/* Half the sum of squares; the gradient that gathers is thrown away. */
static double loss_of(struct learner *learner, const double *frames) {
    double state[64];
    for (unsigned i = 0; i < 64; i++)
        state[i] = 0.1 * (i % 7) - 0.3;
    const double squares = learner_chunk(learner, frames, STEPS, state, 1);
    return squares / 2;
}

static void gradients_are_right(void **test) {
    (void)test;
    srand(1);
    for (unsigned k = 0; k < PL_COUNT_OF(shapes); k++) {
        struct network network;
        struct learner learner;
        double frames[(STEPS + 1) * 3];
        make(&network, &learner, &shapes[k], frames);
        loss_of(&learner, frames);
        double *gradient = malloc(network.count * sizeof *gradient), greatest = 0;
        memcpy(gradient, learner.gradient.parameters, network.count * sizeof *gradient);
        for (size_t i = 0; i < network.count; i++) {
            static const double step = 1e-5;
            const double kept = network.parameters[i];
            network.parameters[i] = kept + step;
            const double above = loss_of(&learner, frames);
            network.parameters[i] = kept - step;
            const double below = loss_of(&learner, frames);
            network.parameters[i] = kept;
            const double slope = (above - below) / (2 * step);
            greatest = fmax(greatest, fabs(slope));
            if (fabs(slope - gradient[i]) > 1e-7 + 1e-6 * fabs(slope))
                fail_msg("shape %u, parameter %zu: gradient %.10g, by differences %.10g", k, i, gradient[i], slope);
        }
        assert_true(greatest > 0.1);
        free(gradient);
        learner_free(&learner);
        network_free(&network);
    }
}

/* A chunk after the other, from where the first one ended, gives the same forecasts as one long chunk. */
static void chunks_go_on(void **test) {
    (void)test;
    srand(2);
    for (unsigned k = 0; k < PL_COUNT_OF(shapes); k++) {
        struct network network;
        struct learner learner;
        double frames[(STEPS + 1) * 3], state[64] = {0}, parted[64] = {0};
        make(&network, &learner, &shapes[k], frames);
        const double whole = learner_chunk(&learner, frames, STEPS, state, 0);
        const double first = learner_chunk(&learner, frames, 3, parted, 0);
        const double second = learner_chunk(&learner, frames + (size_t)3 * shapes[k].signals, STEPS - 3, parted, 0);
        assert_true(fabs(whole - first - second) < 1e-12);
        for (size_t i = 0; i < network_state(&shapes[k]); i++)
            assert_true(state[i] == parted[i]);
        learner_free(&learner);
        network_free(&network);
    }
}

static void the_fast_pass_agrees(void **test) {
    (void)test;
    srand(3);
    for (unsigned k = 0; k < PL_COUNT_OF(shapes); k++) {
        struct network network;
        struct learner learner;
        struct forecaster forecaster;
        double frames[(STEPS + 1) * 3], state[64] = {0};
        float now[3], next[3], fast[64] = {0};
        const uint32_t signals = shapes[k].signals;
        make(&network, &learner, &shapes[k], frames);
        assert_true(forecaster_make(&forecaster, &network));
        double squares = 0;
        for (unsigned t = 0; t < STEPS; t++) {
            for (uint32_t s = 0; s < signals; s++)
                now[s] = (float)frames[t * signals + s];
            forecaster_step(&forecaster, fast, now, next);
            for (uint32_t s = 0; s < signals; s++)
                squares += pow((double)next[s] - frames[(t + 1) * signals + s], 2);
        }
        const double exact = learner_chunk(&learner, frames, STEPS, state, 0);
        assert_true(exact > 0.1 && fabs(squares - exact) < 1e-4 * exact);
        for (size_t i = 0; i < network_state(&shapes[k]); i++)
            assert_true(fabs((double)fast[i] - state[i]) < 2e-6);
        forecaster_free(&forecaster);
        learner_free(&learner);
        network_free(&network);
    }
}

static void descending_learns(void **test) {
    (void)test;
    enum { LENGTH = 64 };
    struct network network;
    struct learner learner;
    double frames[LENGTH + 1], first = 0, last = 0;
    assert_true(network_make(&network, &(struct network_shape){NETWORK_LSTM, 1, 8, 1, false}));
    network_seed(&network, 3);
    assert_true(learner_make(&learner, &network, LENGTH));
    for (unsigned t = 0; t <= LENGTH; t++)
        frames[t] = sin(t * 0.7);
    for (unsigned round = 0; round < 400; round++) {
        double state[16] = {0};
        last = learner_chunk(&learner, frames, LENGTH, state, 1.0 / LENGTH) / LENGTH;
        if (!round) first = last;
        learner_descend(&learner, 0.02);
    }
    assert_true(first > 0.2 && last < 0.01);
    learner_free(&learner);
    network_free(&network);
}

/* ---- Files ---- */

static const struct pl_strings no_names = {0};

static void put_usual(struct model *model) {
    float numbers[50];
    const uint32_t lines = model->network.shape.signals + 1;
    model->usual = pl_alloc(lines * sizeof *model->usual);
    assert_non_null(model->usual);
    for (uint32_t s = 0; s < lines; s++) {
        for (unsigned i = 0; i < 50; i++)
            numbers[i] = (float)(i + s);
        drift_learn(&model->usual[s], numbers, 50);
        model->usual[s].index = 0.1 * s;
    }
}

static void a_file_comes_back(void **test) {
    (void)test;
    char path[300], *folder = make_folder();
    snprintf(path, sizeof path, "%s/1.safetensors", folder);
    for (unsigned k = 0; k < PL_COUNT_OF(shapes); k++) {
        struct model out, in;
        assert_true(model_make(&out, &shapes[k]));
        network_seed(&out.network, 11 + k);
        for (size_t i = 0; i < out.network.count; i++)
            out.network.parameters[i] = (double)(float)out.network.parameters[i];
        for (uint32_t s = 0; s < shapes[k].signals; s++)
            out.mean[s] = 1.0 / (3 + s), out.scale[s] = 0.1 + s;
        for (unsigned i = 0; i < 500; i++)
            tail_add(&out.tail[1], i * 0.001, 1e6);
        if (k % 2) put_usual(&out);
        assert_true(model_set_note(&out, "inputs", "a\nb\nc" + (shapes[k].signals == 2 ? 2 : 0)));
        assert_true(model_set_note(&out, "target", shapes[k].difference ? "difference" : "value"));
        assert_int_equal(model_write(path, &out, NULL), PL_OK);
        struct pl_error *error = NULL;
        if (model_read(path, &no_names, &in, &error)) fail_msg("%s", pl_error_text(error));
        assert_memory_equal(&in.network.shape, &shapes[k], sizeof shapes[k]);
        assert_memory_equal(in.network.parameters, out.network.parameters, in.network.count * sizeof(double));
        assert_memory_equal(in.mean, out.mean, shapes[k].signals * sizeof(double));
        assert_memory_equal(in.scale, out.scale, shapes[k].signals * sizeof(double));
        assert_memory_equal(in.tail, out.tail, sizeof in.tail);
        assert_true((in.usual != NULL) == (k % 2 != 0));
        if (in.usual) assert_memory_equal(in.usual, out.usual, (shapes[k].signals + 1) * sizeof *in.usual);
        assert_string_equal(in.input[1], shapes[k].signals == 2 ? "c" : "b");
        model_free(&in);
        model_free(&out);
    }
    remove_folder(folder);
}

static void usual_numbers_must_be_in_order(void **test) {
    (void)test;
    char path[300], *folder = make_folder();
    snprintf(path, sizeof path, "%s/1.safetensors", folder);
    for (unsigned wrong = 0; wrong < 4; wrong++) {
        struct model out, in;
        struct pl_error *error = NULL;
        assert_true(model_make(&out, &shapes[0]));
        network_seed(&out.network, 1);
        put_usual(&out);
        if (wrong == 1) out.usual[1].edge[4] = -9;
        if (wrong == 2) out.usual[shapes[0].signals].share[0] = (double)NAN;
        if (wrong == 3) out.usual[0].index = -1;
        assert_true(model_set_note(&out, "inputs", "a\nb\nc"));
        assert_int_equal(model_write(path, &out, NULL), PL_OK);
        assert_int_equal(model_read(path, &no_names, &in, &error), wrong ? PL_CORRUPT : PL_OK);
        char *text = error ? pl_error_text(error) : NULL;
        assert_true(!wrong || strstr(text, "drift"));
        pl_free(text);
        pl_error_free(&error);
        model_free(&in);
        model_free(&out);
    }
    remove_folder(folder);
}

/* Whatever is cut off or changed: it is read, or refused with a reason, and nothing else. */
static void damaged_files_are_refused(void **test) {
    (void)test;
    srand(5);
    char path[300], *folder = make_folder();
    snprintf(path, sizeof path, "%s/1.safetensors", folder);
    struct model out, in;
    assert_true(model_make(&out, &shapes[0]));
    network_seed(&out.network, 1);
    assert_true(model_set_note(&out, "inputs", "a\nb\nc"));
    assert_int_equal(model_write(path, &out, NULL), PL_OK);
    FILE *file = fopen(path, "rb");
    static unsigned char bytes[1 << 16], broken[1 << 16];
    const size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    unsigned refused = 0;
    for (unsigned round = 0; round < 400; round++) {
        memcpy(broken, bytes, size);
        const size_t length = round % 2 ? (size_t)test_random((unsigned)size) : size;
        for (unsigned i = 0; i < 3 && !(round % 2); i++)
            broken[test_random(1000)] = (unsigned char)test_random(256);
        file = fopen(path, "wb");
        assert_int_equal(fwrite(broken, 1, length, file), length);
        fclose(file);
        struct pl_error *error = NULL;
        if (model_read(path, &no_names, &in, &error)) {
            assert_non_null(error);
            refused++;
        }
        pl_error_free(&error);
        model_free(&in);
    }
    assert_true(refused > 250);
    model_free(&out);
    remove_folder(folder);
}

static size_t bytes_in(const char *path, unsigned char *bytes, size_t room) {
    FILE *file = fopen(path, "rb");
    const size_t size = fread(bytes, 1, room, file);
    fclose(file);
    return size;
}

static void put_file(const char *path, const unsigned char *bytes, size_t size) {
    FILE *file = fopen(path, "wb");
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

/* A bit is all it takes: most leave numbers that are as good as any. What knows nothing of checksums is read as ever.
 */
static void a_bit_that_was_lost(void **test) {
    (void)test;
    static unsigned char bytes[1 << 16];
    char path[300], *folder = make_folder();
    snprintf(path, sizeof path, "%s/1.safetensors", folder);
    struct model out, in;
    assert_true(model_make(&out, &shapes[0]));
    network_seed(&out.network, 1);
    assert_true(model_set_note(&out, "inputs", "a\nb\nc"));
    assert_int_equal(model_write(path, &out, NULL), PL_OK);
    const size_t size = bytes_in(path, bytes, sizeof bytes);
    size_t header = bytes[0] | (size_t)bytes[1] << 8;
    for (size_t at = 8 + header; at < size; at += 5) {
        struct pl_error *error = NULL;
        bytes[at] ^= 1;
        put_file(path, bytes, size);
        bytes[at] ^= 1;
        assert_int_equal(model_read(path, &no_names, &in, &error), PL_CORRUPT);
        char *text = pl_error_text(error);
        assert_true(strstr(text, path) && strstr(text, "backup"));
        pl_free(text);
        pl_error_free(&error);
        model_free(&in);
    }
    put_file(path, bytes, size);
    assert_int_equal(model_read(path, &no_names, &in, NULL), PL_OK);
    assert_int_equal(model_write(path, &in, NULL), PL_OK); /* what was read can be written, and has a sum of its own */
    model_free(&in);
    assert_int_equal(model_read(path, &no_names, &in, NULL), PL_OK);
    model_free(&in);
    /* One of before, or of PyTorch: the note has another name, so there is none. */
    unsigned char *note = bytes + 8;
    while (memcmp(note, "\"checksum\"", 10) != 0)
        note++;
    memcpy(note, "\"somebody\"", 10);
    bytes[size - 1] ^= 1;
    put_file(path, bytes, size);
    assert_int_equal(model_read(path, &no_names, &in, NULL), PL_OK);
    model_free(&in);
    model_free(&out);
    remove_folder(folder);
}

static void refusals_say_why(void **test) {
    (void)test;
    struct model model;
    struct pl_error *error = NULL;
    assert_int_equal(model_read("no/such.safetensors", &no_names, &model, &error), PL_NOT_FOUND);
    pl_error_free(&error);
    model_free(&model);
    char path[300], *folder = make_folder();
    snprintf(path, sizeof path, "%s/1.safetensors", folder);
    FILE *file = fopen(path, "wb");
    static const char header[] = "{\"w\":{\"dtype\":\"F16\",\"shape\":[1],\"data_offsets\":[0,2]}}  ";
    const uint64_t length = sizeof header - 1;
    fwrite(&length, 8, 1, file);
    fwrite(header, 1, length, file);
    fwrite("xx", 1, 2, file);
    fclose(file);
    assert_int_equal(model_read(path, &no_names, &model, &error), PL_CORRUPT);
    char *text = pl_error_text(error);
    assert_non_null(strstr(text, "float32"));
    pl_free(text);
    pl_error_free(&error);
    model_free(&model);
    remove_folder(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_are_right),
        cmocka_unit_test(chunks_go_on),
        cmocka_unit_test(the_fast_pass_agrees),
        cmocka_unit_test(descending_learns),
        cmocka_unit_test(a_file_comes_back),
        cmocka_unit_test(damaged_files_are_refused),
        cmocka_unit_test(usual_numbers_must_be_in_order),
        cmocka_unit_test(a_bit_that_was_lost),
        cmocka_unit_test(refusals_say_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
