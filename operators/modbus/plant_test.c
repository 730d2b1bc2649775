/* source.modbus on the simulated plant, in lockstep: every register of every step, against the plant's own journal. */
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "testing/cmocka_first.h"
#include "testing/plc.h"

enum { STEPS = 90, LINES = 3, POTS = 20, SIGNALS = 13, LINE_SIGNALS = 2 };

static char folder[] = "/tmp/modbus_plant_XXXXXX";
static char map[64], address[64], emitted[64];

static pid_t plant_run(const char *const arguments[], const char *output) {
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid > 0) return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (!output || freopen(output, "w", stdout)) execv(MODBUS_PLANT, (char *const *)(uintptr_t)arguments);
    perror(MODBUS_PLANT);
    _exit(127);
}

static int plant_wait(pid_t pid) {
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return status;
}

static int setup(void **state) {
    (void)state;
    if (!mkdtemp(folder)) return -1;
    snprintf(map, sizeof map, "%s/map.csv", folder);
    snprintf(address, sizeof address, "%s/address", folder);
    snprintf(emitted, sizeof emitted, "%s/emitted.csv", folder);
    return plant_wait(plant_run((const char *const[]){MODBUS_PLANT, "--print-map", NULL}, map));
}

static int teardown(void **state) {
    (void)state;
    unlink(map);
    unlink(address);
    unlink(emitted);
    return rmdir(folder);
}

/* The port, once the plant serves it. */
static int plant_port(void) {
    for (int attempt = 0; attempt < 3000; attempt++) {
        char line[64] = "";
        FILE *file = fopen(address, "r");
        if (file && fgets(line, sizeof line, file)) attempt = 3000;
        if (file) fclose(file);
        char *colon = strrchr(line, ':');
        if (colon && strchr(line, '\n')) return atoi(colon + 1);
        nanosleep(&(struct timespec){0, 10000000}, NULL);
    }
    fail_msg("the plant does not serve");
    return 0;
}

/* What was polled: [step][point], points in the order of the first batch. */
struct polled {
    pl_time time;
    double *value;
    uint16_t *quality;
};

static void poll_all(struct plc *plc, struct polled *polled) {
    for (int step = 0; step < STEPS; step++) {
        const struct pl_batch *batch = plc_next(plc);
        assert_int_equal(batch->rows, plc->samples->rows);
        polled[step].time = batch->samples.time[0];
        polled[step].value = calloc(batch->rows, sizeof(double));
        polled[step].quality = calloc(batch->rows, sizeof(uint16_t));
        memcpy(polled[step].value, batch->samples.value, batch->rows * sizeof(double));
        memcpy(polled[step].quality, batch->samples.quality, batch->rows * sizeof(uint16_t));
        for (uint32_t row = 0; row < batch->rows; row++)
            assert_true(batch->samples.time[row] == polled[step].time);
        if (step > 0) assert_true(polled[step].time == polled[step - 1].time + PL_SECOND);
    }
}

/* One line of the journal: time_ns,tag,value,fault. Returns whether it is about a point that was polled. */
static bool check_line(char *line, const struct plc *plc, const struct polled *polled, unsigned *missing) {
    char *rest = line;
    const char *time = strsep(&rest, ","), *tag = strsep(&rest, ","), *value = strsep(&rest, ",");
    assert_non_null(value);
    pl_time at = strtoll(time, NULL, 10);
    uint32_t id = pl_tags_find(pl_harness_tags(plc->harness), tag, strlen(tag));
    int64_t step = (at - polled[0].time) / PL_SECOND;
    if (id == PL_NO_ID || step < 0 || step >= STEPS) return false;
    uint32_t row = plc_row(plc, tag);
    if (*value == '\0') {
        assert_true(isnan(polled[step].value[row]));
        assert_int_equal(polled[step].quality[row], PL_Q_BAD | PL_Q_MISSING);
        ++*missing;
        return true;
    }
    if ((float)polled[step].value[row] != strtof(value, NULL))
        fail_msg("step %d, %s: polled %.9g, shown %s", (int)step, tag, polled[step].value[row], value);
    assert_int_equal(polled[step].quality[row], PL_Q_GOOD);
    return true;
}

static void test_every_register_of_every_step(void **state) {
    (void)state;
    static struct polled polled[STEPS];
    const char *const arguments[] = {MODBUS_PLANT,
                                     "--quiet",
                                     "--lockstep",
                                     "--listen",
                                     "127.0.0.1:0",
                                     "--address-file",
                                     address,
                                     "--emitted",
                                     emitted,
                                     "--for",
                                     "100s",
                                     "--seed",
                                     "7",
                                     "--fault",
                                     "dropout:line2.pot03.voltage:10s:1m:0.5",
                                     "--fault",
                                     "spike:*.bath_temp:0:1h:80,0.2",
                                     NULL};
    pid_t plant = plant_run(arguments, NULL);
    struct plc plc;
    plc_open(&plc,
             "endpoint: 127.0.0.1:%d\ntimeout: 20s\nin_flight: 8\nregisters: %s\n"
             "clock: { table: input, time: 0, step: 4, acknowledge: 0, unit: 1 }\n",
             plant_port(), map);
    poll_all(&plc, polled);
    assert_true(plc.samples->rows >= LINES * (POTS * SIGNALS + LINE_SIGNALS));
    for (int rest = 0; rest < 10; rest++) /* the plant waits for the last step too, and ends */
        plc_next(&plc);
    plc_until_event(&plc, "modbus.disconnected");
    assert_int_equal(plant_wait(plant), 0);

    unsigned checked = 0, missing = 0;
    static char line[512];
    FILE *journal = fopen(emitted, "r");
    assert_non_null(journal);
    assert_non_null(fgets(line, sizeof line, journal));
    while (fgets(line, sizeof line, journal)) {
        line[strcspn(line, "\n")] = '\0';
        checked += check_line(line, &plc, polled, &missing);
    }
    fclose(journal);
    assert_true(missing >= 5 && missing <= 60);
    assert_int_equal(checked, STEPS * LINES * (POTS * SIGNALS + LINE_SIGNALS));
    assert_int_equal(plc_count(&plc, "timeouts"), 0);
    plc_close(&plc);
    for (int step = 0; step < STEPS; step++) {
        free(polled[step].value);
        free(polled[step].quality);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_register_of_every_step),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
