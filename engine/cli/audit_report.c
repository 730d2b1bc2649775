/* audit_report.c: `potline audit report`: a month of the audit, gathered. */
#include "audit_report.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <potline/alloc.h>
#include <potline/text.h>

#include "audit.h"

enum { NAMES_MAX = 1000, GRAPH_TEXT = 128 };

const char *const pl__audit_section_titles[PL__AUDIT_SECTIONS] = {
    [PL__AUDIT_SETPOINTS] = "Set-point decisions",
    [PL__AUDIT_OVERRIDES] = "Overrides",
    [PL__AUDIT_CHANGES] = "Thresholds, rules and options",
    [PL__AUDIT_ALARMS] = "Alarms",
    [PL__AUDIT_CONFIGURATION] = "Configuration, start and end",
    [PL__AUDIT_PEOPLE] = "Logins, users and refusals",
    [PL__AUDIT_OTHER] = "Everything else",
};

const char *const pl__audit_count_titles[PL__AUDIT_COUNTS] = {
    [PL__AUDIT_USERS] = "user",
    [PL__AUDIT_ROLES] = "role",
    [PL__AUDIT_ACTIONS] = "action",
    [PL__AUDIT_OUTCOMES] = "outcome",
};

/* ---- Which section ---- */

static const struct {
    const char *action; /* pattern */
    enum pl__audit_section section;
} places[] = {
    {"setpoints*", PL__AUDIT_SETPOINTS},
    {"override*", PL__AUDIT_OVERRIDES},
    {"rules reload", PL__AUDIT_CONFIGURATION},
    {"rules*", PL__AUDIT_CHANGES},
    {"set", PL__AUDIT_CHANGES},
    {"constraints*", PL__AUDIT_CHANGES},
    {"alarms*", PL__AUDIT_ALARMS},
    {"login*", PL__AUDIT_PEOPLE},
    {"logout*", PL__AUDIT_PEOPLE},
    {"users*", PL__AUDIT_PEOPLE},
    {"engine*", PL__AUDIT_CONFIGURATION},
    {"graph*", PL__AUDIT_CONFIGURATION},
    {"audit*", PL__AUDIT_CONFIGURATION},
    {"{drain,stop,pause,resume,checkpoint,savepoint,replay,backup}", PL__AUDIT_CONFIGURATION},
};

static enum pl__audit_section section_of(const struct pl_audit_record *record) {
    if (strcmp(record->outcome, "refused") == 0) return PL__AUDIT_PEOPLE;
    for (size_t i = 0; i < PL_COUNT_OF(places); i++)
        if (pl_glob(places[i].action, record->action)) return places[i].section;
    return PL__AUDIT_OTHER;
}

/* ---- Gathering ---- */

struct gather {
    struct pl__audit_report report;
    char graph[GRAPH_TEXT];
};

/* The texts of the record, one behind the other in memory of the entry's own. */
static bool own_texts(struct pl__audit_entry *entry) {
    struct pl_audit_record *r = &entry->record;
    const char **texts[] = {&r->user, &r->role,   &r->origin,  &r->action,      &r->object, &r->from,
                            &r->to,   &r->reason, &r->outcome, &r->correlation, &r->detail};
    size_t size = 0;
    for (size_t i = 0; i < PL_COUNT_OF(texts); i++)
        size += strlen(*texts[i]) + 1;
    char *at = entry->texts = pl_alloc(size);
    if (!at) return false;
    for (size_t i = 0; i < PL_COUNT_OF(texts); i++) {
        size_t length = strlen(*texts[i]) + 1;
        memcpy(at, *texts[i], length);
        *texts[i] = at;
        at += length;
    }
    return true;
}

static bool add_entry(struct pl__audit_report *report, const struct pl_audit_record *record) {
    if (report->count == report->room) {
        size_t room = report->room ? 2 * report->room : 256;
        struct pl__audit_entry *more = pl_realloc(report->entries, room * sizeof *more);
        if (!more) return false;
        report->entries = more;
        report->room = room;
    }
    struct pl__audit_entry *entry = &report->entries[report->count];
    *entry = (struct pl__audit_entry){.record = *record, .section = section_of(record)};
    if (!own_texts(entry)) return false;
    report->count++;
    return true;
}

static bool count_entry(struct pl__audit_report *report, const struct pl_audit_record *record) {
    const char *const names[] = {[PL__AUDIT_USERS] = record->user,
                                 [PL__AUDIT_ROLES] = record->role,
                                 [PL__AUDIT_ACTIONS] = record->action,
                                 [PL__AUDIT_OUTCOMES] = record->outcome};
    bool good = true;
    for (unsigned i = 0; i < PL__AUDIT_COUNTS; i++) {
        pl_tally_add(&report->counts[i], *names[i] ? names[i] : "(none)");
        good &= !report->counts[i].failed;
    }
    return good;
}

static void note_place(struct pl__audit_report *report, const struct pl_audit_record *record) {
    report->last.sequence = record->sequence;
    memcpy(report->last.hash, record->hash, PL_AUDIT_HASH);
    if (!report->first.sequence) report->first = report->last;
}

static enum pl_code take(void *arg, const struct pl_audit_record *record, struct pl_error **error) {
    struct gather *gather = arg;
    struct pl__audit_report *report = &gather->report;
    report->all++;
    if (record->time < report->end && strcmp(record->action, "engine start") == 0)
        snprintf(gather->graph, sizeof gather->graph, "%.63s, hash %.32s", record->object, record->to);
    if (record->time < report->begin || record->time >= report->end) return PL_OK;
    note_place(report, record);
    return add_entry(report, record) && count_entry(report, record)
               ? PL_OK
               : pl_error_set(error, PL_NO_MEMORY, "no memory for the records of the month");
}

static void forget(struct pl__audit_report *report) {
    for (size_t i = 0; i < report->count; i++)
        pl_free(report->entries[i].texts);
    pl_free(report->entries);
    for (unsigned i = 0; i < PL__AUDIT_COUNTS; i++)
        pl_tally_fini(&report->counts[i]);
}

/* ---- The month ---- */

/* Local times of this process are those of the zone from here on. */
static int enter_zone(const struct pl_cli *cli, const char *zone) {
    char path[PATH_MAX];
    struct stat info;
    const char *folder = getenv("TZDIR");
    snprintf(path, sizeof path, "%s/%s", folder && *folder ? folder : "/usr/share/zoneinfo", zone);
    bool named = *zone && zone[0] != '/' && !strstr(zone, "..");
    bool known = named && stat(path, &info) == 0 && S_ISREG(info.st_mode);
    if (!known && strcmp(zone, "UTC") != 0)
        return pl_cli_usage(cli, "--time-zone: there is no \"%s\" in the system's time zones", zone);
    setenv("TZ", zone, 1);
    tzset();
    return PL_EXIT_OK;
}

/* When clocks there show the first of the month. */
static pl_time first_of(int year, int month) {
    struct tm first = {.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = 1, .tm_isdst = -1};
    return (pl_time)mktime(&first) * PL_SECOND;
}

static bool read_month(const char *text, struct pl__audit_report *report) {
    int64_t year, month;
    if (strlen(text) != 7 || text[4] != '-' || !pl_text_int(text, 4, &year) || !pl_text_int(text + 5, 2, &month) ||
        year < 1970 || year > 2200 || month < 1 || month > 12)
        return false;
    memcpy(report->month, text, 8);
    report->begin = first_of((int)year, (int)month);
    report->end = first_of((int)year, (int)month + 1);
    return true;
}

/* ---- Out with it ---- */

static int write_report(const struct pl_cli *cli, const struct pl__audit_report *report, bool csv) {
    char path[PATH_MAX];
    const char *folder = pl_cli_get(cli, "out");
    FILE *out = stdout;
    if (folder) {
        snprintf(path, sizeof path, "%s/audit-%s.%s", folder, report->month, csv ? "csv" : "md");
        out = fopen(path, "w");
        if (!out) {
            fprintf(stderr, "potline audit: %s: %s\n", path, strerror(errno));
            return PL_EXIT_FAILED;
        }
    }
    (csv ? pl__audit_report_csv : pl__audit_report_markdown)(report, out);
    bool good = !ferror(out) && fflush(out) == 0;
    if (folder) good &= fclose(out) == 0;
    if (!good && folder) fprintf(stderr, "potline audit: %s: %s\n", path, strerror(errno)); /* else main says it */
    if (good && folder) puts(path);
    return good ? PL_EXIT_OK : PL_EXIT_FAILED;
}

/* A chain that is broken is reported, with what stands in front of the break; then the exit code says so. */
static int gather_and_write(const struct pl_cli *cli, struct gather *gather, bool csv) {
    struct pl__audit_report *report = &gather->report;
    struct pl_store *store = NULL;
    struct pl_error *error = NULL;
    struct pl_audit_place end;
    enum pl_code code = pl__audit_folder(cli, &store, &error);
    if (!code) code = pl_audit_places(store, &report->pruned, &end, &error);
    if (!code) code = pl_audit_each(store, 1, take, gather, &error);
    pl_store_close(store);
    if (code && code != PL_CORRUPT) return pl__audit_failed(error);
    for (unsigned i = 0; i < PL__AUDIT_COUNTS; i++)
        pl_tally_sort(&report->counts[i]);
    report->verdict = code ? error->text : "whole";
    int exit_code = write_report(cli, report, csv);
    return code ? pl__audit_failed(error) : exit_code;
}

int pl__audit_report(const struct pl_cli *cli) {
    static const char *const formats[] = {"markdown", "csv", NULL};
    struct gather gather = {.report = {.folder = pl_cli_get(cli, "data"), .zone = pl_cli_get(cli, "time-zone")}};
    struct pl__audit_report *report = &gather.report;
    const char *month = pl_cli_get(cli, "month"), *format = pl_cli_get(cli, "format");
    int chosen = format ? pl_cli_choice(cli, "format", format, formats) : 0;
    if (chosen < 0) return PL_EXIT_USAGE;
    if (!report->zone) report->zone = "UTC";
    if (enter_zone(cli, report->zone)) return PL_EXIT_USAGE;
    if (!month) return pl_cli_usage(cli, "--month YYYY-MM is needed");
    if (!read_month(month, report)) return pl_cli_usage(cli, "--month: \"%s\" is no month; write 2026-11", month);
    report->graph = gather.graph;
    for (unsigned i = 0; i < PL__AUDIT_COUNTS; i++)
        pl_tally_init(&report->counts[i], NAMES_MAX);
    int exit_code = gather_and_write(cli, &gather, chosen == 1);
    forget(report);
    return exit_code;
}
