#include "noise.h"
#include "testing.h"

static double rms_of(struct plant_noise *noise, double distance, int n) {
    double squares = 0;
    for (int i = 0; i < n; i++) {
        plant_noise_step(noise, (uint64_t)i, distance, 1);
        squares += noise->volts * noise->volts;
    }
    return sqrt(squares / n);
}

static void calm_metal_leaves_the_bubbles(void **state) {
    (void)state;
    struct plant_noise noise;
    plant_noise_init(&noise, 1, 1, 1);
    BETWEEN(noise.bubbles, 0.008, 0.013);
    CLOSE(rms_of(&noise, 0.043, 200000), hypot(noise.bubbles, noise.pad_calm), 0.0003);
}

static void waves_grow_as_the_anodes_come_nearer(void **state) {
    (void)state;
    struct plant_noise noise;
    plant_noise_init(&noise, 1, 1, 1);
    double far = rms_of(&noise, 0.046, 50000), near = rms_of(&noise, 0.034, 50000);
    assert_true(near > 3 * far);
    BETWEEN(noise.pad_rms, 0.05, 0.15);
    assert_true(plant_noise_efficiency_loss(&noise) > 0.01);
}

/* The power of the pad stands at its own frequency, within 12 to 30 mHz. */
static void the_pad_rolls_at_its_frequency(void **state) {
    (void)state;
    enum { N = 65536 };
    static double x[N];
    struct plant_noise noise;
    plant_noise_init(&noise, 5, 1, 2);
    noise.bubbles = 0;
    for (int i = 0; i < N; i++) {
        plant_noise_step(&noise, (uint64_t)i, 0.043, 1);
        x[i] = noise.volts;
    }
    double best = 0, at = 0;
    for (int mhz = 4; mhz < 60; mhz++) { /* averaged periodogram */
        double power = 0, f = mhz / 1000.0;
        for (int from = 0; from + 1024 <= N; from += 1024) {
            double re = 0, im = 0;
            for (int i = 0; i < 1024; i++) {
                re += x[from + i] * cos(6.283185307179586 * f * i);
                im += x[from + i] * sin(6.283185307179586 * f * i);
            }
            power += re * re + im * im;
        }
        if (power > best) {
            best = power;
            at = f;
        }
    }
    BETWEEN(noise.frequency, 0.012, 0.030);
    CLOSE(at, noise.frequency, 0.003);
}

static void unrest_decays(void **state) {
    (void)state;
    struct plant_noise noise;
    plant_noise_init(&noise, 1, 1, 1);
    noise.unrest = 1;
    rms_of(&noise, 0.043, 2400);
    CLOSE(noise.unrest, exp(-1), 1e-9);
    noise.roll = 0.05;
    plant_noise_step(&noise, 1, 0.043, 1);
    assert_true(noise.pad_rms > 0.05);
}

static void the_step_does_not_change_the_level(void **state) {
    (void)state;
    struct plant_noise noise;
    double squares = 0;
    plant_noise_init(&noise, 1, 1, 1);
    noise.bubbles = 0;
    for (int i = 0; i < 100000; i++) {
        plant_noise_step(&noise, (uint64_t)i, 0.043, 10);
        squares += noise.volts * noise.volts;
    }
    CLOSE(sqrt(squares / 100000), noise.pad_calm, 0.02 * noise.pad_calm);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calm_metal_leaves_the_bubbles),      cmocka_unit_test(waves_grow_as_the_anodes_come_nearer),
        cmocka_unit_test(the_pad_rolls_at_its_frequency),     cmocka_unit_test(unrest_decays),
        cmocka_unit_test(the_step_does_not_change_the_level),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
