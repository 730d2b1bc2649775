/* backtest_report.h: what a backtest has found, for people or as JSON. */
#ifndef POTLINE_CLI_BACKTEST_REPORT_H
#define POTLINE_CLI_BACKTEST_REPORT_H

#include "backtest_judge.h"

struct pl__report {
    struct pl__backtest b;
    struct pl__activations live; /* compared with b.found */
    struct pl__truth truth;
    pl_time tolerance;
    bool judged; /* there is a truth */
};

/* On standard output; the exit code. */
int pl__report_show(const struct pl__report *report, bool as_json);

#endif
