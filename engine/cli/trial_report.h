/* trial_report.h: what came of the cases: for people as they end, and at the end for programs: TAP, JUnit, JSON. */
#ifndef POTLINE_CLI_TRIAL_REPORT_H
#define POTLINE_CLI_TRIAL_REPORT_H

#include "trial_cover.h"
#include "trial_judge.h"

enum pl__trial_status { PL__PASSED, PL__FAILED, PL__SKIPPED, PL__WRONG /* a file that cannot be read */ };

struct pl__trial_record {
    char *file, *name; /* name: "" for a file that is wrong */
    char *why;         /* of SKIPPED and WRONG */
    int line, column;
    enum pl__trial_status status;
    double seconds;
    uint64_t rows;
    struct pl__trial_failures failures;
};

struct pl__trial_report {
    struct pl__trial_record *records;
    unsigned count;
    unsigned files;
    double seconds;
};

/* Takes what the record points to. False without memory. */
bool pl__report_add(struct pl__trial_report *report, struct pl__trial_record *record);
void pl__report_fini(struct pl__trial_report *report);
unsigned pl__report_count(const struct pl__trial_report *report, enum pl__trial_status status);

/* Of one case, where it has failed; and of all. */
void pl__report_print(const struct pl__trial_record *record, FILE *out, bool colours);
void pl__report_sum(const struct pl__trial_report *report, FILE *out, bool colours);

void pl__report_tap(const struct pl__trial_report *report, FILE *out);
bool pl__report_junit(const struct pl__trial_report *report, const char *path); /* errno says why not */
bool pl__report_json(const struct pl__trial_report *report, const struct pl__cover *cover, FILE *out); /* cover: NULL */

#endif
