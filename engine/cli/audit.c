/* audit.c: `potline audit`: what was done, and whether the record of it is whole. */
#include "cli.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include <potline/text.h>

#include "data.h"
#include "store/audit.h"

struct query {
    const char *user, *action; /* patterns */
    pl_time from, to;
    json_t *rows; /* NULL: printed as lines at once */
    uint64_t whole;
};

static bool matches(const struct query *query, const struct pl_audit_record *record) {
    return record->time >= query->from && record->time < query->to && pl_glob(query->user, record->user) &&
           pl_glob(query->action, record->action);
}

/* Texts of a record come from people: what moves a terminal's cursor stays out of it. */
static void put_text(const char *label, const char *text) {
    if (!*text) return;
    fputs(label, stdout);
    for (; *text; text++)
        putchar((unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text);
}

static void print_record(const struct pl_audit_record *record, const char *time) {
    printf("%" PRIu64 "  %s", record->sequence, time);
    put_text("  ", *record->user ? record->user : "-");
    put_text(" (", record->role);
    if (*record->role) putchar(')');
    put_text(" by ", record->origin);
    put_text("  ", record->action);
    put_text(" ", record->object);
    put_text("  from ", record->from);
    put_text(" to ", record->to);
    put_text("  reason: ", record->reason);
    put_text("  ", record->outcome);
    putchar('\n');
}

static enum pl_code show_record(void *arg, const struct pl_audit_record *record, struct pl_error **error) {
    struct query *query = arg;
    char time[PL_TEXT_TIME_MAX];
    query->whole++;
    if (!matches(query, record)) return PL_OK;
    *pl_text_put_time(time, record->time) = 0;
    if (!query->rows) {
        print_record(record, time);
        return PL_OK;
    }
    json_t *row =
        json_pack("{s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "sequence",
                  (json_int_t)record->sequence, "time", time, "user", record->user, "role", record->role, "origin",
                  record->origin, "action", record->action, "object", record->object, "from", record->from, "to",
                  record->to, "reason", record->reason, "outcome", record->outcome, "correlation", record->correlation);
    return json_array_append_new(query->rows, row) ? pl_error_set(error, PL_NO_MEMORY, "no memory for the records")
                                                   : PL_OK;
}

static enum pl_code count_record(void *arg, const struct pl_audit_record *record, struct pl_error **error) {
    (void)record, (void)error;
    ((struct query *)arg)->whole++;
    return PL_OK;
}

static int walk(const struct pl_cli *cli, pl_audit_visitor *each, struct query *query) {
    struct pl_store *store = NULL;
    struct pl_store_key *key;
    struct pl_error *error = NULL;
    const char *data = pl_cli_get(cli, "data");
    if (!pl_cli_data_key_of(cli, data, &key)) return PL_EXIT_USAGE;
    enum pl_code code = pl_store_open(data, &(struct pl_store_options){.read_only = true, .key = key}, &store, &error);
    pl_store_key_unref(key);
    if (!code) code = pl_audit_each(store, 1, each, query, &error);
    pl_store_close(store);
    if (!code) return PL_EXIT_OK;
    fputs("potline audit: ", stderr);
    pl_error_print(stderr, error);
    pl_error_free(&error);
    return PL_EXIT_FAILED;
}

/* The records in front of a broken place are shown, too. */
static int run_query(const struct pl_cli *cli, struct query *query) {
    if (pl_cli_has(cli, "json")) query->rows = json_array();
    int exit_code = walk(cli, show_record, query);
    if (!query->rows) return exit_code;
    json_dumpf(query->rows, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(query->rows);
    return exit_code;
}

static int run_verify(const struct pl_cli *cli, struct query *query) {
    int exit_code = walk(cli, count_record, query);
    if (exit_code && !query->whole) return exit_code;
    printf("%" PRIu64 " records are whole\n", query->whole);
    return exit_code;
}

/* ---- What was asked ---- */

static bool read_time(const struct pl_cli *cli, const char *option, pl_time *time) {
    const char *text = pl_cli_get(cli, option);
    if (!text || pl_text_int(text, strlen(text), time) || pl_text_time(text, strlen(text), time)) return true;
    pl_cli_usage(cli, "--%s: \"%s\" is no time; write 2026-11-23T06:00:00Z, or nanoseconds since 1970", option, text);
    return false;
}

static int audit(const struct pl_cli *cli) {
    static const char *verbs[] = {"query", "verify"};
    struct query query = {.user = "*", .action = "*", .from = PL_TIME_MIN, .to = PL_TIME_MAX};
    const char *verb = pl_cli_operand(cli, 0);
    bool verify = strcmp(verb, "verify") == 0;
    if (!verify && strcmp(verb, "query") != 0) {
        const char *nearest = pl_text_nearest(verb, verbs, PL_COUNT_OF(verbs));
        return pl_cli_usage(cli, "there is no \"%s\" of audit; %s%s", verb, nearest ? "did you mean " : "",
                            nearest ? nearest : "there are query and verify");
    }
    if (!pl_cli_get(cli, "data")) return pl_cli_usage(cli, "--data DIR is needed");
    if (!read_time(cli, "from", &query.from) || !read_time(cli, "to", &query.to)) return PL_EXIT_USAGE;
    if (pl_cli_get(cli, "user")) query.user = pl_cli_get(cli, "user");
    if (pl_cli_get(cli, "action")) query.action = pl_cli_get(cli, "action");
    return verify ? run_verify(cli, &query) : run_query(cli, &query);
}

const struct pl_subcommand pl_subcommand_audit = {
    .name = "audit",
    .operands = "query|verify",
    .least = 1,
    .most = 1,
    .summary = "Who did what, and whether the record of it is whole.",
    .doc = "query prints a line a record, oldest first. verify follows the chain of hashes from the first record on\n"
           "and names the first one that is missing, changed or out of place.",
    /* clang-format off */
    .options = PL_CLI_OPTIONS(
        {"data", "DIR", "The data folder; an engine may be running on it.", 0},
        PL_CLI_KEY_FILE,
        {"from", "T", "Only records at this time or later: RFC 3339, or nanoseconds.", 0},
        {"to", "T", "Only records before this time.", 0},
        {"user", "GLOB", "Only of these users.", 0},
        {"action", "GLOB", "Only these actions: \"users *\".", 0},
        {"json", NULL, "Print the records as one JSON array.", 0}),
    /* clang-format on */
    .run = audit,
};
