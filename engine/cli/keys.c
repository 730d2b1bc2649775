/* keys.c: `potline keys`: making a key, and giving a data folder one. */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include <potline/text.h>

#include "data.h"
#include "http/identity.h"
#include "key.h"
#include "note.h"
#include "store/rekey.h"
#include "store/version.h"

enum { MIB = 1 << 20, TOLD_FROM = 64 * MIB /* less is done at once */ };

static int complain(struct pl_error *error) {
    fputs("potline keys: ", stderr);
    pl_error_print(stderr, error);
    pl_error_free(&error);
    return PL_EXIT_FAILED;
}

/* ---- Keys alone ---- */

/* The file is made for its owner alone, and never in the place of another: it may hold the only key to a folder. */
static bool write_key(const char *path, const char *line, size_t size) {
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) return false;
    bool good = write(fd, line, size) == (ssize_t)size && fsync(fd) == 0;
    return close(fd) == 0 && good;
}

static int run_generate(const struct pl_cli *cli) {
    char line[PL_STORE_KEY_TEXT + 1];
    struct pl_error *error = NULL;
    const char *path = pl_cli_get(cli, "out");
    if (pl_store_key_generate(line, &error)) return complain(error);
    memcpy(line + PL_STORE_KEY_TEXT - 1, "\n", 2);
    bool good = true;
    if (path) {
        good = write_key(path, line, PL_STORE_KEY_TEXT);
        if (!good) fprintf(stderr, "potline keys: %s: %s\n", path, strerror(errno));
    } else {
        fputs(line, stdout);
    }
    OPENSSL_cleanse(line, sizeof line);
    return good ? PL_EXIT_OK : PL_EXIT_FAILED;
}

/* The secret half goes into the file, the public one to standard output: that one is told to everybody. */
static int run_curve(const struct pl_cli *cli) {
    char public[PL_CLI_KEY], secret[PL_CLI_KEY + 1];
    const char *path = pl_cli_get(cli, "out");
    if (!path) return pl_cli_usage(cli, "--out FILE, where the secret key goes, is needed");
    do
        if (zmq_curve_keypair(public, secret)) {
            fprintf(stderr, "potline keys: no key: %s\n", zmq_strerror(errno));
            return PL_EXIT_FAILED;
        }
    while (public[0] == '-'); /* it would be taken for an option */
    memcpy(secret + PL_CLI_KEY - 1, "\n", 2);
    bool good = write_key(path, secret, PL_CLI_KEY);
    if (good)
        puts(public);
    else
        fprintf(stderr, "potline keys: %s: %s\n", path, strerror(errno));
    OPENSSL_cleanse(secret, sizeof secret);
    return good ? PL_EXIT_OK : PL_EXIT_FAILED;
}

static int run_id(const struct pl_cli *cli) {
    struct pl_store_key *key;
    if (!pl_cli_data_key(cli, &key)) return PL_EXIT_USAGE;
    if (!key) return pl_cli_usage(cli, "--key-file FILE is needed");
    puts(pl_store_key_id(key));
    pl_store_key_unref(key);
    return PL_EXIT_OK;
}

/* ---- The key of a folder ---- */

struct change {
    const struct pl_cli *cli;
    const char *data, *action;
    struct pl_store_key *from, *to;
    int told; /* tenths that have been shown */
};

static void show_progress(void *arg, uint64_t done, uint64_t all) {
    struct change *change = arg;
    int tenths = all ? (int)(done * 10 / all) : 10;
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r%6.1f %% of %" PRIu64 " MiB ", all ? 100 * (double)done / (double)all : 100, all / MIB);
    else if (all >= TOLD_FROM && tenths > change->told)
        fprintf(stderr, "potline keys: %d %% of %" PRIu64 " MiB\n", tenths * 10, all / MIB);
    change->told = tenths;
}

static const char *name_of(const struct pl_store_key *key) {
    return key ? pl_store_key_id(key) : "in the clear";
}

/* Into the audit of the folder, which is under `key` now. */
static enum pl_code note(const struct change *change, struct pl_store_key *key, const char *outcome,
                         struct pl_error **error) {
    struct pl_store *store;
    struct pl_audit_record record = {.action = change->action,
                                     .object = "store",
                                     .from = name_of(change->from),
                                     .to = name_of(change->to),
                                     .outcome = outcome};
    enum pl_code code = pl_store_open(change->data, &(struct pl_store_options){.key = key}, &store, error);
    if (code) return code;
    code = pl_cli_note(store, &record, error);
    if (!code) code = pl_store_sync(store, error);
    pl_store_close(store);
    return code;
}

static void say_what_was_done(const struct change *change, const struct pl_rekey *rekey) {
    if (isatty(STDERR_FILENO)) fprintf(stderr, "\r%40s\r", "");
    if (rekey->was_done) {
        fprintf(stderr, "%s is under the key %s already\n", change->data, name_of(change->to));
        return;
    }
    fprintf(stderr, "%" PRIu64 " files (%" PRIu64 " MiB) encrypted, %" PRIu64 " had been before\n", rekey->files,
            rekey->bytes / MIB, rekey->reused);
    if (rekey->ahead)
        fprintf(stderr, "end the engine and run this again without --ahead: only what is new is then left to do\n");
    else
        fprintf(stderr, "%s is now under the key %s\n", change->data, name_of(change->to));
}

static int failed(const struct change *change, enum pl_code code, struct pl_error *error) {
    complain(error);
    if (code == PL_BUSY && !pl_cli_has(change->cli, "ahead"))
        fprintf(stderr, "potline keys: with --ahead, most of the work is done beside a running engine\n");
    return code == PL_NOT_FOUND ? PL_EXIT_USAGE : PL_EXIT_FAILED;
}

static enum pl_code rekey_version(void *arg, const char *name, const char *path, struct pl_error **error) {
    struct change *change = arg;
    struct pl_rekey rekey = {.path = path, .from = change->from, .to = change->to};
    (void)name;
    enum pl_code code = pl_store_rekey(&rekey, error);
    if (code != PL_NOT_FOUND) return code;
    pl_error_free(error); /* what is left of one that was not finished */
    return PL_OK;
}

/* The audit has a record in front of the change, which is copied with the rest, and one behind it. */
static int change_key(struct change *change) {
    struct pl_error *error = NULL;
    struct pl_rekey rekey = {.path = change->data,
                             .from = change->from,
                             .to = change->to,
                             .ahead = pl_cli_has(change->cli, "ahead"),
                             .progress = show_progress,
                             .arg = change};
    bool changes = pl_store_key_check(change->data, change->to, NULL) != PL_OK;
    if (changes && !pl_cli_data_fits(change->cli, change->data, change->from)) return PL_EXIT_USAGE;
    bool noted = changes && !rekey.ahead;
    enum pl_code code = noted ? note(change, change->from, "begun", &error) : PL_OK;
    if (!code) code = pl_store_rekey(&rekey, &error);
    if (!code && !rekey.ahead) code = pl_identity_rekey(change->data, change->from, change->to, &error);
    if (!code && !rekey.ahead) code = pl_versions_each(change->data, rekey_version, change, &error);
    if (code) return failed(change, code, error);
    say_what_was_done(change, &rekey);
    code = noted ? note(change, change->to, "done", &error) : PL_OK;
    return code ? complain(error) : PL_EXIT_OK;
}

static int run_encrypt(const struct pl_cli *cli) {
    struct change change = {.cli = cli, .data = pl_cli_get(cli, "data"), .action = "keys encrypt"};
    if (!change.data) return pl_cli_usage(cli, "--data DIR is needed");
    if (pl_cli_get(cli, "new-key-file")) return pl_cli_usage(cli, "encrypt takes its key by --key-file");
    if (!pl_cli_data_key(cli, &change.to)) return PL_EXIT_USAGE;
    if (!change.to) return pl_cli_usage(cli, "--key-file FILE is needed");
    int exit_code = change_key(&change);
    pl_store_key_unref(change.to);
    return exit_code;
}

static int rotate_keys(struct change *change) {
    const char *path = pl_cli_get(change->cli, "new-key-file");
    struct pl_error *error = NULL;
    if (pl_store_key_read(path, PL_STORE_KEY_FILE, &change->to, &error)) {
        complain(error);
        return PL_EXIT_USAGE;
    }
    if (strcmp(pl_store_key_id(change->from), pl_store_key_id(change->to)) == 0)
        return pl_cli_usage(change->cli, "the new key is the old one (%s)", pl_store_key_id(change->to));
    return change_key(change);
}

static int run_rotate(const struct pl_cli *cli) {
    struct change change = {.cli = cli, .data = pl_cli_get(cli, "data"), .action = "keys rotate"};
    if (!change.data) return pl_cli_usage(cli, "--data DIR is needed");
    if (!pl_cli_get(cli, "new-key-file")) return pl_cli_usage(cli, "--new-key-file FILE is needed");
    if (!pl_cli_data_key(cli, &change.from)) return PL_EXIT_USAGE;
    if (!change.from)
        return pl_cli_usage(cli, "--key-file FILE, the key until now, is needed; a folder in the clear takes encrypt");
    int exit_code = rotate_keys(&change);
    pl_store_key_unref(change.from);
    pl_store_key_unref(change.to);
    return exit_code;
}

/* ---- What was asked ---- */

static const struct {
    const char *name;
    int (*run)(const struct pl_cli *cli);
} verbs[] = {{"generate", run_generate}, {"curve", run_curve},   {"id", run_id},
             {"encrypt", run_encrypt},   {"rotate", run_rotate}, {NULL, NULL}};

static int keys(const struct pl_cli *cli) {
    int which = pl_cli_verb(cli, verbs, sizeof *verbs);
    return which < 0 ? PL_EXIT_USAGE : verbs[which].run(cli);
}

const struct pl_subcommand pl_subcommand_keys = {
    .name = "keys",
    .operands = "generate|curve|id|encrypt|rotate",
    .least = 1,
    .most = 1,
    .summary = "Keys: of encrypted data folders, and of run --control.",
    .doc =
        "generate prints a new key: one line, base64 of 32 bytes, which is what a key file holds (readable by its\n"
        "owner alone). curve makes a pair of keys for run --control: the secret one goes into the file of --out, for\n"
        "run --control-key, and the public one is printed, for shell --server-key. id prints what a key is called in\n"
        "messages and in the audit; it does not tell the key.\n"
        "encrypt gives a folder that is in the clear a key; rotate gives an encrypted one another. Both write every\n"
        "file anew, beside the old ones, which takes as much room again, and exchange all of them at once: until\n"
        "then the folder is what it was, and a call that was interrupted is simply made again. The folder has to be\n"
        "closed; with --ahead most of the work is done before, beside a running engine.",
    /* clang-format off */
    .options = PL_CLI_OPTIONS(
        {"data", "DIR", "The data folder.", 0},
        PL_CLI_KEY_FILE,
        {"new-key-file", "FILE", "The key from now on (rotate).", 0},
        {"ahead", NULL, "Only encrypt ahead what will not change any more; the engine may be running.", 0},
        {"out", "FILE", "Write the new key to this file, which must not be there yet (generate, curve).", 'o'}),
    /* clang-format on */
    .run = keys,
};
