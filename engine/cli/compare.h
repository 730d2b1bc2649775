/* compare.h: what differs between the rows of two folders, row by row: those that are live, and those of a replay. */
#ifndef POTLINE_CLI_COMPARE_H
#define POTLINE_CLI_COMPARE_H

#include "batch/moment.h"
#include "store/lake.h"

struct pl__compare_node {
    enum pl_zone_id zone;
    char name[PL_NAME_MAX + 1];
    char was[PL_NAME_MAX + 1]; /* live rows under this name are its own, too; "": it has no other */
    struct pl_moment_counts rows;
};

struct pl__compare {
    struct pl_store *live, *fresh;
    struct pl_tags *tags;
    pl_time from, to; /* from <= time < to */
    uint64_t epoch;   /* live rows of later ones are left out */
    /* A difference; NULL in place of what is missing. */
    void (*difference)(void *arg, const struct pl__compare_node *node, pl_time time, const char *live,
                       const char *fresh);
    void *arg;
};

/* Adds to what `node` says; its zone and names are set. */
enum pl_code pl__compare_run(const struct pl__compare *compare, struct pl__compare_node *node, struct pl_error **error);

#endif
