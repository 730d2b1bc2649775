/* audit_bench.c: how long the chain of the audit takes: records appended one by one, and all of them verified.
 *
 *     audit_bench DIR [RECORDS]        DIR is made; `potline audit verify --data DIR` then takes the same time and a
 * start
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "store/audit.h"

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void need(enum pl_code code, struct pl_error **error) {
    if (!code) return;
    pl_error_print(stderr, *error);
    exit(1);
}

static enum pl_code count_one(void *arg, const struct pl_audit_record *record, struct pl_error **error) {
    (void)record;
    (void)error;
    ++*(uint64_t *)arg;
    return PL_OK;
}

static void append(struct pl_audit *audit, uint64_t count, struct pl_error **error) {
    char object[64], from[32], to[32];
    for (uint64_t i = 0; i < count; i++) {
        snprintf(object, sizeof object, "line%u.pot%02u.acd_set", (unsigned)(i % 3 + 1), (unsigned)(i % 60 + 1));
        snprintf(from, sizeof from, "%.3f", 42 + (double)(i % 100) / 1000);
        snprintf(to, sizeof to, "%.3f", 42 + (double)((i + 1) % 100) / 1000);
        struct pl_audit_record record = {.time = INT64_C(1750000000000000000) + (int64_t)i * 60 * PL_SECOND,
                                         .user = "anna",
                                         .role = "engineer",
                                         .origin = "shell",
                                         .action = "setpoint write",
                                         .object = object,
                                         .from = from,
                                         .to = to,
                                         .reason = "less voltage at the same noise",
                                         .outcome = "done"};
        need(pl_audit_append(audit, &record, error), error);
    }
}

int main(int argc, char **argv) {
    struct pl_store *store;
    struct pl_audit *audit;
    struct pl_error *error = NULL;
    uint64_t count = argc > 2 ? strtoull(argv[2], NULL, 10) : 1000000, seen = 0;
    if (argc < 2 || !count) {
        fputs("usage: audit_bench DIR [RECORDS]\n", stderr);
        return 2;
    }
    need(pl_store_open(argv[1], &(struct pl_store_options){0}, &store, &error), &error);
    need(pl_audit_open(store, &audit, &error), &error);
    double begun = seconds();
    append(audit, count, &error);
    double appended = seconds();
    need(pl_audit_each(store, 1, count_one, &seen, &error), &error);
    double verified = seconds();
    printf("%llu records: appended in %.2f s (%.1f us each), verified in %.2f s (%.2f us each)\n",
           (unsigned long long)seen, appended - begun, (appended - begun) / (double)count * 1e6, verified - appended,
           (verified - appended) / (double)count * 1e6);
    pl_audit_close(audit);
    pl_store_close(store);
    return 0;
}
