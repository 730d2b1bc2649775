#include "../model/testing.h"
#include "modbus.h"
#include "plc.h"

struct rig {
    struct plant *plant;
    struct plant_faults faults;
    struct plant_sensors sensors;
    struct plant_plc plc;
    unsigned writes, refused, silent, back;
};

static void on_write(void *user, const struct plant_write *write) {
    struct rig *rig = user;
    if (write->outcome == PLANT_OK)
        rig->writes++;
    else
        rig->refused++;
}

static void on_watchdog(void *user, unsigned line, bool silent) {
    struct rig *rig = user;
    assert_int_equal(line, 1);
    if (silent)
        rig->silent++;
    else
        rig->back++;
}

static void rig_init(struct rig *rig) {
    *rig = (struct rig){0};
    rig->plant = plant_new(&(struct plant_options){
        .seed = 1, .lines = 2, .pots = 6, .start = 1735689600 * PLANT_SECOND, .step = PLANT_SECOND});
    assert_true(plant_sensors_init(&rig->sensors, rig->plant, &rig->faults));
    assert_true(plant_plc_init(&rig->plc, rig->plant, &rig->sensors));
    rig->plc.on_write = on_write;
    rig->plc.on_watchdog = on_watchdog;
    rig->plc.user = rig;
    plant_plc_publish(&rig->plc);
}

static void rig_fini(struct rig *rig) {
    plant_plc_fini(&rig->plc);
    plant_sensors_fini(&rig->sensors);
    plant_free(rig->plant);
}

static void run(struct rig *rig, int seconds) {
    for (int i = 0; i < seconds; i++) {
        plant_plc_watch(&rig->plc);
        plant_step(rig->plant);
    }
    plant_plc_publish(&rig->plc);
}

static double read_float(const struct rig *rig, enum plant_table table, unsigned unit, unsigned address) {
    uint16_t words[2];
    assert_int_equal(plant_plc_read(&rig->plc, unit, table, address, 2, words), PLANT_OK);
    uint32_t bits = (uint32_t)words[0] << 16 | words[1];
    float value;
    memcpy(&value, &bits, sizeof value);
    return (double)value;
}

static unsigned read_word(const struct rig *rig, enum plant_table table, unsigned unit, unsigned address) {
    uint16_t word;
    assert_int_equal(plant_plc_read(&rig->plc, unit, table, address, 1, &word), PLANT_OK);
    return word;
}

static enum plant_exception write_float(struct rig *rig, unsigned unit, unsigned address, float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return plant_plc_write(&rig->plc, unit, address, 2, (uint16_t[]){(uint16_t)(bits >> 16), (uint16_t)bits});
}

static enum plant_exception write_word(struct rig *rig, unsigned unit, unsigned address, uint16_t value) {
    return plant_plc_write(&rig->plc, unit, address, 1, &value);
}

static unsigned hold(unsigned pot, unsigned offset) {
    return plant_map_address(PLANT_HOLDING, pot, offset);
}

static void registers_show_the_readings(void **state) {
    (void)state;
    struct rig rig;
    rig_init(&rig);
    run(&rig, 42);
    uint16_t header[16];
    assert_int_equal(plant_plc_read(&rig.plc, 2, PLANT_INPUT, 0, 16, header), PLANT_OK);
    uint64_t time = 0;
    for (int i = 0; i < 4; i++)
        time = time << 16 | header[i];
    assert_true(time == 1735689642 * (uint64_t)PLANT_SECOND);
    assert_int_equal((uint32_t)header[4] << 16 | header[5], 42);
    assert_int_equal((uint32_t)header[6] << 16 | header[7], 1000);
    assert_int_equal(header[8], 1);
    assert_int_equal(header[9], 6);
    assert_int_equal(header[14], 1);
    for (unsigned unit = 1; unit <= 2; unit++)
        for (unsigned pot = 1; pot <= 6; pot++)
            for (unsigned i = 0; i < plant_pot_signal_count; i++)
                assert_true(read_float(&rig, PLANT_INPUT, unit, plant_map_address(PLANT_INPUT, pot, 2 * i)) ==
                            (double)plant_sensors_get(&rig.sensors, unit, pot, i)->value);
    rig_fini(&rig);
}

static void what_is_not_there_cannot_be_read(void **state) {
    (void)state;
    struct rig rig;
    rig_init(&rig);
    uint16_t words[125];
    assert_int_equal(plant_plc_read(&rig.plc, 3, PLANT_INPUT, 0, 1, words), PLANT_NO_SUCH_UNIT);
    assert_int_equal(plant_plc_read(&rig.plc, 0, PLANT_INPUT, 0, 1, words), PLANT_NO_SUCH_UNIT);
    assert_int_equal(plant_plc_read(&rig.plc, 1, PLANT_INPUT, 250, 1, words), PLANT_ILLEGAL_ADDRESS);
    assert_int_equal(plant_plc_read(&rig.plc, 1, PLANT_INPUT, 249, 1, words), PLANT_OK);
    assert_int_equal(plant_plc_read(&rig.plc, 1, PLANT_INPUT, 240, 11, words), PLANT_ILLEGAL_ADDRESS);
    assert_int_equal(plant_plc_read(&rig.plc, 1, PLANT_HOLDING, 160, 1, words), PLANT_ILLEGAL_ADDRESS);
    assert_int_equal(plant_plc_read(&rig.plc, 1, PLANT_INPUT, 65535, 125, words), PLANT_ILLEGAL_ADDRESS);
    rig_fini(&rig);
}

static void set_points_within_range_are_taken(void **state) {
    (void)state;
    struct rig rig;
    rig_init(&rig);
    double before = read_float(&rig, PLANT_HOLDING, 1, hold(2, PLANT_HOLD_RESISTANCE));
    CLOSE(read_float(&rig, PLANT_HOLDING, 1, hold(2, PLANT_HOLD_ACD)), 43, 1e-6);
    assert_int_equal(write_float(&rig, 1, hold(2, PLANT_HOLD_ACD), 41), PLANT_OK);
    CLOSE(read_float(&rig, PLANT_HOLDING, 1, hold(2, PLANT_HOLD_ACD)), 41, 1e-5);
    CLOSE(read_float(&rig, PLANT_HOLDING, 1, hold(2, PLANT_HOLD_RESISTANCE)), before - 2 * PLANT_OHM_PER_MM, 1e-5);
    assert_int_equal(read_word(&rig, PLANT_HOLDING, 1, hold(2, PLANT_HOLD_REMOTE)), 1);

    assert_int_equal(write_float(&rig, 1, hold(2, PLANT_HOLD_FEED), 110), PLANT_OK);
    assert_int_equal(write_float(&rig, 1, hold(2, PLANT_HOLD_ALF3), 0), PLANT_OK);
    assert_int_equal(read_word(&rig, PLANT_HOLDING, 1, hold(2, PLANT_HOLD_REMOTE)), 7);
    run(&rig, 1);
    assert_true(rig.plant->lines[0].pots[1].control.targets.feed == 110);
    assert_true(read_word(&rig, PLANT_INPUT, 1, plant_map_address(PLANT_INPUT, 2, PLANT_IN_POT_STATUS)) &
                PLANT_STATUS_REMOTE);

    assert_int_equal(write_word(&rig, 1, hold(2, PLANT_HOLD_REMOTE), 4), PLANT_OK); /* keep AlF3 only */
    assert_int_equal(read_word(&rig, PLANT_HOLDING, 1, hold(2, PLANT_HOLD_REMOTE)), 4);
    CLOSE(read_float(&rig, PLANT_HOLDING, 1, hold(2, PLANT_HOLD_RESISTANCE)), before, 1e-5);
    assert_int_equal(rig.writes, 4);

    assert_int_equal(write_float(&rig, 2, PLANT_HOLD_CURRENT, 175), PLANT_OK);
    run(&rig, 400);
    CLOSE(rig.plant->lines[1].ramped, 175e3, 1e-6);
    CLOSE(rig.plant->lines[0].ramped, 180e3, 1e-6);
    rig_fini(&rig);
}

static void bad_writes_change_nothing(void **state) {
    (void)state;
    struct rig rig;
    rig_init(&rig);
    static uint16_t before[2][160], after[2][160];
    for (unsigned i = 0; i < 2; i++)
        memcpy(before[i], rig.plc.lines[i].holding, sizeof before[i]);
    static const struct {
        unsigned offset;
        float value;
    } out[] = {
        {PLANT_HOLD_RESISTANCE, 11.9f}, {PLANT_HOLD_RESISTANCE, 16.6f}, {PLANT_HOLD_ACD, 33},
        {PLANT_HOLD_ACD, 54},           {PLANT_HOLD_FEED, 49},          {PLANT_HOLD_FEED, 151},
        {PLANT_HOLD_ALF3, -0.1f},       {PLANT_HOLD_ALF3, 8.1f},        {PLANT_HOLD_FEED, NAN},
        {PLANT_HOLD_FEED, INFINITY},
    };
    for (size_t i = 0; i < sizeof out / sizeof *out; i++)
        assert_int_equal(write_float(&rig, 1, hold(3, out[i].offset), out[i].value), PLANT_ILLEGAL_VALUE);
    assert_int_equal(write_float(&rig, 1, PLANT_HOLD_CURRENT, 149), PLANT_ILLEGAL_VALUE);
    assert_int_equal(write_word(&rig, 1, hold(3, PLANT_HOLD_MANUAL), 2), PLANT_ILLEGAL_VALUE);
    assert_int_equal(write_word(&rig, 1, hold(3, PLANT_HOLD_FEED), 0x42c8), PLANT_ILLEGAL_ADDRESS); /* half a float */
    assert_int_equal(write_word(&rig, 1, hold(3, PLANT_HOLD_FEED + 1), 0), PLANT_ILLEGAL_ADDRESS);
    assert_int_equal(write_word(&rig, 1, 50, 0), PLANT_ILLEGAL_ADDRESS);
    assert_int_equal(write_word(&rig, 1, 160, 0), PLANT_ILLEGAL_ADDRESS);
    assert_int_equal(write_word(&rig, 9, 2, 0), PLANT_NO_SUCH_UNIT);

    /* All or nothing: a good feed beside a bad AlF3. */
    uint16_t both[4] = {0x42dc, 0, 0x4248, 0}; /* 110.0, 50.0 */
    assert_int_equal(plant_plc_write(&rig.plc, 1, hold(3, PLANT_HOLD_FEED), 4, both), PLANT_ILLEGAL_VALUE);
    for (unsigned i = 0; i < 2; i++)
        memcpy(after[i], rig.plc.lines[i].holding, sizeof after[i]);
    assert_memory_equal(before, after, sizeof before);
    assert_int_equal(rig.writes, 0);
    assert_true(rig.refused > 12);
    rig_fini(&rig);
}

static void manual_gives_the_pot_to_the_crew(void **state) {
    (void)state;
    struct rig rig;
    rig_init(&rig);
    assert_int_equal(write_float(&rig, 1, hold(1, PLANT_HOLD_FEED), 120), PLANT_OK);
    assert_int_equal(write_word(&rig, 1, hold(1, PLANT_HOLD_MANUAL), 1), PLANT_OK);
    CLOSE(read_float(&rig, PLANT_HOLDING, 1, hold(1, PLANT_HOLD_FEED)), 100, 0);
    assert_int_equal(write_float(&rig, 1, hold(1, PLANT_HOLD_FEED), 120), PLANT_BUSY);
    assert_int_equal(write_float(&rig, 1, hold(2, PLANT_HOLD_FEED), 120), PLANT_OK);
    run(&rig, 1);
    assert_true(read_word(&rig, PLANT_INPUT, 1, plant_map_address(PLANT_INPUT, 1, PLANT_IN_POT_STATUS)) &
                PLANT_STATUS_MANUAL);
    assert_int_equal(write_word(&rig, 1, hold(1, PLANT_HOLD_MANUAL), 0), PLANT_OK);
    assert_int_equal(write_float(&rig, 1, hold(1, PLANT_HOLD_FEED), 120), PLANT_OK);
    rig_fini(&rig);
}

static void a_silent_watchdog_falls_back(void **state) {
    (void)state;
    struct rig rig;
    rig_init(&rig);
    assert_int_equal(write_float(&rig, 1, hold(1, PLANT_HOLD_FEED), 120), PLANT_OK);
    run(&rig, 100);
    assert_int_equal(read_word(&rig, PLANT_HOLDING, 1, hold(1, PLANT_HOLD_REMOTE)), 2); /* not armed: no end */

    assert_int_equal(write_word(&rig, 1, PLANT_HOLD_WATCHDOG, 1), PLANT_OK);
    for (uint16_t beat = 2; beat < 12; beat++) {
        run(&rig, 9);
        assert_int_equal(write_word(&rig, 1, PLANT_HOLD_WATCHDOG, beat), PLANT_OK);
    }
    assert_int_equal(rig.silent, 0);
    for (int i = 0; i < 12; i++) { /* the same value again is no sign of life */
        run(&rig, 1);
        assert_int_equal(write_word(&rig, 1, PLANT_HOLD_WATCHDOG, 11), PLANT_OK);
    }
    assert_int_equal(rig.silent, 1);
    assert_int_equal(read_word(&rig, PLANT_HOLDING, 1, hold(1, PLANT_HOLD_REMOTE)), 0);
    assert_int_equal(read_word(&rig, PLANT_INPUT, 1, PLANT_IN_WATCHDOG_OK), 0);
    assert_int_equal(read_word(&rig, PLANT_INPUT, 2, PLANT_IN_WATCHDOG_OK), 1);
    assert_int_equal(write_float(&rig, 1, hold(1, PLANT_HOLD_FEED), 120), PLANT_BUSY);
    assert_int_equal(write_word(&rig, 1, PLANT_HOLD_WATCHDOG, 12), PLANT_OK);
    assert_int_equal(rig.back, 1);
    assert_int_equal(write_float(&rig, 1, hold(1, PLANT_HOLD_FEED), 120), PLANT_OK);
    rig_fini(&rig);
}

static void acknowledging_a_step(void **state) {
    (void)state;
    struct rig rig;
    rig_init(&rig);
    assert_false(plant_plc_acknowledged(&rig.plc, false));
    assert_int_equal(plant_plc_write(&rig.plc, 1, 0, 2, (uint16_t[]){0, 0}), PLANT_OK);
    assert_true(plant_plc_acknowledged(&rig.plc, false));
    assert_false(plant_plc_acknowledged(&rig.plc, true));
    assert_int_equal(plant_plc_write(&rig.plc, 2, 0, 2, (uint16_t[]){0, 0}), PLANT_OK);
    assert_true(plant_plc_acknowledged(&rig.plc, true));
    run(&rig, 1);
    assert_false(plant_plc_acknowledged(&rig.plc, false));
    assert_int_equal(write_word(&rig, 1, 0, 0), PLANT_ILLEGAL_ADDRESS); /* half of it */
    assert_int_equal(plant_plc_write(&rig.plc, 1, 0, 2, (uint16_t[]){0, 1}), PLANT_OK);
    assert_true(plant_plc_acknowledged(&rig.plc, false));
    rig_fini(&rig);
}

/* The protocol: whatever comes, an answer of legal size, and never a write that was refused. */
static void the_protocol_survives_nonsense(void **state) {
    (void)state;
    struct rig rig;
    rig_init(&rig);
    uint64_t random = 1;
    for (int round = 0; round < 200000; round++) {
        uint8_t request[PLANT_PDU_MAX], answer[PLANT_PDU_MAX];
        random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
        size_t size = 1 + (random >> 33) % (round % 2 ? 16 : PLANT_PDU_MAX);
        for (size_t i = 0; i < size; i++) {
            random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
            request[i] = (uint8_t)(random >> 40);
        }
        static const uint8_t functions[] = {3, 4, 6, 16};
        if (round % 3) request[0] = functions[round % 4];
        size_t answered = plant_modbus_answer(&rig.plc, (uint8_t)(round % 4), request, size, answer);
        assert_true(answered >= 2 && answered <= PLANT_PDU_MAX);
        assert_int_equal(answer[0] & 0x7f, request[0] & 0x7f);
    }
    rig_fini(&rig);
}

static void the_map_has_no_overlap(void **state) {
    (void)state;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    plant_map_print(out, 2, 6, PLANT_MAP_MEASURED | PLANT_MAP_SETPOINTS);
    fclose(out);
    static uint8_t used[2][2][256];
    unsigned rows = 0;
    char *line = strtok(text, "\n");
    assert_string_equal(line, "tag,unit,address,table,type,words,scale,offset,description");
    while ((line = strtok(NULL, "\n"))) {
        char tag[64], table[16], type[16];
        unsigned unit, address;
        assert_int_equal(sscanf(line, "%63[^,],%u,%u,%15[^,],%15[^,],big,1,0,", tag, &unit, &address, table, type), 5);
        unsigned words = strcmp(type, "uint16") == 0 ? 1 : 2;
        for (unsigned i = 0; i < words; i++) {
            uint8_t *at = &used[unit - 1][strcmp(table, "input") == 0][address + i];
            assert_int_equal(*at, 0);
            *at = 1;
        }
        rows++;
    }
    free(text);
    assert_int_equal(rows, 2 * (2 + 2 + 4 + 6 * (plant_pot_signal_count + 1 + 6)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(registers_show_the_readings),
        cmocka_unit_test(what_is_not_there_cannot_be_read),
        cmocka_unit_test(set_points_within_range_are_taken),
        cmocka_unit_test(bad_writes_change_nothing),
        cmocka_unit_test(manual_gives_the_pot_to_the_crew),
        cmocka_unit_test(a_silent_watchdog_falls_back),
        cmocka_unit_test(acknowledging_a_step),
        cmocka_unit_test(the_protocol_survives_nonsense),
        cmocka_unit_test(the_map_has_no_overlap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
