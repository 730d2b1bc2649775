/* dead_reinject.c: queues dead letters for the next run, as they are or repaired. */
#include <inttypes.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <potline/alloc.h>

#include "base/clock.h"
#include "batch/tags.h"
#include "data.h"
#include "dead.h"
#include "store/audit.h"

enum { REPAIRED_MAX = 2 << 20 };

struct reinject {
    const struct pl_cli *cli;
    struct pl_store *store;
    struct pl_tags *tags;
    struct pl_letters *letters;
    struct pl_audit *audit;
    const void *bytes; /* in place of the letter's own; NULL: those */
    size_t size;
    uint64_t met, queued, left_out;
};

/* Recorded first: what is in the audit and was not done is better than the other way round. */
static enum pl_code record(struct reinject *r, const struct pl_dead_letter *letter, struct pl_error **error) {
    struct passwd *person = getpwuid(getuid());
    struct pl_clock wall;
    char object[64];
    pl_clock_init(&wall, PL_CLOCK_WALL, 0);
    snprintf(object, sizeof object, "letter %016" PRIx64, letter->id);
    struct pl_audit_record done = {.time = pl_clock_now(&wall),
                                   .user = person ? person->pw_name : "unknown",
                                   .origin = "cli",
                                   .action = "dead reinject",
                                   .object = object,
                                   .to = r->bytes ? "repaired" : "as it was",
                                   .outcome = "queued"};
    return pl_audit_append(r->audit, &done, error);
}

static enum pl_code order_one(void *arg, const struct pl_dead_letter *letter, struct pl_error **error) {
    struct reinject *r = arg;
    r->met++;
    bool ordered = pl_letters_was_ordered(r->letters, letter->id);
    bool open = letter->state == PL_LETTER_KEPT || letter->state == PL_LETTER_REFUSED;
    if (ordered || !open || (letter->cut && !r->bytes)) {
        r->left_out++;
        fprintf(stderr, "potline dead: letter %016" PRIx64 " is left out: %s\n", letter->id,
                ordered ? "it is queued already, with what came first"
                : open  ? "not all of its bytes were kept"
                        : pl_letter_states[letter->state]);
        return PL_OK;
    }
    enum pl_code code = record(r, letter, error);
    if (!code)
        code = pl_letters_order(r->letters, letter, r->bytes ? r->bytes : letter->bytes,
                                r->bytes ? r->size : letter->size, error);
    r->queued += !code;
    return code;
}

/* ---- A file of repaired ones ---- */

static bool read_bytes(json_t *row, void **bytes, size_t *size) {
    const json_t *text = json_object_get(row, "text"), *base64 = json_object_get(row, "bytes");
    const json_t *from = json_is_string(text) ? text : base64;
    if (!json_is_string(from)) return false;
    size_t length = json_string_length(from);
    const char *value = json_string_value(from);
    if (!(*bytes = pl_alloc(length + 1))) return false;
    memcpy(*bytes, value, *size = length);
    if (from == text) return true;
    int decoded = length % 4 == 0 ? EVP_DecodeBlock(*bytes, (const unsigned char *)value, (int)length) : -1;
    for (size_t i = length; decoded > 0 && i > 0 && value[i - 1] == '='; i--)
        decoded--;
    *size = decoded < 0 ? 0 : (size_t)decoded;
    return decoded >= 0;
}

static enum pl_code take_line(struct reinject *r, const char *path, unsigned number, const char *line,
                              struct pl_error **error) {
    struct pl_letters_query query = {.from = PL_TIME_MIN, .to = PL_TIME_MAX};
    struct pl_place place = {.file = path, .line = (int)number};
    void *bytes = NULL;
    json_t *row = json_loads(line, JSON_ALLOW_NUL, NULL);
    const char *id = row ? json_string_value(json_object_get(row, "id")) : NULL;
    enum pl_code code = PL_OK;
    if (id) query.id = strtoull(id, NULL, 16);
    if (!query.id || !read_bytes(row, &bytes, &r->size))
        code = pl_error_at(error, PL_SYNTAX, place, "not a letter: `id` and `text` or `bytes` are expected");
    uint64_t met = r->met;
    r->bytes = bytes;
    if (!code) code = pl_letters_each(r->letters, &query, order_one, r, error);
    if (!code && met == r->met) code = pl_error_at(error, PL_UNKNOWN, place, "there is no letter %s", id);
    json_decref(row);
    pl_free(bytes);
    return code;
}

static enum pl_code take_file(struct reinject *r, const char *path, struct pl_error **error) {
    FILE *in = strcmp(path, "-") == 0 ? stdin : fopen(path, "r");
    char *line = in ? pl_alloc(REPAIRED_MAX) : NULL;
    enum pl_code code = in ? PL_OK : pl_error_set(error, PL_NOT_FOUND, "%s: cannot be read", path);
    if (in && !line) code = pl_error_set(error, PL_NO_MEMORY, "no memory for a line");
    for (unsigned number = 1; !code && line && fgets(line, REPAIRED_MAX, in); number++)
        if (line[strspn(line, " \t\r\n")]) code = take_line(r, path, number, line, error);
    if (in && in != stdin) fclose(in);
    pl_free(line);
    return code;
}

/* ---- The verb ---- */

static enum pl_code queue(struct reinject *r, struct pl_error **error) {
    struct pl_letters_query query;
    const char *file = pl_cli_get(r->cli, "file");
    if (!pl__dead_query(r->cli, &query)) return pl_error_set(error, PL_USAGE, "nothing was queued");
    enum pl_code code = pl_audit_open(r->store, &r->audit, error);
    if (!code) code = pl_letters_open(r->store, r->tags, &r->letters, error);
    if (!code) code = pl_letters_settle(r->letters, error);
    if (!query.states) query.states = 1u << PL_LETTER_KEPT | 1u << PL_LETTER_REFUSED;
    if (!code) code = file ? take_file(r, file, error) : pl_letters_each(r->letters, &query, order_one, r, error);
    return code;
}

int pl__dead_reinject(const struct pl_cli *cli) {
    struct reinject r = {.cli = cli};
    struct pl_store_options options = {.sync_each = true};
    struct pl_error *error = NULL;
    const char *data = pl_cli_get(cli, "data");
    if (!pl_cli_data_key_of(cli, data, &options.key)) return PL_EXIT_USAGE;
    r.tags = pl_tags_new(&(struct pl_tags_options){.limit = PL__DEAD_NAMES_MAX});
    /* Opening for writing would make a folder that is not there. */
    options.read_only = true;
    enum pl_code code = r.tags ? pl_store_open(data, &options, &r.store, &error) : PL_NO_MEMORY;
    pl_store_close(r.store);
    r.store = NULL;
    options.read_only = false;
    if (!code) code = pl_store_open(data, &options, &r.store, &error);
    if (code == PL_BUSY) fputs("an engine runs on it: potline shell --data DIR -c 'dead reinject'\n", stderr);
    if (!code) code = queue(&r, &error);
    pl_store_key_unref(options.key);
    int exit_code = code ? pl__dead_failed(error, code) : PL_EXIT_OK;
    fprintf(stderr, "%" PRIu64 " queued, %" PRIu64 " left out\n", r.queued, r.left_out);
    pl_letters_close(r.letters);
    pl_audit_close(r.audit);
    pl_store_close(r.store);
    pl_tags_free(r.tags);
    return exit_code;
}
