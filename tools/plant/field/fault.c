#include "fault.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "units.h"

static const struct {
    const char *name;
    enum { NO_ARG, ARG, ARG_CHANCE, CHANCE } takes;
    bool sensor;
} kinds[PLANT_FAULT_KINDS] = {
    [PLANT_FAULT_NOISE] = {"noise", ARG, true},        [PLANT_FAULT_SPIKE] = {"spike", ARG_CHANCE, true},
    [PLANT_FAULT_DROPOUT] = {"dropout", CHANCE, true}, [PLANT_FAULT_FROZEN] = {"frozen", NO_ARG, true},
    [PLANT_FAULT_DRIFT] = {"drift", ARG, true},        [PLANT_FAULT_OFFSET] = {"offset", ARG, true},
    [PLANT_FAULT_STUCK] = {"stuck", ARG, true},        [PLANT_FAULT_STARVE] = {"starve", NO_ARG, false},
    [PLANT_FAULT_ROLL] = {"roll", ARG, false},         [PLANT_FAULT_EFFECT] = {"effect", NO_ARG, false},
};

const char *plant_fault_name(enum plant_fault_kind kind) {
    return kinds[kind].name;
}

bool plant_fault_is_sensor(enum plant_fault_kind kind) {
    return kinds[kind].sensor;
}

__attribute__((format(printf, 3, 4))) static bool wrong(char *why, size_t size, const char *format, ...) {
    va_list list;
    va_start(list, format);
    vsnprintf(why, size, format, list);
    va_end(list);
    return false;
}

static bool append(struct plant_faults *faults, const struct plant_fault *fault, char *why, size_t size) {
    struct plant_fault *more = realloc(faults->items, (faults->count + 1) * sizeof *more);
    if (!more) return wrong(why, size, "no memory");
    faults->items = more;
    more[faults->count] = *fault;
    more[faults->count].glob = strdup(fault->glob);
    if (!more[faults->count].glob) return wrong(why, size, "no memory");
    faults->count++;
    return true;
}

static bool parse_kind(const char *text, struct plant_fault *fault, char *why, size_t size) {
    for (unsigned i = 0; i < PLANT_FAULT_KINDS; i++)
        if (strcmp(kinds[i].name, text) == 0) {
            fault->kind = (enum plant_fault_kind)i;
            return true;
        }
    return wrong(
        why, size,
        "'%s' is no kind of fault; there are noise, spike, dropout, frozen, drift, offset, stuck, starve, roll, "
        "effect",
        text);
}

static bool parse_span(const char *from, const char *lasts, struct plant_fault *fault, char *why, size_t size) {
    int64_t ns;
    if (!plant_duration_parse(from, &ns)) return wrong(why, size, "'%s' is no duration such as 90s or 10m", from);
    fault->from = (double)ns / 1e9;
    fault->until = INFINITY;
    if (!lasts || !*lasts || strcmp(lasts, "-") == 0) return true;
    if (!plant_duration_parse(lasts, &ns)) return wrong(why, size, "'%s' is no duration, nor '-' for good", lasts);
    fault->until = fault->from + (double)ns / 1e9;
    return true;
}

static bool parse_number(const char *text, double *value, char **end) {
    *value = strtod(text, end);
    return *end != text && isfinite(*value);
}

static bool parse_args(const char *text, struct plant_fault *fault, char *why, size_t size) {
    char *end = NULL;
    fault->chance = kinds[fault->kind].takes == CHANCE ? 1 : 0.01;
    switch (kinds[fault->kind].takes) {
    case NO_ARG:
        if (text && *text)
            return wrong(why, size, "%s takes no argument, '%s' was given", kinds[fault->kind].name, text);
        return true;
    case CHANCE:
        if (!text || !*text) return true;
        if (!parse_number(text, &fault->chance, &end)) return wrong(why, size, "'%s' is no probability", text);
        break;
    default:
        if (!text || !parse_number(text, &fault->arg, &end))
            return wrong(why, size, "%s takes a number, found '%s'", kinds[fault->kind].name, text ? text : "");
        if (kinds[fault->kind].takes == ARG_CHANCE && *end == ',') {
            const char *chance = end + 1;
            if (!parse_number(chance, &fault->chance, &end)) return wrong(why, size, "'%s' is no probability", chance);
        }
    }
    if (*end) return wrong(why, size, "'%s' is too much", end);
    if (fault->chance < 0 || fault->chance > 1) return wrong(why, size, "a probability is from 0 to 1");
    return true;
}

bool plant_faults_add(struct plant_faults *faults, const char *text, char *why, size_t size) {
    char copy[256], *rest = copy, *part[5] = {0};
    if (strlen(text) >= sizeof copy) return wrong(why, size, "longer than %zu characters", sizeof copy - 1);
    strcpy(copy, text);
    for (int i = 0; i < 5 && rest; i++)
        part[i] = strsep(&rest, ":");
    if (rest) return wrong(why, size, "kind:tag-glob:from:for:arg is wanted, found more of '%s'", rest);
    if (!part[1] || !*part[1]) return wrong(why, size, "kind:tag-glob:from:for:arg is wanted, found '%s'", text);

    struct plant_fault fault = {.glob = part[1]};
    return parse_kind(part[0], &fault, why, size) && parse_span(part[2] ? part[2] : "0", part[3], &fault, why, size) &&
           parse_args(part[4], &fault, why, size) && append(faults, &fault, why, size);
}

bool plant_faults_add_effect(struct plant_faults *faults, const char *text, char *why, size_t size) {
    char copy[128];
    if (strlen(text) >= sizeof copy) return wrong(why, size, "longer than %zu characters", sizeof copy - 1);
    strcpy(copy, text);
    char *when = strchr(copy, '@');
    if (!when) return wrong(why, size, "line1.pot07@20s is wanted, found '%s'", text);
    *when++ = 0;
    char *how = strchr(when, ':');
    if (how) *how++ = 0;
    if (how && strcmp(how, "starve") != 0) return wrong(why, size, "only ':starve' may follow, found ':%s'", how);

    struct plant_fault fault = {.kind = how ? PLANT_FAULT_STARVE : PLANT_FAULT_EFFECT, .glob = copy};
    return parse_span(when, NULL, &fault, why, size) && append(faults, &fault, why, size);
}

bool plant_faults_load(struct plant_faults *faults, const char *path, char *why, size_t size) {
    FILE *file = fopen(path, "r");
    if (!file) return wrong(why, size, "%s cannot be opened", path);
    char line[512], reason[256];
    bool good = true;
    for (unsigned number = 1; good && fgets(line, sizeof line, file); number++) {
        line[strcspn(line, "\r\n")] = 0;
        const char *text = line + strspn(line, " \t");
        if (*text == 0 || *text == '#') continue;
        good = plant_faults_add(faults, text, reason, sizeof reason);
        if (!good) wrong(why, size, "%s:%u: %s", path, number, reason);
    }
    fclose(file);
    return good;
}

void plant_faults_fini(struct plant_faults *faults) {
    for (unsigned i = 0; i < faults->count; i++)
        free(faults->items[i].glob);
    free(faults->items);
    *faults = (struct plant_faults){0};
}
