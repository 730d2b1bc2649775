/* audit_report.h: what the audit has of one month, and writing it down. */
#ifndef POTLINE_CLI_AUDIT_REPORT_H
#define POTLINE_CLI_AUDIT_REPORT_H

#include <stdio.h>

#include "base/tally.h"
#include "store/audit.h"

/* What a record is about; in the order of the report. */
enum pl__audit_section {
    PL__AUDIT_SETPOINTS,
    PL__AUDIT_OVERRIDES,
    PL__AUDIT_CHANGES,
    PL__AUDIT_ALARMS,
    PL__AUDIT_CONFIGURATION,
    PL__AUDIT_PEOPLE,
    PL__AUDIT_OTHER,
    PL__AUDIT_SECTIONS
};
extern const char *const pl__audit_section_titles[PL__AUDIT_SECTIONS];

enum { PL__AUDIT_USERS, PL__AUDIT_ROLES, PL__AUDIT_ACTIONS, PL__AUDIT_OUTCOMES, PL__AUDIT_COUNTS };
extern const char *const pl__audit_count_titles[PL__AUDIT_COUNTS]; /* "user" */

struct pl__audit_entry {
    struct pl_audit_record record; /* its texts are the entry's own */
    char *texts;
    enum pl__audit_section section;
};

struct pl__audit_report {
    const char *folder;
    char month[8];                     /* 2026-11 */
    const char *zone;                  /* the process shows local times of it */
    pl_time begin, end;                /* of the month */
    const char *graph;                 /* name and hash that were last started with in the month or before it; "" */
    const char *verdict;               /* "whole", or what is wrong with the chain */
    uint64_t all;                      /* records of the whole chain */
    struct pl_audit_place first, last; /* of the month; sequence 0: there is none */
    struct pl_audit_place pruned;
    struct pl_tally counts[PL__AUDIT_COUNTS];
    struct pl__audit_entry *entries;
    size_t count, room;
};

void pl__audit_report_markdown(const struct pl__audit_report *report, FILE *out);

/* One table: rows of the section "head" (object, to), of "by user" and the like (object, count), and the records. Texts
 * that a spreadsheet would take for a formula get an apostrophe in front. */
void pl__audit_report_csv(const struct pl__audit_report *report, FILE *out);

#endif
