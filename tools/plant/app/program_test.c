/* The program as users run it, found by POTLINE_BIN: paces, lockstep over libmodbus, journals, signals, exit status. */
#include <errno.h>
#include <fcntl.h>
#include <modbus.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../model/testing.h"

extern char **environ;

static char folder[] = "/tmp/plant-test-XXXXXX";
static char program[512];

static const char *in_folder(const char *name) {
    static char paths[8][128];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

/* Starts the program with the words of `line`; %NAME is a file in the test's folder. Output goes to `out` and `err`. */
static pid_t start(const char *line) {
    char copy[1024];
    char *argv[40] = {program};
    int argc = 1;
    pid_t pid;
    snprintf(copy, sizeof copy, "%s", line);
    static char expanded[40][160];
    for (char *word = strtok(copy, " "); word && argc < 39; word = strtok(NULL, " ")) {
        char *mark = strchr(word, '%');
        if (mark) *mark = 0;
        snprintf(expanded[argc], sizeof expanded[0], "%s%s%s%s", word, mark ? folder : "", mark ? "/" : "",
                 mark ? mark + 1 : "");
        argv[argc] = expanded[argc];
        argc++;
    }
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, in_folder("out"), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    posix_spawn_file_actions_addopen(&actions, 2, in_folder("err"), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    assert_int_equal(posix_spawn(&pid, program, &actions, NULL, argv, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    return pid;
}

static int finish(pid_t pid) {
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int run(const char *line) {
    return finish(start(line));
}

/* The whole file, to be freed. */
static char *text_of(const char *name) {
    FILE *file = fopen(in_folder(name), "r");
    assert_non_null(file);
    char *text = NULL;
    size_t size = 0;
    if (getdelim(&text, &size, 0, file) < 0) {
        free(text);
        text = calloc(1, 1);
    }
    fclose(file);
    return text;
}

static unsigned lines_with(const char *name, const char *what) {
    char *text = text_of(name), *at = text;
    unsigned count = 0;
    for (char *line; (line = strsep(&at, "\n"));)
        count += strstr(line, what) != NULL;
    free(text);
    return count;
}

static modbus_t *connect_to(const char *address_file) {
    char host[64] = "", *text = NULL;
    int port = 0;
    for (int tries = 0; tries < 500 && port == 0; tries++) {
        if (access(in_folder(address_file), R_OK) == 0) {
            text = text_of(address_file);
            if (sscanf(text, "%63[0-9.]:%d", host, &port) != 2) port = 0;
            free(text);
        }
        if (port == 0) usleep(20000);
    }
    assert_true(port > 0);
    modbus_t *modbus = modbus_new_tcp(host, port);
    modbus_set_slave(modbus, 1);
    modbus_set_response_timeout(modbus, 10, 0);
    assert_int_equal(modbus_connect(modbus), 0);
    return modbus;
}

static void remove_file(const char *name) {
    unlink(in_folder(name));
}

static void usage_errors_exit_2(void **state) {
    (void)state;
    assert_int_equal(run("--lines none"), 2);
    assert_int_equal(lines_with("err", "--lines is a number"), 1);
    assert_int_equal(run("--help"), 0);
    assert_true(lines_with("out", "--lockstep") > 0);
    assert_int_equal(run("--version"), 0);
    assert_int_equal(lines_with("out", "potline-plant "), 1);
    assert_int_equal(run("--no-server --for 1s --fault frozen:line9.*:0"), 1);
    assert_int_equal(lines_with("err", "line9"), 1);
    assert_int_equal(run("--no-server --for 1s --truth /nowhere/truth"), 1);
    assert_int_equal(run("--port 0 --for 1s --quiet --trouble %out"), 1);
    assert_int_equal(lines_with("err", "something else is there"), 1);
    assert_int_equal(access(in_folder("out"), F_OK), 0);
}

static void maps_are_printed(void **state) {
    (void)state;
    assert_int_equal(run("--print-map"), 0);
    assert_int_equal(lines_with("out", ",input,float32,big,1,0,"), 3 * (2 + 20 * 12));
    assert_int_equal(run("--print-map=all --lines 1 --pots 2"), 0);
    assert_int_equal(lines_with("out", "line1.pot02.feed_set,1,114,holding,float32"), 1);
    assert_int_equal(run("--print-tags"), 0);
    assert_int_equal(lines_with("out", "*.voltage,V,0,60"), 1);
}

static void the_same_seed_writes_the_same_bytes(void **state) {
    (void)state;
    assert_int_equal(
        run("--no-server --for 2h --seed 5 --quiet --truth %a.t --emitted %a.m --events %a.e --truth-every 10m "
            "--lines 1 --pots 4 --anode-effect line1.pot02@30m --fault spike:*.voltage:0:-:1,0.01"),
        0);
    assert_int_equal(run("--speed max --port 0 --for 2h --seed 5 --quiet --truth %b.t --emitted %b.m --events %b.e "
                         "--truth-every 10m --lines 1 --pots 4 --anode-effect line1.pot02@30m --fault "
                         "spike:*.voltage:0:-:1,0.01"),
                     0);
    static const char *const files[][2] = {{"a.t", "b.t"}, {"a.m", "b.m"}, {"a.e", "b.e"}};
    for (int i = 0; i < 3; i++) {
        char *a = text_of(files[i][0]), *b = text_of(files[i][1]);
        assert_true(strlen(a) > 100);
        assert_true(strcmp(a, b) == 0);
        free(a);
        free(b);
    }
    assert_int_equal(lines_with("a.m", "line1.pot01.voltage,"), 7201);
    BETWEEN(lines_with("a.m", ",spike"), 200, 380); /* 4 x 7201 x 0.01 */
    assert_int_equal(lines_with("a.e", "line1.pot02,anode_effect_start,"), 1);
    assert_int_equal(lines_with("a.e", "line1.pot02,anode_effect_end,"), 1);
    assert_int_equal(lines_with("a.t", "line1.pot01,bath_temp,"), 13);
    char *err = text_of("err");
    assert_string_equal(err, "");
    free(err);
}

static void real_time_keeps_its_pace_and_ends(void **state) {
    (void)state;
    struct timespec before, after;
    clock_gettime(CLOCK_MONOTONIC, &before);
    assert_int_equal(run("--speed 10 --for 5s --port 0 --truth-every 1s --lines 1 --pots 2 --truth %c.t"), 0);
    clock_gettime(CLOCK_MONOTONIC, &after);
    double wall = (double)(after.tv_sec - before.tv_sec) + 1e-9 * (double)(after.tv_nsec - before.tv_nsec);
    assert_true(wall >= 0.5); /* never ahead; how late depends on the machine */
    assert_int_equal(lines_with("c.t", "line1.pot02,voltage,"), 6);
    assert_int_equal(lines_with("err", "5 steps"), 1);
}

static void a_signal_ends_it_with_whole_files(void **state) {
    (void)state;
    static const int signals[] = {SIGINT, SIGTERM};
    for (int i = 0; i < 2; i++) {
        remove_file("address");
        pid_t pid = start("--speed 100 --port 0 --lines 1 --pots 2 --quiet --address-file %address --emitted %d.m");
        modbus_t *modbus = connect_to("address");
        uint16_t word[2] = {0, 0};
        while (word[1] < 20) {
            assert_int_equal(modbus_read_input_registers(modbus, 4, 2, word), 2);
            usleep(5000);
        }
        kill(pid, signals[i]);
        assert_int_equal(finish(pid), 0);
        modbus_close(modbus);
        modbus_free(modbus);
        char *text = text_of("d.m");
        assert_int_equal(text[strlen(text) - 1], '\n');
        free(text);
        assert_true(lines_with("d.m", "line1.pot02.shell_temp,") >= 21);
    }
}

static uint32_t read_step(modbus_t *modbus, uint64_t *time) {
    uint16_t words[6];
    assert_int_equal(modbus_read_input_registers(modbus, 0, 6, words), 6);
    *time = 0;
    for (int i = 0; i < 4; i++)
        *time = *time << 16 | words[i];
    return (uint32_t)words[4] << 16 | words[5];
}

/* Not modbus_set_float_abcd: that of libmodbus 3.1.6 swaps the bytes of each register on this machine. */
static void put_float(float value, uint16_t words[2]) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    words[0] = (uint16_t)(bits >> 16);
    words[1] = (uint16_t)bits;
}

static void acknowledge(modbus_t *modbus, uint32_t step) {
    assert_int_equal(modbus_write_registers(modbus, 0, 2, (uint16_t[]){(uint16_t)(step >> 16), (uint16_t)step}), 2);
}

/* Steps come only when acknowledged; set points written between them make the same run each time. */
static void lockstep_run(const char *line, bool slowly) {
    remove_file("address");
    pid_t pid = start(line);
    modbus_t *modbus = connect_to("address");
    for (uint32_t step = 0; step <= 300; step++) {
        uint64_t time;
        uint32_t found;
        while ((found = read_step(modbus, &time)) != step)
            assert_int_equal(found + 1, step);
        assert_true(time == (1735689600 + (uint64_t)step) * UINT64_C(1000000000));
        if (slowly && step % 60 == 0) {
            usleep(30000);
            assert_int_equal(read_step(modbus, &time), step);
            if (step) acknowledge(modbus, step - 1); /* an old one moves nothing */
            assert_int_equal(read_step(modbus, &time), step);
        }
        if (step == 100) {
            uint16_t words[2];
            put_float(140, words);
            assert_int_equal(modbus_write_registers(modbus, 114, 2, words), 2); /* line1.pot02.feed_set */
        }
        acknowledge(modbus, step);
    }
    assert_int_equal(finish(pid), 0);
    modbus_close(modbus);
    modbus_free(modbus);
}

static void lockstep_depends_on_seed_and_writes_alone(void **state) {
    (void)state;
    lockstep_run("--lockstep --for 5m --port 0 --lines 2 --pots 3 --quiet --address-file %address --truth %e.t "
                 "--truth-every 1s --events %e.e",
                 true);
    lockstep_run("--lockstep --for 5m --port 0 --lines 2 --pots 3 --quiet --address-file %address --truth %f.t "
                 "--truth-every 1s --events %f.e",
                 false);
    char *a = text_of("e.t"), *b = text_of("f.t");
    assert_true(strcmp(a, b) == 0);
    free(a);
    free(b);
    assert_int_equal(lines_with("e.t", "line1.pot02,feed_target,140"), 200);
    assert_int_equal(lines_with("e.t", "line1.pot02,feed_target,100"), 101);
    assert_int_equal(lines_with("e.e", "line1.pot02,write,register=feed_set value=140 outcome=accepted"), 1);
}

static void lockstep_of_all_waits_for_each_unit(void **state) {
    (void)state;
    remove_file("address");
    pid_t pid = start("--lockstep=all --for 3s --port 0 --lines 2 --pots 2 --quiet --address-file %address");
    modbus_t *modbus = connect_to("address");
    uint64_t time;
    for (uint32_t step = 0; step <= 3; step++) {
        while (read_step(modbus, &time) != step)
            usleep(1000);
        acknowledge(modbus, step);
        usleep(20000);
        assert_int_equal(read_step(modbus, &time), step);
        modbus_set_slave(modbus, 2);
        acknowledge(modbus, step);
        modbus_set_slave(modbus, 1);
    }
    assert_int_equal(finish(pid), 0);
    modbus_close(modbus);
    modbus_free(modbus);
}

/* ---- trouble on request, and the log of writes ---- */

static void ask_for(const char *trouble) {
    int fd = open(in_folder("trouble"), O_WRONLY);
    assert_true(fd >= 0);
    assert_true(write(fd, trouble, strlen(trouble)) == (ssize_t)strlen(trouble));
    close(fd);
}

static int set_feed(modbus_t *modbus, float value) {
    uint16_t words[2];
    put_float(value, words);
    return modbus_write_registers(modbus, 104, 2, words);
}

static float feed_of(modbus_t *modbus) {
    uint16_t words[2];
    if (modbus_read_registers(modbus, 104, 2, words) != 2) return -1;
    uint32_t bits = (uint32_t)words[0] << 16 | words[1];
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Until the plant answers again and is well, on a new connection; nothing is taken over. */
static modbus_t *again(modbus_t *modbus) {
    for (int i = 0; i < 3000; i++) {
        modbus_close(modbus);
        int good = 0;
        if (modbus_connect(modbus) == 0)
            while (good < 20 && feed_of(modbus) == 100)
                good++;
        if (good == 20) return modbus;
        usleep(10000);
    }
    fail_msg("the plant does not come back");
    return NULL;
}

static void trouble_comes_when_it_is_asked_for(void **state) {
    (void)state;
    remove_file("address");
    pid_t pid =
        start("--port 0 --lines 1 --pots 2 --quiet --address-file %address --trouble %trouble --writes %writes");
    modbus_t *modbus = connect_to("address");
    assert_int_equal(set_feed(modbus, 125), 2);
    assert_true(feed_of(modbus) == 125);

    assert_int_equal(set_feed(modbus, 120), 2); /* stands there also when it freezes at once */
    ask_for("nonsense\nfreeze 300s\n");
    float value = 110;
    for (; set_feed(modbus, value) == 2 && feed_of(modbus) == value; value = 230 - value)
        usleep(1000);
    assert_true(feed_of(modbus) == 230 - value);
    ask_for("freeze 0s\n");
    while (set_feed(modbus, value) == 2 && feed_of(modbus) != value)
        usleep(1000);

    ask_for("restart\n");
    while (feed_of(modbus) > 0) /* it is thrown out */
        usleep(1000);
    modbus = again(modbus);

    ask_for("refuse 200ms\n");
    while (feed_of(modbus) > 0)
        usleep(1000);
    modbus = again(modbus);
    modbus_set_response_timeout(modbus, 0, 50000);
    ask_for("hang 200ms\n");
    while (feed_of(modbus) > 0)
        usleep(1000);
    modbus = again(modbus);
    ask_for("garble 300s\n");
    while (feed_of(modbus) == 100)
        usleep(1000);
    ask_for("garble 0s\n");
    modbus = again(modbus);
    modbus_set_response_timeout(modbus, 10, 0);

    assert_int_equal(modbus_write_bit(modbus, 108, true), 1);
    uint8_t bit;
    assert_int_equal(modbus_read_bits(modbus, 108, 1, &bit), 1);
    assert_int_equal(bit, 1);
    assert_int_equal(modbus_write_bits(modbus, 108, 1, (uint8_t[]){0}), 1);
    assert_int_equal(modbus_read_bits(modbus, 108, 1, &bit), 1);
    assert_int_equal(bit, 0);
    assert_int_equal(modbus_write_bit(modbus, 104, true), -1);

    assert_int_equal(set_feed(modbus, 151), -1);
    assert_int_equal(modbus_write_register(modbus, 50, 7), -1);
    kill(pid, SIGTERM);
    assert_int_equal(finish(pid), 0);
    assert_int_equal(lines_with("writes", ",1,104,line1.pot01.feed_set,125,accepted"), 1);
    assert_int_equal(lines_with("writes", ",1,104,line1.pot01.feed_set,151,illegal_value"), 1);
    assert_int_equal(lines_with("writes", ",1,50,,7,illegal_address"), 1);
    assert_int_equal(lines_with("writes", ",1,108,line1.pot01.manual,1,accepted"), 1);
    assert_int_equal(lines_with("err", "trouble 'nonsense' is not understood"), 1);
    assert_int_equal(access(in_folder("trouble"), F_OK), -1);
    modbus_close(modbus);
    modbus_free(modbus);
}

static int setup(void **state) {
    (void)state;
    const char *bin = getenv("POTLINE_BIN");
    snprintf(program, sizeof program, "%s/potline-plant", bin ? bin : "build/release/bin");
    if (access(program, X_OK) != 0) {
        printf("%s is not built: skipped\n", program);
        exit(77);
    }
    return mkdtemp(folder) ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    static const char *const names[] = {"out", "err", "address", "a.t", "a.m", "a.e", "b.t", "b.m",
                                        "b.e", "c.t", "d.m",     "e.t", "e.e", "f.t", "f.e", "writes"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        remove_file(names[i]);
    return rmdir(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(usage_errors_exit_2),
        cmocka_unit_test(maps_are_printed),
        cmocka_unit_test(the_same_seed_writes_the_same_bytes),
        cmocka_unit_test(real_time_keeps_its_pace_and_ends),
        cmocka_unit_test(a_signal_ends_it_with_whole_files),
        cmocka_unit_test(lockstep_depends_on_seed_and_writes_alone),
        cmocka_unit_test(lockstep_of_all_waits_for_each_unit),
        cmocka_unit_test(trouble_comes_when_it_is_asked_for),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
