/* dead.c: `potline dead`: what sources could not read, and giving it in again. */
#include "dead.h"

#include <inttypes.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/text.h>

#include "base/utf8.h"
#include "batch/tags.h"
#include "data.h"

enum { SHOWN = 60 };
enum form { FORM_CSV, FORM_NDJSON, FORM_RAW };

int pl__dead_failed(struct pl_error *error, enum pl_code code) {
    fputs("potline dead: ", stderr);
    pl_error_print(stderr, error);
    pl_error_free(&error);
    return code == PL_NOT_FOUND || code == PL_USAGE ? PL_EXIT_USAGE : PL_EXIT_FAILED;
}

/* ---- What is asked for ---- */

static bool read_time(const struct pl_cli *cli, const char *option, pl_time *time) {
    const char *text = pl_cli_get(cli, option);
    if (!text || pl_text_int(text, strlen(text), time) || pl_text_time(text, strlen(text), time)) return true;
    pl_cli_usage(cli, "--%s: \"%s\" is no time; write 2026-11-23T06:00:00Z, or nanoseconds since 1970", option, text);
    return false;
}

static bool read_id(const struct pl_cli *cli, uint64_t *id) {
    const char *text = pl_cli_get(cli, "id");
    char *end = NULL;
    *id = text ? strtoull(text, &end, 16) : 0;
    if (!text || (*text && !*end && *id)) return true;
    pl_cli_usage(cli, "--id: \"%s\" is not the id of a letter", text);
    return false;
}

bool pl__dead_query(const struct pl_cli *cli, struct pl_letters_query *query) {
    const char *state = pl_cli_get(cli, "state");
    int which = state ? pl_cli_choice(cli, "state", state, pl_letter_states) : 0;
    *query = (struct pl_letters_query){.source = pl_cli_get(cli, "source"),
                                       .tag = pl_cli_get(cli, "tag"),
                                       .cause = pl_cli_get(cli, "cause"),
                                       .reason = pl_cli_get(cli, "reason"),
                                       .from = PL_TIME_MIN,
                                       .to = PL_TIME_MAX,
                                       .states = state && which >= 0 ? 1u << which : 0};
    return which >= 0 && read_time(cli, "from", &query->from) && read_time(cli, "to", &query->to) &&
           read_id(cli, &query->id);
}

/* ---- Printing ---- */

struct out {
    enum form form;
    uint64_t count;
    char *base64; /* of the letter at hand */
    size_t room;
};

/* Texts come from the field: what moves a terminal's cursor stays out of it. */
static void put_printable(const void *bytes, size_t length) {
    const unsigned char *at = bytes;
    for (size_t i = 0; i < length; i++)
        putchar(at[i] < ' ' || at[i] > '~' ? '?' : at[i]);
}

static enum pl_code list_one(void *arg, const struct pl_dead_letter *letter, struct pl_error **error) {
    struct out *out = arg;
    char time[PL_TEXT_TIME_MAX];
    (void)error;
    out->count++;
    *pl_text_put_time(time, letter->time) = 0;
    printf("%016" PRIx64 "  %s  %-10s  ", letter->id, time, pl_letter_states[letter->state]);
    put_printable(letter->source, strlen(letter->source));
    fputs("  ", stdout);
    put_printable(letter->place, strlen(letter->place));
    printf("  %s: ", letter->cause);
    put_printable(letter->reason, strlen(letter->reason));
    fputs("  ", stdout);
    put_printable(letter->bytes, letter->size < SHOWN ? letter->size : SHOWN);
    puts(letter->size > SHOWN || letter->cut ? "..." : "");
    return PL_OK;
}

static const char *as_base64(struct out *out, const struct pl_dead_letter *letter) {
    size_t room = 4 * ((letter->size + 2) / 3) + 1;
    if (room > out->room) {
        char *grown = pl_realloc(out->base64, room);
        if (!grown) return NULL;
        out->base64 = grown;
        out->room = room;
    }
    EVP_EncodeBlock((unsigned char *)out->base64, letter->bytes, (int)letter->size);
    return out->base64;
}

static void put_csv_text(const char *text) {
    putchar('"');
    for (; *text; text++) {
        if (*text == '"') putchar('"');
        putchar(*text);
    }
    putchar('"');
}

static void print_csv(const struct pl_dead_letter *letter, const char *time, const char *base64) {
    printf("%s,%016" PRIx64 ",", time, letter->id);
    const char *const texts[] = {letter->source, letter->place, letter->cause, letter->reason, letter->tag};
    for (unsigned i = 0; i < PL_COUNT_OF(texts); i++) {
        put_csv_text(texts[i]);
        putchar(',');
    }
    printf("%s,%s,%s\n", pl_letter_states[letter->state], letter->cut ? "true" : "false", base64);
}

/* Bytes that are text stand there as such, for people to repair; jansson's string is exact. */
static bool print_json(const struct pl_dead_letter *letter, const char *time, const char *base64) {
    char id[20];
    snprintf(id, sizeof id, "%016" PRIx64, letter->id);
    bool text = pl_utf8_check(letter->bytes, letter->size);
    json_t *row = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:b}", "id", id, "time", time, "source",
                            letter->source, "place", letter->place, "cause", letter->cause, "reason", letter->reason,
                            "tag", letter->tag, "state", pl_letter_states[letter->state], "cut", (int)letter->cut);
    if (row && text)
        json_object_set_new(row, "text", json_stringn(letter->bytes, letter->size));
    else if (row)
        json_object_set_new(row, "bytes", json_string(base64));
    bool good = row && json_dumpf(row, stdout, JSON_COMPACT | JSON_ENSURE_ASCII) == 0;
    putchar('\n');
    json_decref(row);
    return good;
}

static enum pl_code export_one(void *arg, const struct pl_dead_letter *letter, struct pl_error **error) {
    struct out *out = arg;
    char time[PL_TEXT_TIME_MAX];
    *pl_text_put_time(time, letter->time) = 0;
    if (out->form == FORM_CSV && !out->count) puts("time,id,source,place,cause,reason,tag,state,cut,bytes");
    out->count++;
    if (out->form == FORM_RAW) {
        fwrite(letter->bytes, 1, letter->size, stdout);
        putchar('\n');
        return PL_OK;
    }
    const char *base64 = as_base64(out, letter);
    if (base64 && out->form == FORM_CSV) print_csv(letter, time, base64);
    if (base64 && (out->form == FORM_CSV || print_json(letter, time, base64))) return PL_OK;
    return pl_error_set(error, PL_NO_MEMORY, "no memory for a letter");
}

static int print_all(const struct pl_cli *cli, pl_letters_visitor *each, struct out *out) {
    struct pl_letters_query query;
    struct pl_store_options options = {.read_only = true};
    struct pl_store *store = NULL;
    struct pl_letters *letters = NULL;
    struct pl_error *error = NULL;
    const char *data = pl_cli_get(cli, "data");
    if (!pl__dead_query(cli, &query) || !pl_cli_data_key_of(cli, data, &options.key)) return PL_EXIT_USAGE;
    struct pl_tags *tags = pl_tags_new(&(struct pl_tags_options){.limit = PL__DEAD_NAMES_MAX});
    enum pl_code code = tags ? pl_store_open(data, &options, &store, &error) : PL_NO_MEMORY;
    pl_store_key_unref(options.key);
    if (!code) code = pl_letters_open(store, tags, &letters, &error);
    if (!code) code = pl_letters_each(letters, &query, each, out, &error);
    int exit_code = code ? pl__dead_failed(error, code) : PL_EXIT_OK;
    pl_letters_close(letters);
    pl_store_close(store);
    pl_tags_free(tags);
    pl_free(out->base64);
    return exit_code;
}

static int run_list(const struct pl_cli *cli) {
    struct out out = {.count = 0};
    int exit_code = print_all(cli, list_one, &out);
    if (!exit_code) fprintf(stderr, "%" PRIu64 " letter%s\n", out.count, out.count == 1 ? "" : "s");
    return exit_code;
}

static int run_export(const struct pl_cli *cli) {
    static const char *const forms[] = {"csv", "ndjson", "raw", NULL};
    const char *form = pl_cli_get(cli, "format");
    int which = form ? pl_cli_choice(cli, "format", form, forms) : FORM_NDJSON;
    struct out out = {.form = (enum form)which};
    return which < 0 ? PL_EXIT_USAGE : print_all(cli, export_one, &out);
}

/* ---- The command ---- */

static int dead(const struct pl_cli *cli) {
    static const char *const verbs[] = {"list", "export", "reinject", NULL};
    static int (*const run[])(const struct pl_cli *cli) = {run_list, run_export, pl__dead_reinject};
    int which = pl_cli_verb(cli, verbs, sizeof *verbs);
    if (which < 0) return PL_EXIT_USAGE;
    if (!pl_cli_get(cli, "data")) return pl_cli_usage(cli, "--data DIR is missing");
    return run[which](cli);
}

const struct pl_subcommand pl_subcommand_dead = {
    .name = "dead",
    .operands = "[list|export|reinject]",
    .least = 0,
    .most = 1,
    .summary = "What sources could not read, and giving it to them again.",
    .doc =
        "Dead letters are lines and messages that were refused, with the reason, the place (file:line, or the peer)\n"
        "and the time; a source keeps at most 1000 at once and 100 a second, and the ledger counts the others.\n"
        "list and export work while an engine runs on the folder. As ndjson bytes that are text stand in `text`,\n"
        "others as base64 in `bytes`, as csv all are base64; raw is the bytes, each letter with a line end.\n"
        "\n"
        "reinject queues letters that were not given in yet; their sources read them in the next run, with the\n"
        "options that they have then. A letter whose rows came in is never given in again. With --file only the\n"
        "letters in that file (as `export` writes them, ndjson) are, with its text or bytes: repaired. For a running\n"
        "engine: potline shell --data DIR -c 'dead reinject'.",
    /* clang-format off */
    .options = PL_CLI_OPTIONS(
        {"data", "DIR", "The data folder.", 0},
        PL_CLI_KEY_FILE,
        {"source", "GLOB", "Only of sources that fit.", 0},
        {"cause", "GLOB", "Only with a cause that fits: time, fields, not_json, ...", 0},
        {"reason", "GLOB", "Only with a reason that fits.", 0},
        {"tag", "GLOB", "Only of tags that fit, where the tag is known.", 0},
        {"id", "ID", "Only this one.", 0},
        {"state", "STATE", "Only those that are kept, queued, reinjected or refused.", 0},
        {"from", "T", "Only those refused at this time or later: RFC 3339, or nanoseconds.", 0},
        {"to", "T", "Only those refused before this time.", 0},
        {"format", "FORMAT", "Of export: ndjson (the default), csv or raw.", 0},
        {"file", "FILE", "Of reinject: letters with other bytes, as ndjson.", 0}),
    /* clang-format on */
    .run = dead,
};
