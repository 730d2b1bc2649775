/* audit_report_write.c: a month of the audit as Markdown for people and as CSV for programs. */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include <potline/text.h>

#include "audit_report.h"

enum { TIME_TEXT = 40 };

/* 2026-11-03T07:15:02.250+01:00: local time, to the millisecond. */
static const char *put_time(char text[TIME_TEXT], pl_time time) {
    pl_time rest = time % PL_SECOND;
    if (rest < 0) rest += PL_SECOND;
    time_t seconds = (time_t)((time - rest) / PL_SECOND);
    struct tm local;
    char day[24] = "", offset[8] = "+0000";
    if (localtime_r(&seconds, &local)) {
        strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &local);
        strftime(offset, sizeof offset, "%z", &local);
    }
    snprintf(text, TIME_TEXT, "%s.%03d%.3s:%s", day, (int)(rest / PL_MILLISECOND), offset, offset + 3);
    return text;
}

/* ---- The head, for both ---- */

enum { HEAD_ROWS = 8, HEAD_TEXT = 600 };

struct head {
    struct {
        const char *name;
        char text[HEAD_TEXT];
    } rows[HEAD_ROWS];
};

static void make_head(const struct pl__audit_report *report, struct head *head) {
    char begin[TIME_TEXT], end[TIME_TEXT], place[PL_AUDIT_PLACE_TEXT];
    static const char *const names[HEAD_ROWS] = {"Folder",       "Graph",       "Period", "Records",
                                                 "First record", "Last record", "Chain",  "Pruned before"};
    for (unsigned i = 0; i < HEAD_ROWS; i++) {
        head->rows[i].name = names[i];
        strcpy(head->rows[i].text, "none");
    }
    snprintf(head->rows[0].text, HEAD_TEXT, "%s", report->folder);
    if (*report->graph) snprintf(head->rows[1].text, HEAD_TEXT, "%s", report->graph);
    snprintf(head->rows[2].text, HEAD_TEXT, "%s to %s (%s)", put_time(begin, report->begin), put_time(end, report->end),
             report->zone);
    snprintf(head->rows[3].text, HEAD_TEXT, "%zu of the %" PRIu64 " there are", report->count, report->all);
    const struct pl_audit_place *places[] = {&report->first, &report->last};
    for (unsigned i = 0; i < 2; i++) {
        if (!places[i]->sequence) continue;
        pl_audit_place_put(places[i], place);
        snprintf(head->rows[4 + i].text, HEAD_TEXT, "%s", place);
    }
    snprintf(head->rows[6].text, HEAD_TEXT, "%s", report->verdict);
    if (report->pruned.sequence)
        snprintf(head->rows[7].text, HEAD_TEXT, "record %" PRIu64, report->pruned.sequence + 1);
}

/* ---- Markdown ---- */

/* What people wrote stays text: nothing of it is markup, a new line or a control character. */
static void put_cell(FILE *out, const char *text) {
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (strchr("|\\<`*[", c)) putc('\\', out);
        putc(c < ' ' || c == 0x7f ? ' ' : c, out);
    }
}

static void put_counts(const struct pl_tally *tally, const char *title, FILE *out) {
    fprintf(out, "\n### By %s\n\n| %s | records |\n|---|---:|\n", title, title);
    for (unsigned i = 0; i < tally->count; i++) {
        fputs("| ", out);
        put_cell(out, tally->entries[i].name);
        fprintf(out, " | %" PRIu64 " |\n", tally->entries[i].count);
    }
    if (tally->others) fprintf(out, "| (others) | %" PRIu64 " |\n", tally->others);
}

static void put_record(const struct pl_audit_record *record, FILE *out) {
    char time[TIME_TEXT];
    fprintf(out, "| %" PRIu64 " | %s | ", record->sequence, put_time(time, record->time));
    put_cell(out, *record->user ? record->user : "-");
    if (*record->role) fprintf(out, " (%s)", record->role);
    const char *const cells[] = {record->action, record->object, record->from, record->to};
    for (unsigned i = 0; i < PL_COUNT_OF(cells); i++) {
        fputs(" | ", out);
        put_cell(out, cells[i]);
    }
    fputs(" | ", out);
    put_cell(out, record->reason);
    if (*record->reason && *record->detail) fputs("; ", out);
    put_cell(out, record->detail);
    fputs(" | ", out);
    put_cell(out, record->outcome);
    fputs(" | ", out);
    put_cell(out, record->correlation);
    fputs(" |\n", out);
}

static size_t count_of(const struct pl__audit_report *report, enum pl__audit_section section) {
    size_t count = 0;
    for (size_t i = 0; i < report->count; i++)
        count += report->entries[i].section == section;
    return count;
}

static void put_section(const struct pl__audit_report *report, enum pl__audit_section section, FILE *out) {
    size_t count = count_of(report, section);
    fprintf(out, "\n## %s: %zu\n\n", pl__audit_section_titles[section], count);
    if (!count) {
        fputs("None.\n", out);
        return;
    }
    fputs("| no. | time | who | action | object | from | to | reason and details | outcome | correlation |\n"
          "|---:|---|---|---|---|---|---|---|---|---|\n",
          out);
    for (size_t i = 0; i < report->count; i++)
        if (report->entries[i].section == section) put_record(&report->entries[i].record, out);
}

void pl__audit_report_markdown(const struct pl__audit_report *report, FILE *out) {
    struct head head;
    make_head(report, &head);
    fprintf(out, "# Audit report %s\n\n|  |  |\n|---|---|\n", report->month);
    for (unsigned i = 0; i < HEAD_ROWS; i++) {
        fprintf(out, "| %s | ", head.rows[i].name);
        put_cell(out, head.rows[i].text);
        fputs(" |\n", out);
    }
    fputs("\n## Counts\n", out);
    for (unsigned i = 0; i < PL__AUDIT_COUNTS; i++)
        put_counts(&report->counts[i], pl__audit_count_titles[i], out);
    for (unsigned section = 0; section < PL__AUDIT_SECTIONS; section++)
        put_section(report, section, out);
}

/* ---- CSV ---- */

static bool looks_like_a_formula(const char *text) {
    double value;
    return *text && strchr("=+-@\t\r", *text) && !pl_text_f64(text, strlen(text), &value);
}

static void put_field(FILE *out, const char *text, const char *behind) {
    bool formula = looks_like_a_formula(text), quoted = formula || strpbrk(text, ",\"\r\n");
    if (quoted) putc('"', out);
    if (formula) putc('\'', out);
    for (; *text; text++) {
        if (*text == '"') putc('"', out);
        putc(*text, out);
    }
    if (quoted) putc('"', out);
    fputs(behind, out);
}

/* A row that is no record: only what it is about, and a text or a count. */
static void put_fact(FILE *out, const char *section, const char *object, const char *to, const char *count) {
    put_field(out, section, ",,,,,,,");
    put_field(out, object, ",,");
    put_field(out, to, ",,,,,");
    put_field(out, count, "\n");
}

static void put_count_rows(FILE *out, const char *title, const struct pl_tally *tally) {
    char section[32], count[24];
    snprintf(section, sizeof section, "by %s", title);
    for (unsigned i = 0; i < tally->count; i++) {
        snprintf(count, sizeof count, "%" PRIu64, tally->entries[i].count);
        put_fact(out, section, tally->entries[i].name, "", count);
    }
    snprintf(count, sizeof count, "%" PRIu64, tally->others);
    if (tally->others) put_fact(out, section, "(others)", "", count);
}

static void put_record_row(FILE *out, const struct pl__audit_entry *entry) {
    const struct pl_audit_record *record = &entry->record;
    char sequence[24], time[TIME_TEXT];
    snprintf(sequence, sizeof sequence, "%" PRIu64, record->sequence);
    put_time(time, record->time);
    const char *const fields[] = {
        pl__audit_section_titles[entry->section],
        sequence,
        time,
        record->user,
        record->role,
        record->origin,
        record->action,
        record->object,
        record->from,
        record->to,
        record->reason,
        record->outcome,
        record->correlation,
        record->detail,
    };
    for (unsigned i = 0; i < PL_COUNT_OF(fields); i++)
        put_field(out, fields[i], ",");
    putc('\n', out);
}

void pl__audit_report_csv(const struct pl__audit_report *report, FILE *out) {
    struct head head;
    make_head(report, &head);
    fputs("section,sequence,time,user,role,origin,action,object,from,to,reason,outcome,correlation,detail,count\n",
          out);
    for (unsigned i = 0; i < HEAD_ROWS; i++)
        put_fact(out, "head", head.rows[i].name, head.rows[i].text, "");
    for (unsigned i = 0; i < PL__AUDIT_COUNTS; i++)
        put_count_rows(out, pl__audit_count_titles[i], &report->counts[i]);
    for (unsigned section = 0; section < PL__AUDIT_SECTIONS; section++)
        for (size_t i = 0; i < report->count; i++)
            if (report->entries[i].section == section) put_record_row(out, &report->entries[i]);
}
