/* ledger.c: `potline ledger`: what became of every sample that was expected, and whether that is good enough. */
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/text.h>

#include "cli.h"
#include "data.h"
#include "store/ledger.h"

enum { NAME_WIDTH = 32, SHOWN = 20 };

struct asked {
    const struct pl_cli *cli;
    struct pl_ledger_query query;
    double limit;                     /* a share; negative: none is given */
    bool late;                        /* late ones are lost too */
    uint32_t shown;                   /* so many tags at most */
    const struct pl_ledger_sum **tag; /* of the report, the worst first */
};

static double loss_of(const struct asked *asked, const struct pl_ledger_sum *sum) {
    return pl_ledger_loss(sum, asked->late);
}

static bool is_above(const struct asked *asked, const struct pl_ledger_sum *sum) {
    return asked->limit >= 0 && loss_of(asked, sum) > asked->limit;
}

/* ---- In which order ---- */

static int by_name(const struct pl_ledger_sum *a, const struct pl_ledger_sum *b) {
    int order = strcmp(a->source, b->source);
    return order ? order : strcmp(a->tag, b->tag);
}

struct rank {
    const struct pl_ledger_sum *tag;
    double loss;
    int64_t lost;
};

static int by_loss(const void *one, const void *other) {
    const struct rank *a = one, *b = other;
    if (a->loss != b->loss) return a->loss > b->loss ? -1 : 1;
    if (a->lost != b->lost) return a->lost > b->lost ? -1 : 1;
    return by_name(a->tag, b->tag);
}

/* False without memory. */
static bool rank_tags(struct asked *asked, const struct pl_ledger_report *report) {
    struct rank *ranks = pl_alloc((report->tag_count + 1) * sizeof *ranks);
    asked->tag = pl_alloc((report->tag_count + 1) * sizeof(struct pl_ledger_sum *));
    bool good = ranks && asked->tag;
    for (uint32_t i = 0; good && i < report->tag_count; i++) {
        const struct pl_ledger_sum *tag = &report->tags[i];
        ranks[i] =
            (struct rank){tag, loss_of(asked, tag), tag->count[PL_LEDGER_MISSING] + tag->count[PL_LEDGER_REJECTED]};
    }
    if (good && report->tag_count) qsort(ranks, report->tag_count, sizeof *ranks, by_loss);
    for (uint32_t i = 0; good && i < report->tag_count; i++)
        asked->tag[i] = ranks[i].tag;
    pl_free(ranks);
    return good;
}

/* ---- As text ---- */

static void print_head(void) {
    printf("%-*s", NAME_WIDTH, "source, tag");
    for (unsigned i = 0; i < PL_LEDGER_COUNTS; i++)
        printf(" %10s", pl_ledger_names[i]);
    printf(" %9s\n", "loss");
}

/* Names come from the field: what moves a terminal's cursor stays out of it. */
static void print_name(const char *indent, const char *name) {
    int width = printf("%s", indent);
    for (; *name; name++, width++)
        putchar((unsigned char)*name < ' ' || *name == 0x7f ? '?' : *name);
    printf("%*s", width < NAME_WIDTH ? NAME_WIDTH - width : 0, "");
}

static void print_sum(const struct asked *asked, const char *indent, const char *name,
                      const struct pl_ledger_sum *sum) {
    print_name(indent, name);
    for (unsigned i = 0; i < PL_LEDGER_COUNTS; i++)
        printf(" %10" PRId64, sum->count[i]);
    printf(" %8.4f%%", 100 * loss_of(asked, sum));
    if (!pl_ledger_adds_up(sum)) fputs("  DOES NOT ADD UP", stdout);
    if (is_above(asked, sum)) fputs("  above the limit", stdout);
    putchar('\n');
}

static void print_cause(const char *indent, const struct pl_ledger_sum *cause) {
    print_name(indent, cause->cause);
    for (unsigned i = 0; i < PL_LEDGER_COUNTS; i++)
        printf(" %10" PRId64, cause->count[i]);
    putchar('\n');
}

/* The causes of the losses of a tag, each a line. They are in order of source and tag. */
static void print_causes(const struct pl_ledger_report *report, const struct pl_ledger_sum *tag) {
    uint32_t low = 0, high = report->cause_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (by_name(&report->causes[middle], tag) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < report->cause_count && by_name(&report->causes[low], tag) == 0; low++)
        if (*report->causes[low].cause) print_cause("    ", &report->causes[low]);
}

/* Those of a source, whatever the tag: a handful. */
static void print_causes_of_source(const struct pl_ledger_report *report, const char *source) {
    enum { CAUSES = 128 };
    struct pl_ledger_sum sums[CAUSES];
    unsigned count = 0;
    for (uint32_t i = 0; i < report->cause_count; i++) {
        const struct pl_ledger_sum *one = &report->causes[i];
        unsigned k = 0;
        if (!*one->cause || strcmp(one->source, source) != 0) continue;
        while (k < count && strcmp(sums[k].cause, one->cause) != 0)
            k++;
        if (k == CAUSES) continue;
        if (k == count) sums[count++] = (struct pl_ledger_sum){.source = source, .cause = one->cause};
        for (unsigned n = 0; n < PL_LEDGER_COUNTS; n++)
            sums[k].count[n] += one->count[n];
    }
    for (unsigned k = 0; k < count; k++)
        print_cause("  ", &sums[k]);
}

static void print_tags(const struct asked *asked, const struct pl_ledger_report *report) {
    uint32_t shown = report->tag_count < asked->shown ? report->tag_count : asked->shown;
    for (uint32_t i = 0; i < shown; i++) {
        const struct pl_ledger_sum *tag = asked->tag[i];
        if (!i || strcmp(asked->tag[i - 1]->source, tag->source) != 0) {
            print_name("of ", tag->source);
            putchar('\n');
        }
        print_sum(asked, "  ", *tag->tag ? tag->tag : "(no tag)", tag);
        print_causes(report, tag);
    }
    if (shown < report->tag_count)
        printf("... and %" PRIu32 " more tags, none of them worse (--all, or --json)\n", report->tag_count - shown);
}

static void print_text(const struct asked *asked, const struct pl_ledger_report *report) {
    print_head();
    for (uint32_t s = 0; s < report->source_count; s++) {
        print_sum(asked, "", report->sources[s].source, &report->sources[s]);
        print_causes_of_source(report, report->sources[s].source);
    }
    print_sum(asked, "", "total", &report->total);
    if (report->tag_count) putchar('\n');
    print_tags(asked, report);
}

/* ---- As JSON ---- */

static json_t *as_json(const struct asked *asked, const struct pl_ledger_sum *sum) {
    json_t *row = json_object();
    if (*sum->source) json_object_set_new(row, "source", json_string(sum->source));
    if (sum->tag) json_object_set_new(row, "tag", json_string(sum->tag));
    if (*sum->cause) json_object_set_new(row, "cause", json_string(sum->cause));
    for (unsigned i = 0; i < PL_LEDGER_COUNTS; i++)
        json_object_set_new(row, pl_ledger_names[i], json_integer(sum->count[i]));
    if (*sum->cause) return row;
    json_object_set_new(row, "loss", json_real(loss_of(asked, sum)));
    json_object_set_new(row, "adds_up", json_boolean(pl_ledger_adds_up(sum)));
    if (asked->limit >= 0) json_object_set_new(row, "holds", json_boolean(!is_above(asked, sum)));
    return row;
}

static json_t *list_of(const struct asked *asked, const struct pl_ledger_sum *sums, uint32_t count, bool causes) {
    json_t *list = json_array();
    for (uint32_t i = 0; i < count; i++)
        if (!causes || *sums[i].cause) json_array_append_new(list, as_json(asked, &sums[i]));
    return list;
}

static void print_json(const struct asked *asked, const struct pl_ledger_report *report) {
    json_t *all = json_pack("{s:o, s:o, s:o, s:o}", "total", as_json(asked, &report->total), "sources",
                            list_of(asked, report->sources, report->source_count, false), "tags",
                            list_of(asked, report->tags, report->tag_count, false), "causes",
                            list_of(asked, report->causes, report->cause_count, true));
    json_dumpf(all, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(all);
}

/* ---- The verdict ---- */

/* False: the tag is as it should be. */
static bool tell_tag(const struct asked *asked, const struct pl_ledger_sum *tag, bool aloud) {
    bool adds_up = pl_ledger_adds_up(tag), above = *tag->tag && is_above(asked, tag);
    if (aloud && !adds_up)
        fprintf(stderr, "potline ledger: %s of %s does not add up\n", *tag->tag ? tag->tag : "what has no tag",
                tag->source);
    if (aloud && above)
        fprintf(stderr, "potline ledger: %s of %s: %.4f%% lost, more than %g%%\n", tag->tag, tag->source,
                100 * loss_of(asked, tag), 100 * asked->limit);
    return !adds_up || above;
}

/* What is above the limit and what does not add up is named, the worst first. */
static int judge(const struct asked *asked, const struct pl_ledger_report *report) {
    uint32_t told = 0;
    for (uint32_t i = 0; i < report->tag_count; i++)
        told += tell_tag(asked, asked->tag[i], told < asked->shown);
    if (told > asked->shown)
        fprintf(stderr, "potline ledger: ... and %" PRIu32 " more tags (--all names them)\n", told - asked->shown);
    if (!is_above(asked, &report->total)) return told ? PL_EXIT_FAILED : PL_EXIT_OK;
    fprintf(stderr, "potline ledger: in total %.4f%% lost, more than %g%%\n", 100 * loss_of(asked, &report->total),
            100 * asked->limit);
    return PL_EXIT_FAILED;
}

/* ---- The command ---- */

static bool read_time(const struct pl_cli *cli, const char *option, pl_time *time) {
    const char *text = pl_cli_get(cli, option);
    if (!text || pl_text_int(text, strlen(text), time) || pl_text_time(text, strlen(text), time)) return true;
    pl_cli_usage(cli, "--%s: \"%s\" is no time; write 2026-11-23T06:00:00Z, or nanoseconds since 1970", option, text);
    return false;
}

/* "2%", or a share as "0.02". */
static bool read_limit(const struct pl_cli *cli, double *limit) {
    const char *text = pl_cli_get(cli, "max-loss");
    *limit = -1;
    if (!text) return true;
    size_t length = strlen(text);
    bool percent = length && text[length - 1] == '%';
    if (pl_text_f64(text, length - percent, limit) && *limit >= 0 && *limit <= (percent ? 100 : 1)) {
        if (percent) *limit /= 100;
        return true;
    }
    pl_cli_usage(cli, "--max-loss: \"%s\" is no share; write 2%% or 0.02", text);
    return false;
}

static int failed(struct pl_error *error, enum pl_code code) {
    fputs("potline ledger: ", stderr);
    pl_error_print(stderr, error);
    pl_error_free(&error);
    return code == PL_NOT_FOUND ? PL_EXIT_USAGE : PL_EXIT_FAILED;
}

static int run_ledger(const struct pl_cli *cli) {
    struct asked asked = {
        .cli = cli, .late = pl_cli_has(cli, "count-late"), .shown = pl_cli_has(cli, "all") ? UINT32_MAX : SHOWN};
    const char *data = pl_cli_get(cli, "data");
    asked.query = (struct pl_ledger_query){
        .from = PL_TIME_MIN, .to = PL_TIME_MAX, .source = pl_cli_get(cli, "source"), .tag = pl_cli_get(cli, "tag")};
    if (!data) return pl_cli_usage(cli, "--data DIR is missing");
    if (!read_time(cli, "from", &asked.query.from) || !read_time(cli, "to", &asked.query.to) ||
        !read_limit(cli, &asked.limit))
        return PL_EXIT_USAGE;
    struct pl_store_options options = {.read_only = true};
    struct pl_store *store = NULL;
    struct pl_error *error = NULL;
    struct pl_ledger_report report = {0};
    if (!pl_cli_data_key_of(cli, data, &options.key)) return PL_EXIT_USAGE;
    enum pl_code code = pl_store_open(data, &options, &store, &error);
    pl_store_key_unref(options.key);
    if (!code) code = pl_ledger_ask(store, &asked.query, &report, &error);
    if (!code && !rank_tags(&asked, &report)) code = pl_error_set(&error, PL_NO_MEMORY, "no memory for the tags");
    int exit_code = code ? failed(error, code) : PL_EXIT_OK;
    if (!code) {
        if (pl_cli_has(cli, "json"))
            print_json(&asked, &report);
        else
            print_text(&asked, &report);
        exit_code = judge(&asked, &report);
    }
    pl_free((void *)asked.tag);
    pl_ledger_report_fini(&report);
    pl_store_close(store);
    return exit_code;
}

const struct pl_subcommand pl_subcommand_ledger = {
    .name = "ledger",
    .operands = "",
    .summary = "What became of every sample that was expected.",
    .doc =
        "For every source and tag: expected = accepted + late + duplicate + rejected + missing, as of the last\n"
        "checkpoint; below each the causes of what was lost. Sources come first, then the 20 tags of which most was\n"
        "lost; --all and --json give all of them. Rejected ones could not be read (see `potline dead`);\n"
        "unkept says of how many of them no letter is left. Missing ones were due and never came. Late and duplicate\n"
        "ones are in the log all the same.\n"
        "\n"
        "The loss is (missing + rejected) / (expected - duplicate). With --max-loss the exit code is 1 when it is\n"
        "more in total or of a tag, and standard error names 20 tags (with --all, all). Counts are kept by hours of "
        "event time: --from\n"
        "and --to take the hours that begin between them. It works while an engine runs on the folder.",
    /* clang-format off */
    .options = PL_CLI_OPTIONS(
        {"data", "DIR", "The data folder.", 0},
        PL_CLI_KEY_FILE,
        {"from", "T", "Only hours that begin at this time or later: RFC 3339, or nanoseconds.", 0},
        {"to", "T", "Only hours that begin before this time.", 0},
        {"source", "GLOB", "Only sources whose name fits.", 0},
        {"tag", "GLOB", "Only tags that fit.", 0},
        {"max-loss", "SHARE", "What may be lost: 2% or 0.02; more gives exit code 1.", 0},
        {"all", NULL, "Every tag, not only the 20 worst.", 0},
        {"count-late", NULL, "Late samples are lost, too.", 0},
        {"json", NULL, "Print the sums as JSON.", 0}),
    /* clang-format on */
    .run = run_ledger,
};
