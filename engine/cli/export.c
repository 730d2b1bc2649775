/* export.c: `potline export`: the rows of a zone as CSV or JSON lines. */
#include "cli.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <potline/alloc.h>
#include <potline/text.h>

#include "base/clock.h"
#include "batch/tags.h"
#include "data.h"
#include "export_postgres.h"
#include "export_read.h"
#include "export_write.h"

enum {
    JOB_MAX = 64 << 10,
    FLUSH_AT = 64 << 10,
    ROW_MAX = 64 << 20,
    NAMES_MAX = 16000000 /* the most a graph may allow */
};
enum verdict { UNKNOWN, FITS, DIFFERS };
enum { ANY_KIND = -1 };

static const char *const formats[] = {"csv", "ndjson", NULL};
static const char *const times[] = {"ns", "rfc3339", NULL};

struct export {
    const struct pl_cli *cli;
    struct pl__export_what what;
    struct pl__export_reader *reader; /* at work */
    const char *const *globs;         /* ends in NULL; none: every name */
    int kind;                         /* what is asked for, or ANY_KIND */
    struct pl__export_format format;

    uint8_t *verdicts; /* by name id: does it fit the globs */
    uint32_t verdict_count;

    struct pl__export_postgres_options into; /* url: NULL: it is written as text */
    struct pl__export_postgres *target;      /* made with the first row: that is of its kind */
    struct pl_codec *codec;
    uint8_t *keep; /* rows of a batch */
    bool shown;    /* progress, on a terminal */
    int64_t shown_at;

    FILE *out;
    char *final; /* the name the output gets once it is complete; NULL: it has it */
    char *temporary;
    struct pl_buffer text;
    bool header_written;
    uint64_t rows;               /* written */
    uint64_t met;                /* seen at all */
    uint64_t left_out[PL_KINDS]; /* fitted, but for their kind */
};

/* ---- Which rows ---- */

static enum verdict judge(const struct export *export, uint32_t id) {
    const char *name = pl_tags_get(export->what.tags, id)->name;
    for (const char *const *glob = export->globs; *glob; glob++)
        if (pl_glob(*glob, name)) return FITS;
    return DIFFERS;
}

static bool name_fits(struct export *export, uint32_t id) {
    if (!*export->globs) return true;
    if (id >= export->verdict_count) {
        uint32_t count = pl_tags_count(export->what.tags);
        uint8_t *verdicts = pl_realloc(export->verdicts, count);
        if (!verdicts) return judge(export, id) == FITS;
        memset(verdicts + export->verdict_count, UNKNOWN, count - export->verdict_count);
        export->verdicts = verdicts;
        export->verdict_count = count;
    }
    if (export->verdicts[id] == UNKNOWN) export->verdicts[id] = (uint8_t)judge(export, id);
    return export->verdicts[id] == FITS;
}

/* By its time, and by its tag or asset. */
static bool row_fits(struct export *export, const struct pl__export_part *part, uint32_t row) {
    const struct pl_batch *batch = part->batch;
    if (!pl__export_counts(export->reader, part, row)) return false;
    if (name_fits(export, pl_batch_keys(batch)[row])) return true;
    return batch->kind == PL_EVENTS && name_fits(export, batch->events.tag[row]);
}

/* ---- Output ---- */

static bool flush(struct export *export, size_t at_least) {
    if (pl_buffer_failed(&export->text)) {
        fprintf(stderr, "potline export: out of memory\n");
        return false;
    }
    if (export->text.size < at_least) return true;
    if (fwrite(export->text.data, 1, export->text.size, export->out) != export->text.size) {
        if (export->final) fprintf(stderr, "potline export: %s: %s\n", export->final, strerror(errno));
        return false; /* of standard output, main says it */
    }
    pl_buffer_reset(&export->text);
    return true;
}

static void write_header(struct export *export, enum pl_kind kind) {
    if (!export->format.json && !export->header_written) pl__export_header(&export->format, kind, &export->text);
    export->header_written = true;
}

/* ---- Into PostgreSQL ---- */

static bool say(struct pl_error *error) {
    if (error) fprintf(stderr, "potline export: ");
    if (error) pl_error_print(stderr, error);
    pl_error_free(&error);
    return false;
}

static void show_progress(struct export *export) {
    int64_t now = pl_clock_monotonic();
    if (now - export->shown_at < PL_SECOND || !isatty(STDERR_FILENO)) return;
    export->shown_at = now;
    export->shown = true;
    fprintf(stderr, "\r%" PRIu64 " rows ", export->rows);
}

static bool open_target(struct export *export, enum pl_kind kind) {
    struct pl_error *error = NULL;
    if (export->target) return true;
    return !pl__export_postgres_new(&export->into, kind, NAMES_MAX, &export->target, &error) || say(error);
}

/* The rows that are marked; those go, the batch is the caller's. */
static bool send_rows(struct export *export, struct pl_batch **batch) {
    struct pl_error *error = NULL;
    if (!open_target(export, (enum pl_kind)(*batch)->kind)) return false;
    if (!pl_batch_writable(batch)) {
        fprintf(stderr, "potline export: out of memory\n");
        return false;
    }
    uint32_t rows = pl_batch_keep(*batch, export->keep);
    if (pl__export_postgres_put(export->target, export->codec, *batch, &error)) return say(error);
    export->rows += rows;
    show_progress(export);
    return true;
}

static bool end_target(struct export *export, enum pl_kind kind) {
    struct pl_error *error = NULL;
    if (!open_target(export, kind)) return false;
    bool good = !pl__export_postgres_end(export->target, &error);
    if (export->shown) fprintf(stderr, "\r");
    if (!good) return say(error);
    fprintf(stderr, "potline export: %" PRIu64 " rows are in %s\n", export->rows, export->into.table);
    return true;
}

static bool send_part(struct export *export, struct pl__export_part *part, int kind) {
    struct pl_batch *batch = part->batch;
    bool wanted = kind == ANY_KIND || (int)batch->kind == kind;
    uint32_t fitting = 0;
    export->met += batch->rows;
    for (uint32_t row = 0; row < batch->rows; row++)
        fitting += export->keep[row] = row_fits(export, part, row);
    if (!wanted) export->left_out[batch->kind] += fitting;
    return !wanted || !fitting || send_rows(export, &part->batch);
}

/* ---- As text ---- */

static bool write_part(struct export *export, struct pl__export_part *part, int kind) {
    if (export->into.url) return send_part(export, part, kind);
    const struct pl_batch *batch = part->batch;
    bool wanted = kind == ANY_KIND || (int)batch->kind == kind;
    export->met += batch->rows;
    for (uint32_t row = 0; row < batch->rows; row++) {
        if (!row_fits(export, part, row)) continue;
        if (!wanted) {
            export->left_out[batch->kind]++;
            continue;
        }
        write_header(export, batch->kind);
        pl__export_row(&export->format, part, row, &export->text);
        export->rows++;
        if (!flush(export, FLUSH_AT)) return false;
    }
    return true;
}

/* One pass over the zone that writes the rows of `kind`. */
static enum pl_code write_kind(struct export *export, int kind, bool *written) {
    struct pl__export_part part;
    struct pl_error *error = NULL;
    export->met = 0;
    memset(export->left_out, 0, sizeof export->left_out);
    enum pl_code code = pl__export_open(&export->what, &export->reader, &error);
    *written = true;
    while (!code && *written && !(code = pl__export_next(export->reader, &part, &error))) {
        *written = write_part(export, &part, kind);
        pl_batch_unref(part.batch);
    }
    pl__export_close(export->reader);
    if (code && code != PL_NOT_FOUND) pl_error_print(stderr, error);
    pl_error_free(&error);
    return code == PL_NOT_FOUND ? PL_OK : code;
}

/* ---- Files ---- */

/* Beside the file, under a name of this process. */
static FILE *open_temporary(struct export *export) {
    size_t room = strlen(export->final) + 32;
    export->temporary = pl_alloc(room);
    if (!export->temporary) return NULL;
    snprintf(export->temporary, room, "%s.%ld.part", export->final, (long)getpid());
    return fopen(export->temporary, "w");
}

/* A file appears under its name when it is complete; what is no ordinary file (a pipe, a terminal) is written to. */
static bool open_output(struct export *export, const char *path) {
    struct stat info;
    export->out = stdout;
    if (!path || strcmp(path, "-") == 0) return true;
    bool ordinary = stat(path, &info) != 0 || S_ISREG(info.st_mode);
    export->final = pl_strdup(path);
    if (export->final) export->out = ordinary ? open_temporary(export) : fopen(path, "w");
    if (!export->out || !export->final) fprintf(stderr, "potline export: %s: %s\n", path, strerror(errno));
    return export->out && export->final;
}

static bool close_output(struct export *export, bool complete) {
    bool good = complete && fflush(export->out) == 0, named = export->out && export->out != stdout;
    if (named && fclose(export->out)) good = false;
    if (good && export->temporary) good = rename(export->temporary, export->final) == 0;
    if (complete && !good && named) fprintf(stderr, "potline export: %s: %s\n", export->final, strerror(errno));
    if (!good && named && export->temporary) unlink(export->temporary);
    pl_free(export->temporary);
    pl_free(export->final);
    return good;
}

/* ---- The command ---- */

static enum pl_kind usual_kind(enum pl_zone_id zone) {
    return zone == PL_GOLD ? PL_WINDOWS : PL_SAMPLES;
}

/* CSV has one kind of rows: what is asked for, what is usual in the zone, or else the first that is there. */
static bool write_rows(struct export *export) {
    bool written, choose = export->kind == ANY_KIND && !export->format.json;
    int kind = choose ? (int)usual_kind(export->what.zone) : export->kind;
    if (write_kind(export, kind, &written) || !written) return false;
    for (unsigned other = 0; choose && !export->rows && other < PL_KINDS; other++) {
        if (!export->left_out[other]) continue;
        kind = (int)other;
        if (write_kind(export, kind, &written) || !written) return false;
    }
    if (export->into.url) return end_target(export, (enum pl_kind)kind);
    write_header(export, kind == ANY_KIND ? usual_kind(export->what.zone) : (enum pl_kind)kind);
    return flush(export, 1);
}

static void say_what_is_not_there(const struct export *export) {
    const char *zone = pl_zone_names[export->what.zone];
    for (unsigned kind = 0; kind < PL_KINDS; kind++)
        if (export->left_out[kind] && export->kind == ANY_KIND)
            fprintf(stderr, "potline export: %llu rows of %s are left out; --kind %s gives them\n",
                    (unsigned long long)export->left_out[kind], pl_kind_info[kind].name, pl_kind_info[kind].name);
    if (export->rows) return;
    if (export->met || export->what.range.node || export->what.range.from != PL_TIME_MIN ||
        export->what.range.to != PL_TIME_MAX)
        fprintf(stderr, "potline export: %s: no row of zone %s fits\n", export->what.data, zone);
    else
        fprintf(stderr, "potline export: %s: zone %s is empty\n", export->what.data, zone);
}

/* A reader holds every file of the folder open, and a long log has thousands. */
static void raise_file_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur == limit.rlim_max) return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit); /* else a folder that is too long says so when it is opened */
}

/* What makes it the same export when it is repeated: the folder, and which of its rows. */
static char *name_job(const struct export *export) {
    struct pl_buffer text;
    char *folder = realpath(export->what.data, NULL);
    pl_buffer_init(&text, JOB_MAX);
    pl_buffer_printf(&text, "export %s %s", pl_zone_names[export->what.zone], folder ? folder : export->what.data);
    if (export->kind != ANY_KIND) pl_buffer_printf(&text, " %s", pl_kind_info[export->kind].name);
    if (export->what.range.node) pl_buffer_printf(&text, " node %s", export->what.range.node);
    for (const char *const *glob = export->globs; *glob; glob++)
        pl_buffer_printf(&text, " tags %s", *glob);
    if (export->what.range.from != PL_TIME_MIN) pl_buffer_printf(&text, " from %" PRId64, export->what.range.from);
    if (export->what.range.to != PL_TIME_MAX) pl_buffer_printf(&text, " to %" PRId64, export->what.range.to);
    if (export->what.version) pl_buffer_printf(&text, " version %s", export->what.version);
    if (export->what.live) pl_buffer_printf(&text, " live");
    pl_buffer_putc(&text, 0);
    char *job = pl_buffer_failed(&text) ? NULL : pl_strdup(text.data);
    pl_buffer_fini(&text);
    free(folder);
    return job;
}

static bool open_postgres(struct export *export) {
    export->codec = pl_codec_new(export->what.tags);
    export->keep = pl_alloc(PL_BATCH_ROWS_MAX);
    if (export->codec && export->keep) return true;
    fprintf(stderr, "potline export: out of memory\n");
    return false;
}

static int export_rows(struct export *export, const char *path) {
    struct pl_error *error = NULL;
    struct pl_store_options options = {.read_only = true};
    if (!pl_cli_data_key_of(export->cli, export->what.data, &export->what.key)) return PL_EXIT_USAGE;
    options.key = export->what.key;
    raise_file_limit();
    enum pl_code code = pl_store_open(export->what.data, &options, &export->what.store, &error);
    if (code) {
        pl_store_key_unref(options.key);
        pl_error_print(stderr, error);
        pl_error_free(&error);
        return code == PL_NOT_FOUND ? PL_EXIT_USAGE : PL_EXIT_FAILED;
    }
    export->what.tags = pl_tags_new(&(struct pl_tags_options){.limit = NAMES_MAX});
    export->format.tags = export->what.tags;
    pl_buffer_init(&export->text, ROW_MAX);
    bool good = false;
    if (!export->what.tags) fprintf(stderr, "potline export: out of memory\n");
    if (export->what.tags && (export->into.url ? open_postgres(export) : open_output(export, path))) {
        good = write_rows(export);
        if (good) say_what_is_not_there(export);
    }
    if (!export->into.url) good = close_output(export, good);
    pl__export_postgres_free(export->target);
    pl_codec_free(export->codec);
    pl_free(export->keep);
    pl_buffer_fini(&export->text);
    pl_free(export->verdicts);
    pl_store_close(export->what.store);
    pl_store_key_unref(export->what.key);
    pl_tags_free(export->what.tags);
    return good ? PL_EXIT_OK : PL_EXIT_FAILED;
}

/* The index of an option's value, `fallback` where it is not given, -1 after saying that it is none of them. */
static int read_choice(const struct pl_cli *cli, const char *option, const char *const *choices, int fallback) {
    const char *value = pl_cli_get(cli, option);
    return value ? pl_cli_choice(cli, option, value, choices) : fallback;
}

/* Rows of one kind each, as in CSV; times are timestamps unless nanoseconds are asked for. */
static int export_into(const struct pl_cli *cli, struct export *export) {
    char table[64];
    if (pl_cli_get(cli, "out") || pl_cli_get(cli, "format") || pl_cli_has(cli, "json"))
        return pl_cli_usage(cli, "--into URL: --out and --format are for text");
    snprintf(table, sizeof table, "potline_%s", pl_zone_names[export->what.zone]);
    char *job = pl_cli_get(cli, "job") ? pl_strdup(pl_cli_get(cli, "job")) : name_job(export);
    export->format.json = false;
    export->into.table = pl_cli_get(cli, "table") ? pl_cli_get(cli, "table") : table;
    export->into.nanoseconds = pl_cli_get(cli, "time") && !export->format.rfc3339;
    export->into.job = job;
    if (!job) fprintf(stderr, "potline export: out of memory\n");
    int exit_code = job ? export_rows(export, NULL) : PL_EXIT_FAILED;
    pl_free(job);
    return exit_code;
}

static int export_zone(const struct pl_cli *cli) {
    const char *kinds[PL_KINDS + 1] = {NULL};
    for (unsigned kind = 0; kind < PL_KINDS; kind++)
        kinds[kind] = pl_kind_info[kind].name;
    struct export export = {
        .cli = cli,
        .what = {.data = pl_cli_get(cli, "data"),
                 .range = {.node = pl_cli_get(cli, "node"), .from = PL_TIME_MIN, .to = PL_TIME_MAX},
                 .version = pl_cli_get(cli, "version"),
                 .live = pl_cli_has(cli, "live")},
        .globs = pl_cli_all(cli, "tags"),
        .kind = ANY_KIND,
    };
    if (!export.what.data) return pl_cli_usage(cli, "--data DIR is missing");
    if (!pl_cli_get(cli, "zone")) return pl_cli_usage(cli, "--zone is missing: bronze, silver, gold or dead");
    int zone = read_choice(cli, "zone", pl_zone_names, PL_ZONES);
    int format = read_choice(cli, "format", formats, pl_cli_has(cli, "json"));
    int time = format < 0 ? -1 : read_choice(cli, "time", times, format);
    if (zone < 0 || time < 0) return PL_EXIT_USAGE;
    if (pl_cli_get(cli, "kind") && (export.kind = read_choice(cli, "kind", kinds, ANY_KIND)) < 0) return PL_EXIT_USAGE;
    if (!pl_cli_time(cli, "from", &export.what.range.from) || !pl_cli_time(cli, "to", &export.what.range.to))
        return PL_EXIT_USAGE;
    export.what.zone = (enum pl_zone_id)zone;
    export.format = (struct pl__export_format){.json = format, .rfc3339 = time, .sequences = zone == PL_BRONZE};
    export.into.url = pl_cli_get(cli, "into");
    return export.into.url ? export_into(cli, &export) : export_rows(&export, pl_cli_get(cli, "out"));
}

const struct pl_subcommand pl_subcommand_export = {
    .name = "export",
    .operands = "",
    .summary = "Print the rows of a zone of a data folder, or write them to a database.",
    .doc = "Bronze is what came in, as it came in; silver, gold and dead are what nodes keep there (sink.lake).\n"
           "Where a version of silver or gold is published (potline replay, potline versions), its rows come in\n"
           "place of the live ones.\n"
           "\n"
           "Rows come by partition in the order of the log (bronze), or by node, partition and time. It works\n"
           "while an engine runs on the folder, and shows what was written until then.\n"
           "\n"
           "CSV has a header and rows of one kind: samples, of gold windows, or else what there is. Times are\n"
           "nanoseconds since 1970 (time_ns) or RFC 3339 text (time); numbers are exact, missing values `nan`.\n"
           "As JSON, a line is an object whose `type` is its kind; NaN is null, infinities are strings.\n"
           "\n"
           "Into PostgreSQL (--into postgres://...) an export is one transaction that takes the place of what the\n"
           "same export wrote before: interrupted it leaves nothing, repeated it doubles nothing. A password\n"
           "is better in PGPASSWORD or ~/.pgpass than in the command line. Times are timestamps, or --time ns.",
    /* clang-format off */
    .options = PL_CLI_OPTIONS(
        {"data", "DIR", "The data folder.", 0},
        PL_CLI_KEY_FILE,
        {"zone", "ZONE", "bronze, silver, gold or dead.", 0},
        {"tags", "GLOB", "Only rows whose tag or asset fits; may be repeated.", 0},
        {"node", "NAME", "Only what this node wrote; of bronze, what this source gave.", 0},
        {"kind", "KIND", "Only samples, windows, profiles, setpoints or events.", 0},
        {"from", "T", "Only rows at this time or later: RFC 3339, or nanoseconds.", 0},
        {"to", "T", "Only rows before this time.", 0},
        {"version", "NAME", "Of silver or gold, only this version (potline versions).", 0},
        {"live", NULL, "Of silver or gold, the live rows, also where a published version counts.", 0},
        {"into", "URL", "Into a table of this database, as postgres://USER@HOST/DATABASE.", 0},
        {"table", "NAME", "With --into: the table, made where it is not there (default: potline_ZONE).", 0},
        {"job", "NAME", "With --into: which export it is (default: by its folder and rows).", 0},
        {"format", "FORMAT", "csv (the default) or ndjson.", 0},
        {"json", NULL, "The same as --format ndjson.", 0},
        {"time", "FORM", "ns (the default of csv) or rfc3339 (of ndjson).", 0},
        {"out", "FILE", "Write to this file (default: standard output).", 'o'}),
    /* clang-format on */
    .run = export_zone,
};
