/* people.c: who is meant by a route, and who is on duty, by the calendar of the machine (TZ). */
#include <string.h>
#include <time.h>

#include "notify.h"

const char *const day_names[8] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun", NULL};

enum { MINUTES_A_DAY = 24 * 60 };

static bool two_digits(const char *text, int *value) {
    if (text[0] < '0' || text[0] > '9' || text[1] < '0' || text[1] > '9') return false;
    *value = (text[0] - '0') * 10 + text[1] - '0';
    return true;
}

/* "06:00-14:30", in minutes of a day; 24:00 is its end. */
static bool read_hours(const char *text, int *from, int *until) {
    int hour[2], minute[2];
    if (strlen(text) != 11 || text[2] != ':' || text[5] != '-' || text[8] != ':') return false;
    for (int i = 0; i < 2; i++) {
        if (!two_digits(text + (size_t)i * 6, &hour[i]) || !two_digits(text + (size_t)i * 6 + 3, &minute[i]) ||
            minute[i] > 59 || hour[i] * 60 + minute[i] > MINUTES_A_DAY)
            return false;
    }
    *from = hour[0] * 60 + minute[0];
    *until = hour[1] * 60 + minute[1];
    return *from != *until;
}

bool hours_are_sound(const char *hours) {
    int from, until;
    return !*hours || read_hours(hours, &from, &until);
}

/* A shift over midnight belongs to the day on which it begins. */
bool person_on_duty(const struct person *person, pl_time now) {
    time_t seconds = (time_t)(now / PL_SECOND);
    struct tm local;
    int from = 0, until = MINUTES_A_DAY;
    if (!localtime_r(&seconds, &local)) return true;
    if (*person->hours && !read_hours(person->hours, &from, &until)) return true;
    int minute = local.tm_hour * 60 + local.tm_min, day = (local.tm_wday + 6) % 7;
    if (from > until && minute < until) {
        day = (day + 6) % 7;
        minute += MINUTES_A_DAY;
    }
    if (from > until) until += MINUTES_A_DAY;
    return person->days & 1u << day && minute >= from && minute < until;
}

bool person_meant(const struct person *person, const char *to) {
    if (strncmp(to, "role:", 5) == 0) return strcmp(to + 5, pl_role_names[person->role]) == 0;
    return pl_glob(to, person->user);
}

const struct person *person_find(const struct notify *s, const char *user) {
    const struct person *people = s->people.items;
    for (uint32_t i = 0; i < s->people.count; i++)
        if (strcmp(people[i].user, user) == 0) return &people[i];
    return NULL;
}

bool somebody_on_duty(const struct notify *s, const char *to, pl_time now) {
    const struct person *people = s->people.items;
    for (uint32_t i = 0; i < s->people.count; i++)
        if (person_meant(&people[i], to) && person_on_duty(&people[i], now)) return true;
    return false;
}
