#include "trial_report.h"

#include <inttypes.h>
#include <string.h>

#include <potline/alloc.h>

#include "shell_tone.h"

enum { SIDE_MOST = 46 /* columns of a side; what is wider stands in lines of its own */ };

#define PASS_ON "\x1b[32m"
#define FAIL_ON "\x1b[31m"

bool pl__report_add(struct pl__trial_report *report, struct pl__trial_record *record) {
    struct pl__trial_record *grown = pl_realloc(report->records, (report->count + 1) * sizeof *grown);
    if (!grown) return false;
    report->records = grown;
    report->records[report->count++] = *record;
    *record = (struct pl__trial_record){0};
    return true;
}

void pl__report_fini(struct pl__trial_report *report) {
    for (unsigned i = 0; i < report->count; i++) {
        struct pl__trial_record *record = &report->records[i];
        pl_free(record->file);
        pl_free(record->name);
        pl_free(record->why);
        pl__trial_failures_fini(&record->failures);
    }
    pl_free(report->records);
}

unsigned pl__report_count(const struct pl__trial_report *report, enum pl__trial_status status) {
    unsigned count = 0;
    for (unsigned i = 0; i < report->count; i++)
        count += report->records[i].status == status;
    return count;
}

/* ---- Side by side ---- */

struct widths {
    int time, key, side;
    bool stacked, one_sided; /* one_sided: nothing is expected of any row */
};

static int longer(int width, const char *text) {
    int length = text ? (int)strlen(text) : 0;
    return length > width ? length : width;
}

static struct widths widths_of(const struct pl__trial_failure *failure) {
    struct widths w = {.time = 4, .key = 3, .side = 8, .one_sided = true};
    for (unsigned i = 0; i < failure->count; i++) {
        w.time = longer(w.time, failure->list[i].time);
        w.key = longer(w.key, failure->list[i].key);
        w.side = longer(w.side, failure->list[i].expected);
        w.one_sided = w.one_sided && !failure->list[i].expected;
    }
    w.stacked = w.side > SIDE_MOST;
    return w;
}

static const char *or_none(const char *text) {
    return text ? text : "";
}

static void print_difference(const struct pl__trial_difference *d, const struct widths *w, FILE *out, bool colours) {
    static const char marks[] = {[PL__DIFFERS] = '~', [PL__MISSING] = '-', [PL__SURPLUS] = '+', [PL__BREAKS] = '!'};
    const char *on = colours ? FAIL_ON : "", *good = colours ? PASS_ON : "", *off = colours ? PL_TONE_OFF : "";
    fprintf(out, "    %s%c%s %-*s  %-*s", on, marks[d->type], off, w->time, or_none(d->time), w->key, or_none(d->key));
    if (w->one_sided) {
        fprintf(out, "  %s%s%s\n", on, or_none(d->found), off);
        return;
    }
    if (!w->stacked) {
        const char *found = d->found ? d->found : d->type == PL__MISSING ? "(no such row)" : "";
        fprintf(out, "  %s%-*s%s  %s%s%s\n", good, w->side, or_none(d->expected), off, on, found, off);
        return;
    }
    fputc('\n', out);
    if (d->expected) fprintf(out, "        expected  %s%s%s\n", good, d->expected, off);
    if (d->found) fprintf(out, "        found     %s%s%s\n", on, d->found, off);
    if (d->type == PL__MISSING) fputs("        found     (no such row)\n", out);
}

static void print_failure(const struct pl__trial_record *record, const struct pl__trial_failure *failure, FILE *out,
                          bool colours) {
    struct widths w = widths_of(failure);
    fprintf(out, "  %s:%d:%d: %s\n", record->file, failure->place.line, failure->place.column, failure->summary);
    if (failure->count && w.one_sided)
        fprintf(out, "      %-*s  %-*s  found\n", w.time, "time", w.key, "tag");
    else if (failure->count && !w.stacked)
        fprintf(out, "      %-*s  %-*s  %-*s  found\n", w.time, "time", w.key, "tag", w.side, "expected");
    for (unsigned i = 0; i < failure->count; i++)
        print_difference(&failure->list[i], &w, out, colours);
    if (failure->left_out) fprintf(out, "    ... and %u more\n", failure->left_out);
}

void pl__report_print(const struct pl__trial_record *record, FILE *out, bool colours) {
    if (record->status != PL__FAILED) return;
    fprintf(out, "%sFAILED%s %s:%d: %s\n", colours ? FAIL_ON : "", colours ? PL_TONE_OFF : "", record->file,
            record->line, record->name);
    for (unsigned i = 0; i < record->failures.count; i++)
        print_failure(record, &record->failures.list[i], out, colours);
}

void pl__report_sum(const struct pl__trial_report *report, FILE *out, bool colours) {
    unsigned passed = pl__report_count(report, PL__PASSED), failed = pl__report_count(report, PL__FAILED);
    unsigned skipped = pl__report_count(report, PL__SKIPPED), wrong = pl__report_count(report, PL__WRONG);
    unsigned cases = passed + failed + skipped;
    const char *on = !colours ? "" : failed || wrong ? FAIL_ON : PASS_ON;
    fprintf(out, "%s%u %s in %u %s: %u passed, %u failed", on, cases, cases == 1 ? "case" : "cases", report->files,
            report->files == 1 ? "file" : "files", passed, failed);
    if (skipped) fprintf(out, ", %u skipped", skipped);
    if (wrong) fprintf(out, "; %u %s wrong", wrong, wrong == 1 ? "file is" : "files are");
    fprintf(out, "%s (%.2f s)\n", colours ? PL_TONE_OFF : "", report->seconds);
}

/* ---- TAP 13 ---- */

static void print_commented(const struct pl__trial_record *record, FILE *out) {
    char *text = NULL;
    size_t size;
    FILE *lines = open_memstream(&text, &size);
    if (!lines) return;
    for (unsigned i = 0; i < record->failures.count; i++)
        print_failure(record, &record->failures.list[i], lines, false);
    fclose(lines);
    for (char *line = text, *end; line && (end = strchr(line, '\n')); line = end + 1)
        fprintf(out, "# %.*s\n", (int)(end - line), line);
    free(text);
}

/* `#` starts a directive. */
static void print_plain(const char *text, FILE *out) {
    for (; *text; text++)
        fputs(*text == '#' ? "\\#" : (char[]){*text == '\n' ? ' ' : *text, 0}, out);
}

void pl__report_tap(const struct pl__trial_report *report, FILE *out) {
    fprintf(out, "TAP version 13\n1..%u\n", report->count);
    for (unsigned i = 0; i < report->count; i++) {
        const struct pl__trial_record *record = &report->records[i];
        bool good = record->status == PL__PASSED || record->status == PL__SKIPPED;
        fprintf(out, "%s %u - ", good ? "ok" : "not ok", i + 1);
        print_plain(record->file, out);
        fputs(record->status == PL__WRONG ? " cannot be read" : ": ", out);
        print_plain(record->name, out);
        if (record->status == PL__SKIPPED) fprintf(out, " # SKIP %s", record->why);
        fputc('\n', out);
        print_commented(record, out);
    }
}

/* ---- JUnit ---- */

/* What XML 1.0 cannot hold becomes '?'. */
static void print_xml(const char *text, FILE *out) {
    for (; text && *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '&')
            fputs("&amp;", out);
        else if (c == '<')
            fputs("&lt;", out);
        else if (c == '>')
            fputs("&gt;", out);
        else if (c == '"')
            fputs("&quot;", out);
        else if (c < 0x20 && c != '\n' && c != '\t')
            fputc('?', out);
        else
            fputc(c, out);
    }
}

static void print_failures_xml(const struct pl__trial_record *record, FILE *out) {
    char *text = NULL;
    size_t size;
    FILE *lines = open_memstream(&text, &size);
    if (!lines) return;
    for (unsigned i = 0; i < record->failures.count; i++)
        print_failure(record, &record->failures.list[i], lines, false);
    fclose(lines);
    fputs("      <failure message=\"", out);
    print_xml(record->failures.count ? record->failures.list[0].summary : "", out);
    fputs("\">", out);
    print_xml(text, out);
    fputs("</failure>\n", out);
    free(text);
}

static void print_case_xml(const struct pl__trial_record *record, FILE *out) {
    fputs("    <testcase classname=\"", out);
    print_xml(record->file, out);
    fputs("\" name=\"", out);
    print_xml(record->status == PL__WRONG ? "(the file)" : record->name, out);
    fprintf(out, "\" line=\"%d\" time=\"%.6f\">\n", record->line, record->seconds);
    if (record->status == PL__FAILED) print_failures_xml(record, out);
    if (record->status == PL__SKIPPED || record->status == PL__WRONG) {
        fprintf(out, "      <%s message=\"", record->status == PL__WRONG ? "error" : "skipped");
        print_xml(record->why, out);
        fputs("\"/>\n", out);
    }
    fputs("    </testcase>\n", out);
}

static bool of_file(const struct pl__trial_report *report, unsigned first, unsigned index) {
    return index < report->count && strcmp(report->records[first].file, report->records[index].file) == 0;
}

static void print_suite_xml(const struct pl__trial_report *report, unsigned first, unsigned *next, FILE *out) {
    unsigned failed = 0, skipped = 0, wrong = 0;
    double seconds = 0;
    for (*next = first; of_file(report, first, *next); ++*next) {
        const struct pl__trial_record *record = &report->records[*next];
        failed += record->status == PL__FAILED;
        skipped += record->status == PL__SKIPPED;
        wrong += record->status == PL__WRONG;
        seconds += record->seconds;
    }
    fputs("  <testsuite name=\"", out);
    print_xml(report->records[first].file, out);
    fprintf(out, "\" tests=\"%u\" failures=\"%u\" errors=\"%u\" skipped=\"%u\" time=\"%.6f\">\n", *next - first, failed,
            wrong, skipped, seconds);
    for (unsigned i = first; i < *next; i++)
        print_case_xml(&report->records[i], out);
    fputs("  </testsuite>\n", out);
}

bool pl__report_junit(const struct pl__trial_report *report, const char *path) {
    FILE *out = fopen(path, "w");
    if (!out) return false;
    fprintf(out,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites tests=\"%u\" failures=\"%u\" errors=\"%u\" "
            "time=\"%.6f\">\n",
            report->count, pl__report_count(report, PL__FAILED), pl__report_count(report, PL__WRONG), report->seconds);
    for (unsigned first = 0, next; first < report->count; first = next)
        print_suite_xml(report, first, &next, out);
    fputs("</testsuites>\n", out);
    bool good = !ferror(out);
    return fclose(out) == 0 && good;
}

/* ---- JSON ---- */

static json_t *difference_json(const struct pl__trial_difference *d) {
    static const char *const types[] = {
        [PL__DIFFERS] = "differs", [PL__MISSING] = "missing", [PL__SURPLUS] = "surplus", [PL__BREAKS] = "breaks"};
    return json_pack("{s:s, s:s, s:s, s:s*, s:s*}", "type", types[d->type], "time", or_none(d->time), "tag",
                     or_none(d->key), "expected", d->expected, "found", d->found);
}

static json_t *failure_json(const struct pl__trial_failure *failure) {
    json_t *rows = json_array();
    for (unsigned i = 0; i < failure->count; i++)
        json_array_append_new(rows, difference_json(&failure->list[i]));
    return json_pack("{s:i, s:i, s:s, s:o, s:i}", "line", failure->place.line, "column", failure->place.column,
                     "message", failure->summary, "rows", rows, "left_out", (int)failure->left_out);
}

static json_t *record_json(const struct pl__trial_record *record) {
    static const char *const names[] = {
        [PL__PASSED] = "passed", [PL__FAILED] = "failed", [PL__SKIPPED] = "skipped", [PL__WRONG] = "wrong"};
    json_t *failures = json_array();
    for (unsigned i = 0; i < record->failures.count; i++)
        json_array_append_new(failures, failure_json(&record->failures.list[i]));
    return json_pack("{s:s, s:s, s:i, s:s, s:f, s:I, s:s*, s:o}", "file", record->file, "case", record->name, "line",
                     record->line, "status", names[record->status], "seconds", record->seconds, "rows",
                     (json_int_t)record->rows, "why", record->why, "failures", failures);
}

bool pl__report_json(const struct pl__trial_report *report, const struct pl__cover *cover, FILE *out) {
    json_t *cases = json_array();
    for (unsigned i = 0; i < report->count; i++)
        json_array_append_new(cases, record_json(&report->records[i]));
    json_t *all = json_pack(
        "{s:i, s:i, s:i, s:i, s:i, s:f, s:o, s:o*}", "files", (int)report->files, "passed",
        (int)pl__report_count(report, PL__PASSED), "failed", (int)pl__report_count(report, PL__FAILED), "skipped",
        (int)pl__report_count(report, PL__SKIPPED), "wrong", (int)pl__report_count(report, PL__WRONG), "seconds",
        report->seconds, "cases", cases, "coverage", cover ? pl__cover_json(cover) : NULL);
    bool good = all && json_dumpf(all, out, JSON_INDENT(2)) == 0;
    if (good) fputc('\n', out);
    json_decref(all);
    return good;
}
