/* optimize_export.c: the problem of a pot, evaluated where another solver wants it. */
#include <potline/alloc.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "optimize.h"

enum { LINE_MAX_BYTES = 4096 };

static bool print(json_t *body) {
    bool good = body && json_dumpf(body, stdout, JSON_COMPACT | JSON_REAL_PRECISION(17)) == 0;
    json_decref(body);
    return good && putchar('\n') != EOF && fflush(stdout) == 0;
}

static int answer(struct optimize *o, struct pl_harness *h) {
    int64_t begun = pl_clock_monotonic();
    pl__optimize_push(h, o, "twin.state");
    double seconds = (double)(pl_clock_monotonic() - begun) / PL_SECOND;
    json_t *run = pl__optimize_pull(h, "optimize.run");
    if (!run) return PL_EXIT_USAGE;
    json_t *told = json_pack("{s:s, s:s, s:O, s:O, s:f}", "outcome", pl__optimize_text(run, "outcome"), "solver",
                             pl__optimize_text(run, "solver"), "x", json_object_get(run, "x"), "evaluations",
                             json_object_get(run, "evaluations"), "seconds", seconds);
    json_decref(run);
    return print(told) ? PL_EXIT_OK : PL_EXIT_FAILED;
}

/* A line: [acd, alumina, alf3, current]. */
static int evaluate(struct optimize *o, struct pl_harness *h, const char *line, unsigned number) {
    json_error_t error;
    json_t *point = json_loads(line, 0, &error);
    if (!json_is_array(point)) {
        json_decref(point);
        return pl_cli_usage(o->cli, "standard input:%u: write a point: [42.5, 2.6, 11.5, 180]", number);
    }
    json_object_set_new(o->file, "point", point);
    if (!pl__optimize_read(o, o->file, "standard input")) return PL_EXIT_USAGE;
    pl__optimize_push(h, o, "optimize.evaluate");
    json_t *told = pl__optimize_pull(h, "optimize.evaluated");
    if (!told) return PL_EXIT_USAGE;
    return print(told) ? PL_EXIT_OK : PL_EXIT_FAILED;
}

int pl__optimize_export(struct optimize *o) {
    char line[LINE_MAX_BYTES];
    unsigned number = 0;
    if (!o->file) return pl_cli_usage(o->cli, "--export needs a state from a file (--state)");
    struct pl_harness *h = pl__optimize_options(o, "", "") ? pl__optimize_open(o) : NULL;
    if (!h) return PL_EXIT_USAGE;
    int exit_code = answer(o, h);
    while (!exit_code && fgets(line, sizeof line, stdin))
        exit_code = evaluate(o, h, line, ++number);
    pl_harness_free(h);
    return exit_code;
}
