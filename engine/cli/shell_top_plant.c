/* What `top` tells of the plant: the most urgent alarms, and key figures of the day against their targets. */
#include "shell_top_plant.h"

#include <stdio.h>
#include <string.h>

#include "shell_shown.h"

struct seen {
    struct pl_shell *shell;
    struct pl_top_plant *plant;
};

static bool ask(struct seen *seen, const char *const *words, unsigned count, struct pl_answer *answer) {
    struct pl_error *error = NULL;
    bool good = pl_shell_ready(seen->shell, &error) == PL_OK &&
                pl_shell_ask(seen->shell, &(struct pl_ask){.words = words, .count = count}, answer, &error) == PL_OK;
    pl_error_free(&error);
    return good;
}

/* One row of an answer, in which names are looked for. */
struct row {
    const uint8_t *at;
    size_t size;
};

static bool text_column(const struct row *row, const char *name, const char **text, int *length) {
    size_t size;
    if (!pl_unpack_text(row->at, row->size, name, text, &size)) return false;
    *length = size < PL_TOP_LINE ? (int)size : PL_TOP_LINE;
    return true;
}

static bool number_column(const struct row *row, const char *name, double *value) {
    struct pl_unpack in;
    pl_unpack_init(&in, row->at, row->size);
    return pl_unpack_find(&in, name) && pl_unpack_f64(&in, value);
}

/* Calls `each` for the rows; false: the engine has no such command, or did not carry it out. */
static bool each_row(struct seen *seen, const char *const *words, unsigned count,
                     void (*each)(struct seen *seen, const struct row *row)) {
    struct pl_answer answer;
    struct pl_unpack in;
    uint32_t rows;
    unsigned used;
    if (!pl_manual_find(pl_shell_manual(seen->shell), words, 2, &used) || used != 2) return false;
    if (!ask(seen, words, count, &answer)) return true;
    pl_unpack_init(&in, answer.rows, answer.size);
    for (bool good = answer.status == PL_ANSWER_OK && answer.size && pl_unpack_array(&in, &rows); good && rows;
         rows--) {
        struct row row = {.at = in.at};
        good = pl_unpack_skip(&in);
        row.size = (size_t)(in.at - row.at);
        if (good) each(seen, &row);
    }
    pl_answer_fini(&answer);
    return true;
}

/* The engine tells the most urgent first. */
static void take_alarm(struct seen *seen, const struct row *row) {
    const char *alarm = "", *priority = "", *state = "", *message = "";
    int a = 0, p = 0, s = 0, m = 0;
    char text[PL_TOP_LINE];
    struct pl_buffer line;
    seen->plant->attention++;
    if (seen->plant->urgents == PL_TOP_URGENT) return;
    text_column(row, "alarm", &alarm, &a);
    text_column(row, "priority", &priority, &p);
    text_column(row, "state", &state, &s);
    text_column(row, "message", &message, &m);
    snprintf(text, sizeof text, "  %.*s %.*s%s%.*s, %.*s", p, priority, a, alarm, m ? ": " : "", m, message, s, state);
    pl_buffer_init(&line, 4 * PL_TOP_LINE);
    pl_shown_escape(&line, text, strlen(text));
    pl_buffer_putc(&line, 0);
    if (!pl_buffer_failed(&line)) snprintf(seen->plant->urgent[seen->plant->urgents++], PL_TOP_LINE, "%s", line.data);
    pl_buffer_fini(&line);
}

static void take_figure(struct seen *seen, const struct row *row) {
    static const struct {
        const char *name, *label;
        int decimals;
    } shown[] = {{"kwh_per_t", "kWh/t", 0},
                 {"co2e", "kg CO2e/t", 0},
                 {"throughput", "t/d", 1},
                 {"current_efficiency", "% current efficiency", 1},
                 {"anode_effects", "anode effects a pot-day", 2}};
    const char *name;
    int length;
    double value, target;
    char *at = seen->plant->figures + strlen(seen->plant->figures);
    size_t room = sizeof seen->plant->figures - strlen(seen->plant->figures);
    if (!text_column(row, "figure", &name, &length) || !number_column(row, "value", &value)) return;
    for (size_t i = 0; i < PL_COUNT_OF(shown); i++) {
        if (strlen(shown[i].name) != (size_t)length || memcmp(shown[i].name, name, (size_t)length) != 0) continue;
        int used = snprintf(at, room, "%s%.*f", *seen->plant->figures ? ", " : "today: ", shown[i].decimals, value);
        if (number_column(row, "target", &target) && used > 0 && (size_t)used < room)
            used += snprintf(at + used, room - (size_t)used, " (%.*f)", shown[i].decimals, target);
        if (used > 0 && (size_t)used < room) snprintf(at + used, room - (size_t)used, " %s", shown[i].label);
    }
}

void pl_top_plant_see(struct pl_shell *shell, struct pl_top_plant *plant) {
    static const char *const alarms[] = {"alarms", "list"}, *const figures[] = {"kpi", "list", "--asset=plant"};
    struct seen seen = {shell, plant};
    *plant = (struct pl_top_plant){.attention = 0};
    plant->alarms = each_row(&seen, alarms, 2, take_alarm);
    each_row(&seen, figures, 3, take_figure);
}
