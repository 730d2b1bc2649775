/* options.h: what a user says about a sink of rows in PostgreSQL. */
#ifndef POSTGRES_OPTIONS_H
#define POSTGRES_OPTIONS_H

#include <potline/option.h>

enum pl__pg_mode { PL__PG_APPEND, PL__PG_REPLACE };
enum pl__pg_times { PL__PG_TIMESTAMP, PL__PG_NS };

struct pl__pg_column { /* a record of `columns` */
    const char *column;
    const char *as;
};

struct pl__pg_options {
    const char *url;
    const char *table;
    const char *offsets;
    const char *job;
    struct pl_list columns;
    bool create;
    uint32_t times;
    uint32_t mode;
    int64_t rows;
    pl_time interval;
    pl_time ahead;
    int64_t hold;
    pl_time connect_timeout;
    pl_time timeout;
    pl_time retry;
    pl_time linger;
};

#endif
