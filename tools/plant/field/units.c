#include "units.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SECOND INT64_C(1000000000)

static double unit_of(const char *text, size_t *length) {
    static const struct {
        const char *name;
        double ns;
    } units[] = {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}, {"d", 86400e9}};
    size_t n = 0;
    while (isalpha((unsigned char)text[n]))
        n++;
    *length = n;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strlen(units[i].name) == n && strncmp(units[i].name, text, n) == 0) return units[i].ns;
    return 0;
}

bool plant_duration_parse(const char *text, int64_t *ns) {
    double sum = 0;
    bool first = true;
    if (!*text) return false;
    while (*text) {
        char *end;
        if (!isdigit((unsigned char)*text) && *text != '.') return false;
        double number = strtod(text, &end);
        size_t length;
        double unit = *end || !first ? unit_of(end, &length) : (length = 0, 1e9);
        if (unit == 0) return false;
        sum += number * unit;
        text = end + length;
        first = false;
    }
    if (!(sum < 9e18)) return false;
    *ns = (int64_t)llround(sum);
    return true;
}

static bool calendar(const char *text, int64_t *ns) {
    struct tm tm = {0};
    const char *rest = strptime(text, "%Y-%m-%d", &tm);
    if (!rest) return false;
    if (*rest == 'T' || *rest == ' ') rest = strptime(rest + 1, "%H:%M:%S", &tm);
    if (!rest || (*rest && strcmp(rest, "Z") != 0)) return false;
    time_t seconds = timegm(&tm);
    if (seconds < 0) return false;
    *ns = (int64_t)seconds * SECOND;
    return true;
}

bool plant_instant_parse(const char *text, int64_t *ns) {
    char *end;
    if (strcmp(text, "now") == 0) {
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        *ns = (int64_t)now.tv_sec * SECOND;
        return true;
    }
    if (strchr(text, '-')) return calendar(text, ns);
    bool seconds = *text == '@';
    if (!isdigit((unsigned char)text[seconds])) return false;
    long long number = strtoll(text + seconds, &end, 10);
    if (*end || number > (seconds ? INT64_MAX / SECOND : INT64_MAX)) return false;
    *ns = seconds ? number * SECOND : number;
    return true;
}

void plant_instant_format(char *out, size_t size, int64_t ns) {
    time_t seconds = (time_t)(ns / SECOND);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    strftime(out, size, "%Y-%m-%dT%H:%M:%SZ", &tm);
}
