/* audit.c: `potline audit`: what was done. */
#include "audit.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include <potline/text.h>

#include "data.h"
#include "store/audit.h"

struct query {
    const char *user, *action, *object; /* patterns */
    pl_time from, to;
    json_t *rows; /* NULL: printed as lines at once */
};

static bool matches(const struct query *query, const struct pl_audit_record *record) {
    return record->time >= query->from && record->time < query->to && pl_glob(query->user, record->user) &&
           pl_glob(query->action, record->action) && pl_glob(query->object, record->object);
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
    put_text("  ", record->correlation);
    put_text("  ", record->detail);
    putchar('\n');
}

static enum pl_code show_record(void *arg, const struct pl_audit_record *record, struct pl_error **error) {
    struct query *query = arg;
    char time[PL_TEXT_TIME_MAX];
    if (!matches(query, record)) return PL_OK;
    *pl_text_put_time(time, record->time) = 0;
    if (!query->rows) {
        print_record(record, time);
        return PL_OK;
    }
    json_t *row = json_pack("{s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "sequence",
                            (json_int_t)record->sequence, "time", time, "user", record->user, "role", record->role,
                            "origin", record->origin, "action", record->action, "object", record->object, "from",
                            record->from, "to", record->to, "reason", record->reason, "outcome", record->outcome,
                            "correlation", record->correlation, "detail", record->detail);
    return json_array_append_new(query->rows, row) ? pl_error_set(error, PL_NO_MEMORY, "no memory for the records")
                                                   : PL_OK;
}

enum pl_code pl__audit_folder(const struct pl_cli *cli, struct pl_store **store, struct pl_error **error) {
    const char *data = pl_cli_get(cli, "data");
    struct pl_store_options options = {.read_only = true};
    if (!pl_cli_data_key_of(cli, data, &options.key))
        return pl_error_set(error, PL_USAGE, "%s cannot be opened without its key", data);
    enum pl_code code = pl_store_open(data, &options, store, error);
    pl_store_key_unref(options.key);
    return code;
}

int pl__audit_failed(struct pl_error *error) {
    int exit_code = error && error->code == PL_USAGE ? PL_EXIT_USAGE : PL_EXIT_FAILED;
    fputs("potline audit: ", stderr);
    pl_error_print(stderr, error);
    pl_error_free(&error);
    return exit_code;
}

static int walk(const struct pl_cli *cli, struct query *query) {
    struct pl_store *store = NULL;
    struct pl_error *error = NULL;
    enum pl_code code = pl__audit_folder(cli, &store, &error);
    if (!code) code = pl_audit_each(store, 1, show_record, query, &error);
    pl_store_close(store);
    return code ? pl__audit_failed(error) : PL_EXIT_OK;
}

/* The records in front of a broken place are shown, too. */
static int show(const struct pl_cli *cli, struct query *query) {
    if (pl_cli_has(cli, "json")) query->rows = json_array();
    int exit_code = walk(cli, query);
    if (!query->rows) return exit_code;
    json_dumpf(query->rows, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(query->rows);
    return exit_code;
}

/* ---- What was asked ---- */

static int run_query(const struct pl_cli *cli) {
    struct query query = {.user = "*", .action = "*", .object = "*", .from = PL_TIME_MIN, .to = PL_TIME_MAX};
    if (!pl_cli_time(cli, "from", &query.from) || !pl_cli_time(cli, "to", &query.to)) return PL_EXIT_USAGE;
    if (pl_cli_get(cli, "user")) query.user = pl_cli_get(cli, "user");
    if (pl_cli_get(cli, "action")) query.action = pl_cli_get(cli, "action");
    if (pl_cli_get(cli, "object")) query.object = pl_cli_get(cli, "object");
    return show(cli, &query);
}

static int audit(const struct pl_cli *cli) {
    static const char *const verbs[] = {"query", "verify", "report", NULL};
    static int (*const run[])(const struct pl_cli *cli) = {run_query, pl__audit_verify, pl__audit_report};
    int which = pl_cli_verb(cli, verbs, sizeof *verbs);
    if (which < 0) return PL_EXIT_USAGE;
    if (!pl_cli_get(cli, "data")) return pl_cli_usage(cli, "--data DIR is needed");
    return run[which](cli);
}

const struct pl_subcommand pl_subcommand_audit = {
    .name = "audit",
    .operands = "query|verify|report",
    .least = 1,
    .most = 1,
    .summary = "Who did what, and whether the record of it is whole.",
    .doc =
        "query prints a line a record, oldest first.\n"
        "verify follows the chain of hashes from the first record on and names the first one that is missing,\n"
        "changed or out of place. Whoever can write the folder could make the chain anew, or cut off its end; anchors\n"
        "that a run has told (\"audit: anchor SEQUENCE:HASH\", or the command audit head), kept elsewhere, uncover "
        "it.\n"
        "report writes down what happened in a month: how much by whom, and each decision, change and refusal.",
    /* clang-format off */
    .options = PL_CLI_OPTIONS(
        {"data", "DIR", "The data folder; an engine may be running on it.", 0},
        PL_CLI_KEY_FILE,
        {"from", "T", "query: only records at this time or later: RFC 3339, or nanoseconds.", 0},
        {"to", "T", "query: only records before this time.", 0},
        {"user", "GLOB", "query: only of these users.", 0},
        {"action", "GLOB", "query: only these actions: \"users *\".", 0},
        {"object", "GLOB", "query: only about these: \"clean.*\".", 0},
        {"json", NULL, "query: print the records as one JSON array.", 0},
        {"anchor", "SEQUENCE:HASH", "verify: the record of this number must have this hash; may be repeated.", 0},
        {"anchors", "FILE", "verify: anchors, each the last word of a line.", 0},
        {"month", "YYYY-MM", "report: which month.", 0},
        {"time-zone", "NAME", "report: where the month begins and ends, as Europe/Berlin (default: UTC).", 0},
        {"format", "FORMAT", "report: markdown (default) or csv.", 0},
        {"out", "DIR", "report: into DIR/audit-YYYY-MM.md or .csv instead of standard output.", 0}),
    /* clang-format on */
    .run = audit,
};
