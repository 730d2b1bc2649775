#include "journal.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

/* ---- files ---- */

static bool open_one(FILE **file, const char *path, const char *header, char *why, size_t size) {
    if (!path) return true;
    *file = strcmp(path, "-") == 0 ? stdout : fopen(path, "w");
    if (!*file) {
        snprintf(why, size, "%s cannot be written: %s", path, strerror(errno));
        return false;
    }
    fprintf(*file, "%s\n", header);
    return true;
}

bool plant_journal_open(struct plant_journal *journal, const char *truth, const char *emitted, const char *events,
                        char *why, size_t size) {
    return open_one(&journal->truth, truth, "time_ns,asset,quantity,value", why, size) &&
           open_one(&journal->emitted, emitted, "time_ns,tag,value,fault", why, size) &&
           open_one(&journal->events, events, "time_ns,asset,event,detail", why, size);
}

bool plant_journal_open_writes(struct plant_journal *journal, const char *path, char *why, size_t size) {
    const char *header = "wall_ns,time_ns,unit,address,register,value,outcome";
    if (!open_one(&journal->writes, path, header, why, size)) return false;
    if (journal->writes) setvbuf(journal->writes, NULL, _IOLBF, BUFSIZ);
    if (journal->writes) fflush(journal->writes);
    return true;
}

static bool close_one(FILE *file) {
    if (!file) return true;
    bool good = fflush(file) == 0 && !ferror(file);
    if (file != stdout && fclose(file) != 0) good = false;
    return good;
}

bool plant_journal_close(struct plant_journal *journal) {
    bool truth = close_one(journal->truth), emitted = close_one(journal->emitted), events = close_one(journal->events);
    bool writes = close_one(journal->writes);
    journal->truth = journal->emitted = journal->events = journal->writes = NULL;
    return truth && emitted && events && writes;
}

/* ---- truth ---- */

static double kwh(double joule) {
    return joule / 3.6e6;
}

static void tell_pot(FILE *out, const char *prefix, const struct plant_pot *pot) {
    const struct plant_cell *cell = &pot->cell;
    const struct plant_cell_meters *m = &cell->meters;
    const double *y = cell->y;
    struct plant_targets targets = plant_pot_targets(pot);
    const struct {
        const char *quantity;
        double value;
    } rows[] = {
        {"voltage", cell->volts},
        {"voltage_seen", pot->volts},
        {"effect_voltage", cell->extra},
        {"bath_temp", y[PLANT_BATH_TEMP]},
        {"liquidus", cell->liquidus},
        {"superheat", plant_cell_superheat(cell)},
        {"ledge", plant_cell_ledge(cell) * 1000},
        {"ledge_temp", y[PLANT_LEDGE_TEMP]},
        {"wall_temp", y[PLANT_WALL_TEMP]},
        {"shell_temp", plant_wall_shell(&cell->set.wall, y[PLANT_WALL_TEMP])},
        {"alumina", cell->bath.alumina},
        {"alf3", cell->bath.alf3},
        {"caf2", cell->bath.caf2},
        {"undissolved_kg", y[PLANT_FAST] + y[PLANT_SLOW]},
        {"sludge_kg", y[PLANT_SLUDGE]},
        {"bath_kg", plant_cell_bath_mass(cell)},
        {"ledge_kg", y[PLANT_LEDGE]},
        {"metal_kg", y[PLANT_METAL]},
        {"acd", cell->distance * 1000},
        {"beam", cell->beam * 1000},
        {"cold_anodes", cell->cold},
        {"pad_mv", pot->noise.pad_rms * 1000},
        {"current_efficiency", cell->efficiency},
        {"effect_ratio", plant_cell_effect_ratio(cell)},
        {"feeding", pot->control.feeding},
        {"resistance_target", plant_control_target(&pot->control)},
        {"feed_target", targets.feed},
        {"alf3_target", targets.alf3},
        {"charge_kah", m->charge / 3.6e6},
        {"energy_kwh", kwh(m->electric)},
        {"heat_loss_kwh", kwh((cell->set.top + cell->set.bottom + cell->set.bars) * y[PLANT_HEAT_TIME] +
                              y[PLANT_SIDE_HEAT] + m->anodes)},
        {"stored_kwh", kwh(plant_cell_energy(cell))},
        {"balance_kwh", kwh(plant_cell_balance(cell))},
        {"fed_kg", m->fed},
        {"used_kg", m->used},
        {"drawn_kg", m->drawn},
        {"alf3_kg", m->alf3},
        {"produced_kg", m->produced},
        {"tapped_kg", m->tapped},
        {"carbon_kg", m->carbon},
        {"iron_kg", pot->purity.iron},
        {"silicon_kg", pot->purity.silicon},
        {"impurity", plant_purity_content(&pot->purity, cell)},
        {"impurity_made", pot->purity.made},
        {"effects", (double)pot->effect.count},
        {"effect_s", pot->effect_seconds},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        fprintf(out, "%s,%s,%.12g\n", prefix, rows[i].quantity, rows[i].value);
}

static void tell_truth(const struct plant_journal *journal) {
    const struct plant_options *o = &journal->plant->options;
    int64_t time = plant_time(journal->plant);
    char name[PLANT_NAME], prefix[PLANT_NAME + 24];
    for (unsigned l = 1; l <= o->lines; l++) {
        const struct plant_line *line = &journal->plant->lines[l - 1];
        fprintf(journal->truth, "%" PRId64 ",line%u,current,%.12g\n", time, l, line->ampere / 1000);
        fprintf(journal->truth, "%" PRId64 ",line%u,voltage,%.12g\n", time, l, line->volts);
        for (unsigned p = 1; p <= o->pots; p++) {
            plant_name(name, l, p, o->pots, NULL);
            snprintf(prefix, sizeof prefix, "%" PRId64 ",%s", time, name);
            tell_pot(journal->truth, prefix, &line->pots[p - 1]);
        }
    }
}

/* ---- what was shown ---- */

static void tell_shown(const struct plant_journal *journal) {
    const struct plant_options *o = &journal->plant->options;
    int64_t time = plant_time(journal->plant);
    char tag[PLANT_NAME], labels[96];
    for (unsigned l = 1; l <= o->lines; l++)
        for (unsigned p = 0; p <= o->pots; p++)
            for (unsigned i = 0; i < (p ? plant_pot_signal_count : plant_line_signal_count); i++) {
                const struct plant_sensor *sensor = plant_sensors_get(journal->sensors, l, p, i);
                plant_name(tag, l, p, o->pots, (p ? plant_pot_signals : plant_line_signals)[i].name);
                plant_sensor_labels(labels, sizeof labels, sensor->labels);
                if (isnan(sensor->value))
                    fprintf(journal->emitted, "%" PRId64 ",%s,,%s\n", time, tag, labels);
                else
                    fprintf(journal->emitted, "%" PRId64 ",%s,%.9g,%s\n", time, tag, (double)sensor->value, labels);
            }
    for (unsigned l = 1; l <= o->lines; l++)
        for (unsigned p = 1; p <= o->pots; p++) {
            plant_name(tag, l, p, o->pots, "status");
            fprintf(journal->emitted, "%" PRId64 ",%s,%u,\n", time, tag,
                    plant_status(&journal->plant->lines[l - 1].pots[p - 1]));
        }
}

/* ---- what happened ---- */

__attribute__((format(printf, 5, 6))) static void event(const struct plant_journal *journal, unsigned line,
                                                        unsigned pot, const char *what, const char *format, ...) {
    if (!journal->events) return;
    char name[PLANT_NAME];
    plant_name(name, line, pot, journal->plant->options.pots, NULL);
    fprintf(journal->events, "%" PRId64 ",%s,%s,", plant_time(journal->plant), name, what);
    va_list list;
    va_start(list, format);
    vfprintf(journal->events, format, list);
    va_end(list);
    fputc('\n', journal->events);
}

static void tell_deeds(const struct plant_journal *journal, unsigned l, unsigned p, const struct plant_pot *pot,
                       const struct plant_deeds *deeds) {
    unsigned what = deeds->what;
    if (what & PLANT_TAP_BEGINS) event(journal, l, p, "tap_start", "kg=%.1f", deeds->tapped);
    if (what & PLANT_TAP_ENDS) event(journal, l, p, "tap_end", "total_kg=%.1f", pot->cell.meters.tapped);
    if (what & PLANT_ANODE_CHANGED) event(journal, l, p, "anode_change", "butt_mm=%.1f", deeds->butt * 1000);
    if (what & PLANT_ANODE_DONE) event(journal, l, p, "anode_change_end", "%s", "");
    if (what & PLANT_BEAM_RAISED) event(journal, l, p, "beam_raised", "to_mm=%.1f", pot->cell.beam * 1000);
    if (what & PLANT_BATH_TAPPED) event(journal, l, p, "bath_tapped", "kg=%.1f", -deeds->bath);
    if (what & PLANT_BATH_ADDED) event(journal, l, p, "bath_added", "kg=%.1f", deeds->bath);
    if (what & PLANT_SHIFT_CORRECTED)
        event(journal, l, p, "shift", "bath_temp=%.1f alf3=%.2f resistance_set=%.4f alf3_set=%.3f", pot->crew.bath_temp,
              pot->crew.alf3, pot->local.resistance, pot->local.alf3);
    if (what & PLANT_RESCUED) event(journal, l, p, "fed_by_hand", "%s", "");
    if (what & PLANT_FEEDERS_CLEARED) event(journal, l, p, "feeders_cleared", "%s", "");
}

static void tell_pot_events(struct plant_journal *journal, unsigned l, unsigned p) {
    const struct plant_line *line = &journal->plant->lines[l - 1];
    const struct plant_pot *pot = &line->pots[p - 1];
    const struct plant_happened *h = &line->happened[p - 1];
    if (h->deeds.what) tell_deeds(journal, l, p, pot, &h->deeds);
    if (h->feeders_changed) event(journal, l, p, "feeders", "blocked=%x", pot->feeders.seen);
    if (h->effect_began) {
        journal->effects++;
        event(journal, l, p, "anode_effect_start", "alumina=%.3f ratio=%.3f blocked=%x", pot->cell.bath.alumina,
              plant_cell_effect_ratio(&pot->cell), pot->feeders.seen);
    }
    if (h->effect_ended) event(journal, l, p, "anode_effect_end", "seconds=%.1f", pot->effect.age);
}

static void tell_faults(const struct plant_journal *journal) {
    double now = plant_elapsed(journal->plant), before = now - journal->plant->seconds;
    for (unsigned i = 0; i < journal->faults->count; i++) {
        const struct plant_fault *f = &journal->faults->items[i];
        bool begins = f->from > before && f->from <= now, ends = f->until > before && f->until <= now;
        if (begins || ends)
            fprintf(journal->events, "%" PRId64 ",%s,%s,kind=%s\n", plant_time(journal->plant), f->glob,
                    begins ? "fault_start" : "fault_end", plant_fault_name(f->kind));
    }
}

void plant_journal_step(struct plant_journal *journal) {
    const struct plant_options *o = &journal->plant->options;
    for (unsigned l = 1; journal->plant->step > 0 && l <= o->lines; l++)
        for (unsigned p = 1; p <= o->pots; p++)
            tell_pot_events(journal, l, p);
    if (journal->events) tell_faults(journal);
    if (journal->emitted && journal->plant->step % journal->emitted_steps == 0) tell_shown(journal);
    if (journal->truth && journal->plant->step % journal->truth_steps == 0) tell_truth(journal);
}

static const char *const outcomes[] = {[PLANT_OK] = "accepted",
                                       [PLANT_ILLEGAL_ADDRESS] = "illegal_address",
                                       [PLANT_ILLEGAL_VALUE] = "illegal_value",
                                       [PLANT_BUSY] = "busy",
                                       [PLANT_NO_SUCH_UNIT] = "no_such_unit"};

static void tell_write(const struct plant_journal *journal, const struct plant_write *write) {
    struct timespec now;
    char name[PLANT_NAME] = "";
    clock_gettime(CLOCK_REALTIME, &now);
    if (write->what) plant_name(name, write->line, write->pot, journal->plant->options.pots, write->what->name);
    fprintf(journal->writes, "%" PRId64 ",%" PRId64 ",%u,%u,%s,%.9g,%s\n",
            (int64_t)now.tv_sec * PLANT_SECOND + now.tv_nsec, plant_time(journal->plant), write->line, write->address,
            name, write->value, outcomes[write->outcome]);
}

void plant_journal_write(void *user, const struct plant_write *write) {
    const struct plant_journal *journal = user;
    if (journal->writes) tell_write(journal, write);
    if (!write->what) return;
    if (strcmp(write->what->name, "acknowledge") == 0 || strcmp(write->what->name, "watchdog") == 0) return;
    event(journal, write->line, write->pot, write->outcome == PLANT_OK ? "write" : "write_refused",
          "register=%s value=%.9g outcome=%s", write->what->name, write->value, outcomes[write->outcome]);
}

void plant_journal_watchdog(void *user, unsigned line, bool silent) {
    event(user, line, 0, silent ? "watchdog_silent" : "watchdog_back", "%s", "");
}
