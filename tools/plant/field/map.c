#include "map.h"

const struct plant_register plant_map_line[] = {
    {"watchdog_ok", "", PLANT_INPUT, PLANT_U16, PLANT_IN_WATCHDOG_OK, 0, 1, "the watchdog is fed, or was never begun"},
    {"effects", "", PLANT_INPUT, PLANT_U16, PLANT_IN_EFFECTS, 0, PLANT_MAP_MAX_POTS, "pots in anode effect"},
    {"watchdog", "", PLANT_HOLDING, PLANT_U16, PLANT_HOLD_WATCHDOG, 0, 65535, "any new value is a sign of life"},
    {"watchdog_timeout", "s", PLANT_HOLDING, PLANT_U16, PLANT_HOLD_WATCHDOG_TIMEOUT, 1, 600, "silence that is borne"},
    {"current_set", "kA", PLANT_HOLDING, PLANT_F32, PLANT_HOLD_CURRENT, 150, 200, "of the rectifier"},
    {"current_remote", "", PLANT_HOLDING, PLANT_U16, PLANT_HOLD_CURRENT_REMOTE, 0, 1,
     "1: taken over; write 0: release"},
    {0},
};

const struct plant_register plant_map_pot[] = {
    {"status", "", PLANT_INPUT, PLANT_U16, PLANT_IN_POT_STATUS, 0, 255, "bits, see the README"},
    {"resistance_set", "uohm", PLANT_HOLDING, PLANT_F32, PLANT_HOLD_RESISTANCE, PLANT_RESISTANCE_LOW,
     PLANT_RESISTANCE_HIGH, "resistance to keep"},
    {"acd_set", "mm", PLANT_HOLDING, PLANT_F32, PLANT_HOLD_ACD, 34, 53, "the same as an anode distance"},
    {"feed_set", "%", PLANT_HOLDING, PLANT_F32, PLANT_HOLD_FEED, 50, 150, "alumina, of what the current uses"},
    {"alf3_set", "kg/h", PLANT_HOLDING, PLANT_F32, PLANT_HOLD_ALF3, 0, 8, "AlF3"},
    {"manual", "", PLANT_HOLDING, PLANT_U16, PLANT_HOLD_MANUAL, 0, 1, "1: the crew has the pot"},
    {"remote", "", PLANT_HOLDING, PLANT_U16, PLANT_HOLD_REMOTE, 0, 7, "bits of what is taken over; write 0: release"},
    {0},
};

static const char *const table_names[] = {"input", "holding"};
static const char *const type_names[] = {"uint16", "uint32", "uint64", "float32"};

static bool wanted(const struct plant_register *r, unsigned parts) {
    return parts & (r->table == PLANT_INPUT ? PLANT_MAP_MEASURED : PLANT_MAP_SETPOINTS);
}

static void row(FILE *out, unsigned line, unsigned pot, unsigned pots, const struct plant_register *r) {
    char tag[PLANT_NAME];
    plant_name(tag, line, pot, pots, r->name);
    fprintf(out, "%s,%u,%u,%s,%s,big,1,0,\"%s%s%s\"\n", tag, line, plant_map_address(r->table, pot, r->offset),
            table_names[r->table], type_names[r->type], r->doc, *r->unit ? "; " : "", r->unit);
}

static void signals(FILE *out, unsigned line, unsigned pot, unsigned pots) {
    const struct plant_signal *signal = pot ? plant_pot_signals : plant_line_signals;
    unsigned count = pot ? plant_pot_signal_count : plant_line_signal_count;
    for (unsigned i = 0; i < count; i++)
        row(out, line, pot, pots,
            &(struct plant_register){.name = signal[i].name,
                                     .unit = signal[i].unit,
                                     .table = PLANT_INPUT,
                                     .type = PLANT_F32,
                                     .offset = (pot ? 0 : PLANT_IN_LINE) + 2 * i,
                                     .doc = signal[i].doc});
}

static void target(FILE *out, unsigned line, unsigned pot, unsigned pots, const struct plant_register *r) {
    char tag[PLANT_NAME], manual[16] = "";
    plant_name(tag, line, pot, pots, r->name);
    if (pot) snprintf(manual, sizeof manual, "%u", plant_map_address(PLANT_HOLDING, pot, PLANT_HOLD_MANUAL));
    fprintf(out, "%s,%u,%u,%s,%g,%s\n", tag, line, plant_map_address(r->table, pot, r->offset), type_names[r->type],
            (r->high - r->low) * 1e-5, manual);
}

static void targets(FILE *out, unsigned lines, unsigned pots) {
    fputs("tag,unit,address,type,tolerance,manual\n", out);
    for (unsigned line = 1; line <= lines; line++)
        for (unsigned pot = 0; pot <= pots; pot++)
            for (const struct plant_register *r = pot ? plant_map_pot : plant_map_line; r->name; r++)
                if (r->table == PLANT_HOLDING && r->type == PLANT_F32) target(out, line, pot, pots, r);
}

void plant_map_print(FILE *out, unsigned lines, unsigned pots, unsigned parts) {
    if (parts & PLANT_MAP_TARGETS) {
        targets(out, lines, pots);
        return;
    }
    fputs("tag,unit,address,table,type,words,scale,offset,description\n", out);
    for (unsigned line = 1; line <= lines; line++)
        for (unsigned pot = 0; pot <= pots; pot++) {
            if (parts & PLANT_MAP_MEASURED) signals(out, line, pot, pots);
            for (const struct plant_register *r = pot ? plant_map_pot : plant_map_line; r->name; r++)
                if (wanted(r, parts)) row(out, line, pot, pots, r);
        }
}

static void tag_rows(FILE *out, const struct plant_signal *signal, unsigned count, const struct plant_register *r,
                     unsigned parts) {
    for (unsigned i = 0; parts & PLANT_MAP_MEASURED && i < count; i++, signal++)
        fprintf(out, "*.%s,%s,%g,%g,\"%s\"\n", signal->name, signal->unit, signal->low, signal->high, signal->doc);
    for (; r->name; r++)
        if (wanted(r, parts)) fprintf(out, "*.%s,%s,%g,%g,\"%s\"\n", r->name, r->unit, r->low, r->high, r->doc);
}

void plant_map_print_tags(FILE *out, unsigned parts) {
    fputs("match,unit,low,high,description\n", out);
    tag_rows(out, plant_line_signals, plant_line_signal_count, plant_map_line, parts);
    tag_rows(out, plant_pot_signals, plant_pot_signal_count, plant_map_pot, parts);
}
