/* options.c: options of both, and what they say together. */
#include <stdio.h>
#include <string.h>

#include "notify.h"

static const struct pl_option person_options[] = {
    PL_OPT_STRING(struct person, user, "user", NULL, PL_FIXED, "Name, as routes and the audit call this person."),
    PL_OPT_STRING(struct person, to, "to", "", PL_FIXED,
                  "Address of mail; of a webhook whatever its template makes of {to}: a number, a channel."),
    PL_OPT_CHOICE(struct person, role, "role", "operator", pl_role_names, PL_FIXED, "For role:NAME in routes."),
    PL_OPT_SET(struct person, days, "days", "[mon, tue, wed, thu, fri, sat, sun]", day_names, PL_FIXED,
               "Days of duty."),
    PL_OPT_STRING(struct person, hours, "hours", "", PL_FIXED,
                  "Hours of duty, 22:00-06:00 over midnight, by the machine's time zone (TZ); empty: all day."),
    PL_OPT_END,
};

static const struct pl_option route_options[] = {
    PL_OPT_STRINGS(struct route, events, "events", NULL, PL_FIXED, "Kinds of events, or patterns of them."),
    PL_OPT_STRING(struct route, tags, "tags", "*", PL_FIXED, "Pattern of their tag, asset or subject."),
    PL_OPT_INT(struct route, severity, "severity", "1", "1", "1000", PL_FIXED, "From this severity on."),
    PL_OPT_STRINGS(struct route, to, "to", NULL, PL_FIXED,
                   "Who is told: names or patterns of people, or role:NAME; of these who is on duty, or, where nobody "
                   "is, all."),
    PL_OPT_DURATION(struct route, after, "after", "0s", "0s", "30d", PL_FIXED,
                    "A step of escalation: told then, unless an event of `until` or `notify ack` came before."),
    PL_OPT_END,
};

#define DEFAULT_UNTIL                                                                                                  \
    "[alarm.acknowledged, alarm.latched-acknowledged, alarm.normal, alarm.shelved, alarm.suppressed, "                 \
    "alarm.out-of-service, override.released]"
#define DEFAULT_TEXT                                                                                                   \
    "{kind}: {subject}\n\n{fields}\ntime: {time}\nseverity: {severity}\nnode: {node}\nalike, not told since the last " \
    "one: {alike}\nnotification: {id}\n"

#define N struct notify
#define COMMON_OPTIONS                                                                                                 \
    PL_OPT_LIST(N, people, "people", NULL, struct person, person_options, PL_FIXED,                                    \
                "Who may be told: a list, or a CSV file with a header."),                                              \
        PL_OPT_LIST(N, routes, "routes", NULL, struct route, route_options, PL_FIXED,                                  \
                    "Of what; every one that fits an event is followed."),                                             \
        PL_OPT_STRINGS(N, until, "until", DEFAULT_UNTIL, PL_FIXED,                                                     \
                       "Kinds of events that end the escalation of what they are about."),                             \
        PL_OPT_DURATION(N, dedupe, "dedupe", "10m", "0s", "30d", PL_LIVE,                                              \
                        "The same kind of event about the same subject is told once in this time of events."),         \
        PL_OPT_RATE(N, rate, "rate", "30/h", NULL, NULL, PL_LIVE,                                                      \
                    "How many a person is sent in the long run; others wait, the most severe first. 0: any."),         \
        PL_OPT_INT(N, burst, "burst", "10", "1", "10000", PL_LIVE, "How many at once before `rate` counts."),          \
        PL_OPT_INT(N, urgent, "urgent", "900", "1", "1001", PL_LIVE, "From this severity on `rate` does not count."),  \
        PL_OPT_DURATION(N, retry, "retry", "5s", "10ms", "1h", PL_LIVE, "The first pause; each is twice the last."),   \
        PL_OPT_DURATION(N, retry_max, "retry_max", "5m", "10ms", "1d", PL_LIVE, "The longest pause."),                 \
        PL_OPT_DURATION(N, give_up, "give_up", "1d", "1s", "30d", PL_LIVE, "How long one is tried."),                  \
        PL_OPT_DURATION(N, timeout, "timeout", "10s", "100ms", "10m", PL_LIVE, "How long an attempt may take."),       \
        PL_OPT_INT(N, max_waiting, "max_waiting", "1000", "1", "10000", PL_FIXED,                                      \
                   "Notifications that wait at most; past it the least severe are dropped."),                          \
        PL_OPT_FILE(N, ca, "ca", "", PL_FIXED, "Certificates to trust, PEM; empty: those of the system.")

static const char *const tls_names[] = {"required", "try", "none", NULL};

const struct pl_option mail_options[] = {
    PL_OPT_STRING(N, server, "server", NULL, PL_FIXED, "smtp://HOST:587, with STARTTLS, or smtps://HOST:465."),
    PL_OPT_CHOICE(N, tls, "tls", "required", tls_names, PL_FIXED, "STARTTLS of an smtp:// server."),
    PL_OPT_STRING(N, tls_user, "user", "", PL_FIXED, "Who logs in; empty: nobody does."),
    PL_OPT_SECRET(N, password, "password", "", PL_FIXED, "Password of `user`."),
    PL_OPT_STRING(N, sender, "sender", NULL, PL_FIXED, "Address that mails come from."),
    PL_OPT_STRING(N, subject, "subject", "[{word}] {kind} {subject}", PL_FIXED, "Template of the subject."),
    PL_OPT_STRING(N, text, "text", DEFAULT_TEXT, PL_FIXED, "Template of the text."),
    COMMON_OPTIONS,
    PL_OPT_END,
};

const struct pl_option hook_options[] = {
    PL_OPT_SECRET(N, url, "url", NULL, PL_FIXED, "Where requests go (POST); may have placeholders."),
    PL_OPT_STRING(N, content, "content", "application/json", PL_FIXED,
                  "Type of `text`; says how values are escaped: JSON, urlencoded, or not."),
    PL_OPT_PAIRS(N, headers, "headers", "{}", PL_FIXED, "More headers; their values may have placeholders."),
    PL_OPT_STRING(N, text, "text", "{json}", PL_FIXED, "Template of what is sent: {\"text\": \"{kind}: {subject}\"}."),
    COMMON_OPTIONS,
    PL_OPT_END,
};

/* ---- Together ---- */

static void check_person(const struct notify *s, uint32_t index, struct pl_check *check) {
    const struct person *people = s->people.items, *person = &people[index];
    char path[48];
    snprintf(path, sizeof path, "people[%u].user", index);
    size_t length = strlen(person->user);
    if (length == 0 || length >= USER_MAX || strpbrk(person->user, "*?{}: \t\r\n"))
        pl_check_error(check, path, "'%s' is no name", person->user);
    for (uint32_t i = 0; i < index; i++)
        if (strcmp(people[i].user, person->user) == 0) pl_check_error(check, path, "%s is there twice", person->user);
    snprintf(path, sizeof path, "people[%u].hours", index);
    if (!hours_are_sound(person->hours)) pl_check_error(check, path, "'%s': expected 06:00-14:00", person->hours);
    snprintf(path, sizeof path, "people[%u].days", index);
    if (!person->days) pl_check_error(check, path, "%s has no day of duty", person->user);
}

static void check_route(const struct notify *s, uint32_t index, struct pl_check *check) {
    const struct route *route = (const struct route *)s->routes.items + index;
    const struct person *people = s->people.items;
    char path[48];
    snprintf(path, sizeof path, "routes[%u].to", index);
    for (uint32_t i = 0; i < route->to.count; i++) {
        bool found = false;
        for (uint32_t k = 0; k < s->people.count && !found; k++)
            found = person_meant(&people[k], route->to.items[i]);
        if (!found) pl_check_error(check, path, "'%s' is nobody of `people`", route->to.items[i]);
        if (strlen(route->to.items[i]) >= USER_MAX) pl_check_error(check, path, "'%s' is too long", route->to.items[i]);
    }
    if (route->to.count == 0) pl_check_error(check, path, "tells nobody");
    snprintf(path, sizeof path, "routes[%u].events", index);
    if (route->events.count == 0) pl_check_error(check, path, "is about no event");
}

void notify_check(void *self, struct pl_check *check, const struct carrier *carrier) {
    const struct notify *s = self;
    if (s->people.count > PEOPLE_MAX) pl_check_error(check, "people", "more than %d", PEOPLE_MAX);
    for (uint32_t i = 0; i < s->people.count && i < PEOPLE_MAX; i++)
        check_person(s, i, check);
    for (uint32_t i = 0; i < s->routes.count; i++)
        check_route(s, i, check);
    if (s->retry > s->retry_max) pl_check_error(check, "retry_max", "is shorter than retry");
    carrier->check(s, check);
}
