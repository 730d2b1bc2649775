/* option_value.c: the types of option: how each is read, named, and guessed at. */
#include "options.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <potline/text.h>

/* ---- Numbers ---- */

static bool parse_int(const char *text, union pl_option_number *number) {
    if (strncmp(text, "0x", 2) != 0) return pl_text_int(text, strlen(text), &number->integer);
    size_t digits = strspn(text + 2, "0123456789abcdefABCDEF");
    if (digits == 0 || digits > 15 || text[2 + digits]) return false;
    number->integer = (int64_t)strtoull(text + 2, NULL, 16);
    return true;
}

/* As YAML writes them: .nan and .inf are numbers, nan and inf are words. */
static bool parse_number(const char *text, union pl_option_number *number) {
    const char *unsigned_text = text[0] == '-' || text[0] == '+' ? text + 1 : text;
    bool infinite = strcasecmp(unsigned_text, ".inf") == 0;
    if (infinite || strcasecmp(text, ".nan") == 0) {
        number->real = !infinite ? NAN : text[0] == '-' ? -INFINITY : INFINITY;
        return true;
    }
    bool digits = strpbrk(unsigned_text, "0123456789") != NULL;
    return digits && pl_text_f64(text, strlen(text), &number->real);
}

static bool parse_duration(const char *text, union pl_option_number *number) {
    return pl_text_duration(text, strlen(text), &number->integer);
}

static bool parse_size(const char *text, union pl_option_number *number) {
    return pl_text_size(text, strlen(text), &number->integer);
}

static bool parse_rate(const char *text, union pl_option_number *number) {
    return pl_text_rate(text, strlen(text), &number->real);
}

static bool parse_time(const char *text, union pl_option_number *number) {
    return pl_text_time(text, strlen(text), &number->integer);
}

static const struct pl_option_kind kinds[] = {
    [PL_TYPE_BOOL] = {"bool", "true or false", NULL, NULL, false, sizeof(bool)},
    [PL_TYPE_INT] = {"int", "a whole number", NULL, parse_int, false, sizeof(int64_t)},
    [PL_TYPE_NUMBER] = {"number", "a number", NULL, parse_number, true, sizeof(double)},
    [PL_TYPE_STRING] = {"string", "a text", NULL, NULL, false, sizeof(char *)},
    [PL_TYPE_PATH] = {"path", "a path", NULL, NULL, false, sizeof(char *)},
    [PL_TYPE_FILE] = {"file", "the path of a file", NULL, NULL, false, sizeof(char *)},
    [PL_TYPE_SECRET] = {"secret", "a secret text", NULL, NULL, false, sizeof(char *)},
    [PL_TYPE_DURATION] = {"duration", "a duration", "250ms, 10s or 1h30m", parse_duration, false, sizeof(pl_time)},
    [PL_TYPE_SIZE] = {"size", "a size", "512, 64KiB or 2MB", parse_size, false, sizeof(int64_t)},
    [PL_TYPE_RATE] = {"rate", "a rate", "100/s, 50000/min or 0 for no limit", parse_rate, true, sizeof(double)},
    [PL_TYPE_TIME] = {"time", "a time", "2026-11-23T06:00:00Z", parse_time, false, sizeof(pl_time)},
    [PL_TYPE_CHOICE] = {"choice", "one of its choices", NULL, NULL, false, sizeof(uint32_t)},
    [PL_TYPE_SET] = {"set", "a list of its choices", NULL, NULL, false, sizeof(uint32_t)},
    [PL_TYPE_STRINGS] = {"strings", "a text or a list of texts", NULL, NULL, false, sizeof(struct pl_strings)},
    [PL_TYPE_GROUP] = {"group", "a map, true or false", NULL, NULL, false, sizeof(bool)},
    [PL_TYPE_LIST] = {"list", "a list of records, or the path of a CSV file", NULL, NULL, false,
                      sizeof(struct pl_list)},
    [PL_TYPE_PAIRS] = {"pairs", "a map of names to texts", NULL, NULL, false, sizeof(struct pl_list)},
    [PL_TYPE_FILES] = {"files", "the path of a file or a list of them", NULL, NULL, false, sizeof(struct pl_strings)},
};

static const struct pl_option pair_rows[] = {
    PL_OPT_STRING(struct pl_pair, name, "name", NULL, PL_FIXED, ""),
    PL_OPT_STRING(struct pl_pair, value, "value", NULL, PL_FIXED, ""),
    PL_OPT_END,
};

const struct pl_option *pl__option_as_list(const struct pl_option *row) {
    static const struct pl_option pairs = {
        .type = PL_TYPE_LIST, .rows = pair_rows, .item_size = sizeof(struct pl_pair)};
    return row->type == PL_TYPE_PAIRS ? &pairs : row;
}

const struct pl_option_kind *pl__option_kind(enum pl_option_type type) {
    return &kinds[type];
}

int pl__option_range(const struct pl_option *row, union pl_option_number number) {
    const struct pl_option_kind *kind = &kinds[row->type];
    union pl_option_number low, high;
    bool has_low = row->low && kind->parse(row->low, &low), has_high = row->high && kind->parse(row->high, &high);
    if (kind->real && isnan(number.real)) {
        bool none = row->fallback && strcasecmp(row->fallback, ".nan") == 0;
        return none || !(has_low || has_high) ? 0 : -1;
    }
    if (has_low && (kind->real ? number.real < low.real : number.integer < low.integer)) return -1;
    return has_high && (kind->real ? number.real > high.real : number.integer > high.integer);
}

/* ---- Guesses ---- */

struct spelling {
    const char *written, *meant;
};

static const struct spelling durations[] = {
    {"sec", "s"},
    {"secs", "s"},
    {"second", "s"},
    {"seconds", "s"},
    {"min", "m"},
    {"mins", "m"},
    {"minute", "m"},
    {"minutes", "m"},
    {"hr", "h"},
    {"hrs", "h"},
    {"hour", "h"},
    {"hours", "h"},
    {"day", "d"},
    {"days", "d"},
    {"msec", "ms"},
    {"msecs", "ms"},
    {"millisecond", "ms"},
    {"milliseconds", "ms"},
    {"usec", "us"},
    {"microsecond", "us"},
    {"microseconds", "us"},
    {"nsec", "ns"},
    {"nanosecond", "ns"},
    {"nanoseconds", "ns"},
    {"d", "d"},
    {"h", "h"},
    {"m", "m"},
    {"s", "s"},
    {"ms", "ms"},
    {"us", "us"},
    {"ns", "ns"},
};
static const struct spelling sizes[] = {
    {"k", "KiB"},   {"kib", "KiB"}, {"kb", "KB"},   {"m", "MiB"}, {"mib", "MiB"},
    {"mb", "MB"},   {"g", "GiB"},   {"gib", "GiB"}, {"gb", "GB"}, {"t", "TiB"},
    {"tib", "TiB"}, {"tb", "TB"},   {"b", "B"},     {"byte", ""}, {"bytes", ""},
};
static const struct spelling rates[] = {
    {"/s", "/s"},           {"/sec", "/s"},     {"/second", "/s"}, {"/min", "/min"}, {"/m", "/min"},
    {"/minute", "/min"},    {"/h", "/h"},       {"/hr", "/h"},     {"/hour", "/h"},  {"per second", "/s"},
    {"per minute", "/min"}, {"per hour", "/h"}, {"hz", "/s"},      {"", "/s"},
};
static const struct spelling bools[] = {
    {"yes", "true"}, {"on", "true"},   {"y", "true"},  {"1", "true"},  {"t", "true"},
    {"no", "false"}, {"off", "false"}, {"n", "false"}, {"0", "false"}, {"f", "false"},
};

static const char *meant(const struct spelling *spellings, size_t count, const char *written) {
    for (size_t i = 0; i < count; i++)
        if (strcasecmp(spellings[i].written, written) == 0) return spellings[i].meant;
    return NULL;
}

/* "10 sec": the number as written, then the unit in our spelling. */
static bool guess_unit(const struct spelling *spellings, size_t count, const char *text, char guess[PL_GUESS_MAX]) {
    size_t number = strspn(text, "0123456789.");
    const char *unit = text + number + strspn(text + number, " ");
    const char *ours = number > 0 && number < 24 ? meant(spellings, count, unit) : NULL;
    if (ours) snprintf(guess, PL_GUESS_MAX, "%.*s%s", (int)number, text, ours);
    return ours != NULL;
}

bool pl__option_guess(enum pl_option_type type, const char *text, char guess[PL_GUESS_MAX]) {
    union pl_option_number number;
    bool found = false;
    switch (type) {
    case PL_TYPE_DURATION: found = guess_unit(durations, PL_COUNT_OF(durations), text, guess); break;
    case PL_TYPE_SIZE: found = guess_unit(sizes, PL_COUNT_OF(sizes), text, guess); break;
    case PL_TYPE_RATE: found = guess_unit(rates, PL_COUNT_OF(rates), text, guess); break;
    case PL_TYPE_NUMBER:
        found = strlen(text) < PL_GUESS_MAX - 1 && pl_text_f64(text, strlen(text), &number.real);
        if (found) snprintf(guess, PL_GUESS_MAX, ".%s", text); /* nan, inf */
        break;
    case PL_TYPE_BOOL: {
        const char *ours = meant(bools, PL_COUNT_OF(bools), text);
        found = ours != NULL;
        if (found) snprintf(guess, PL_GUESS_MAX, "%s", ours);
        break;
    }
    default: break;
    }
    return found && (!kinds[type].parse || kinds[type].parse(guess, &number));
}
