/* export.c: `potline export`: the rows of a zone as CSV or JSON lines. */
#include "cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <potline/alloc.h>
#include <potline/text.h>

#include "batch/tags.h"
#include "data.h"
#include "export_read.h"
#include "export_write.h"

enum { FLUSH_AT = 64 << 10, ROW_MAX = 64 << 20, NAMES_MAX = 16000000 /* the most a graph may allow */ };
enum verdict { UNKNOWN, FITS, DIFFERS };
enum { ANY_KIND = -1 };

static const char *const formats[] = {"csv", "ndjson", NULL};
static const char *const times[] = {"ns", "rfc3339", NULL};

struct export {
    const struct pl_cli *cli;
    struct pl__export_what what;
    const char *const *globs; /* ends in NULL; none: every name */
    int kind;                 /* what is asked for, or ANY_KIND */
    struct pl__export_format format;

    uint8_t *verdicts; /* by name id: does it fit the globs */
    uint32_t verdict_count;

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
    pl_time time = pl_batch_times(batch)[row];
    if (time < part->from || (time >= part->to && part->to != PL_TIME_MAX)) return false;
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

static bool write_part(struct export *export, const struct pl__export_part *part, int kind) {
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
    struct pl__export_reader *reader;
    struct pl__export_part part;
    struct pl_error *error = NULL;
    export->met = 0;
    memset(export->left_out, 0, sizeof export->left_out);
    enum pl_code code = pl__export_open(&export->what, &reader, &error);
    *written = true;
    while (!code && *written && !(code = pl__export_next(reader, &part, &error))) {
        *written = write_part(export, &part, kind);
        pl_batch_unref(part.batch);
    }
    pl__export_close(reader);
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
    if (export->what.tags && open_output(export, path)) {
        good = write_rows(export);
        if (good) say_what_is_not_there(export);
    }
    good = close_output(export, good);
    pl_buffer_fini(&export->text);
    pl_free(export->verdicts);
    pl_store_close(export->what.store);
    pl_store_key_unref(export->what.key);
    pl_tags_free(export->what.tags);
    return good ? PL_EXIT_OK : PL_EXIT_FAILED;
}

static bool read_time(const struct pl_cli *cli, const char *option, pl_time *time) {
    const char *text = pl_cli_get(cli, option);
    if (!text || pl_text_int(text, strlen(text), time) || pl_text_time(text, strlen(text), time)) return true;
    pl_cli_usage(cli, "--%s: \"%s\" is no time; write 2026-11-23T06:00:00Z, or nanoseconds since 1970", option, text);
    return false;
}

/* The index of an option's value, `fallback` where it is not given, -1 after saying that it is none of them. */
static int read_choice(const struct pl_cli *cli, const char *option, const char *const *choices, int fallback) {
    const char *value = pl_cli_get(cli, option);
    return value ? pl_cli_choice(cli, option, value, choices) : fallback;
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
    if (!read_time(cli, "from", &export.what.range.from) || !read_time(cli, "to", &export.what.range.to))
        return PL_EXIT_USAGE;
    export.what.zone = (enum pl_zone_id)zone;
    export.format = (struct pl__export_format){.json = format, .rfc3339 = time, .sequences = zone == PL_BRONZE};
    return export_rows(&export, pl_cli_get(cli, "out"));
}

const struct pl_subcommand pl_subcommand_export = {
    .name = "export",
    .operands = "",
    .summary = "Print the rows of a zone of a data folder.",
    .doc = "Bronze is what came in, as it came in; silver, gold and dead are what nodes keep there (sink.lake).\n"
           "Where a version of silver or gold is published (potline replay, potline versions), its rows come in\n"
           "place of the live ones.\n"
           "\n"
           "Rows come by partition in the order of the log (bronze), or by node, partition and time. It works\n"
           "while an engine runs on the folder, and shows what was written until then.\n"
           "\n"
           "CSV has a header and rows of one kind: samples, of gold windows, or else what there is. Times are\n"
           "nanoseconds since 1970 (time_ns) or RFC 3339 text (time); numbers are exact, missing values `nan`.\n"
           "As JSON, a line is an object whose `type` is its kind; NaN is null, infinities are strings.",
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
        {"format", "FORMAT", "csv (the default) or ndjson.", 0},
        {"json", NULL, "The same as --format ndjson.", 0},
        {"time", "FORM", "ns (the default of csv) or rfc3339 (of ndjson).", 0},
        {"out", "FILE", "Write to this file (default: standard output).", 'o'}),
    /* clang-format on */
    .run = export_zone,
};
