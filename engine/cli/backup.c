/* backup.c: `potline backup` and `potline restore`: data folders kept in another place, and back. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <potline/alloc.h>
#include <potline/text.h>

#include "base/clock.h"
#include "copy.h"
#include "data.h"
#include "progress.h"

enum { MIB = 1 << 20 };

static pl_time now(void) {
    struct pl_clock wall;
    pl_clock_init(&wall, PL_CLOCK_WALL, 0);
    return pl_clock_now(&wall);
}

/* A number of at least 1; 0 where the option is not given. False after saying what is wrong. */
static bool number_of(const struct pl_cli *cli, const char *option, uint64_t *number, int *exit_code) {
    const char *text = pl_cli_get(cli, option);
    int64_t value = 0;
    *number = 0;
    if (!text) return true;
    if (pl_text_int(text, strlen(text), &value) && value >= 1) {
        *number = (uint64_t)value;
        return true;
    }
    *exit_code = pl_cli_usage(cli, "--%s: \"%s\" is not a number of at least 1", option, text);
    return false;
}

/* ---- What there is ---- */

struct list {
    bool json;
    unsigned rows;
};

static void print_json(const struct pl_backup_info *info, const char *time) {
    json_t *row = json_pack("{sI ss sI ss ss ss* sI sI}", "backup", (json_int_t)info->id, "time", time, "epoch",
                            (json_int_t)info->epoch, "key", info->key_id, "folder", info->identity, "of", info->of,
                            "files", (json_int_t)info->files, "bytes", (json_int_t)info->bytes);
    if (row) json_dumpf(row, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(row);
}

static void show(void *arg, const struct pl_backup_info *info) {
    struct list *list = arg;
    char time[PL_TEXT_TIME_MAX];
    *pl_text_put_time(time, info->time / PL_SECOND * PL_SECOND) = 0;
    if (list->json) {
        print_json(info, time);
        return;
    }
    if (!list->rows++)
        printf("%6s  %-20s  %8s  %-16s  %6s  %10s  %s\n", "backup", "time", "epoch", "key", "files", "MiB", "of");
    printf("%6" PRIu64 "  %-20s  %8" PRIu64 "  %-16s  %6" PRIu64 "  %10.1f  %s\n", info->id, time, info->epoch,
           info->key_id[0] ? info->key_id : "(in the clear)", info->files, (double)info->bytes / MIB, info->of);
}

static int list_all(const struct pl_cli *cli, const char *place) {
    struct list list = {.json = pl_cli_has(cli, "json")};
    struct pl_error *error = NULL;
    enum pl_code code = pl_backup_each(place, show, &list, &error);
    return code ? pl_cli_copy_failed(cli, code, error) : PL_EXIT_OK;
}

static int verify_all(const struct pl_cli *cli, const char *place) {
    struct pl_cli_progress progress = {.command = "backup"};
    struct pl_error *error = NULL;
    uint64_t files;
    enum pl_code code = pl_backup_verify(place, pl_cli_progress_go_on, &progress, &files, &error);
    pl_cli_progress_end(&progress);
    if (code) return pl_cli_copy_failed(cli, code, error);
    fprintf(stderr, "every backup is whole: %" PRIu64 " files read\n", files);
    return PL_EXIT_OK;
}

/* ---- Making one ---- */

static int by_engine(const struct pl_cli *cli, const char *data, const char *place) {
    char *path = pl_cli_copy_path(place);
    const char *words[6] = {"backup", "--to", path};
    unsigned count = 3;
    if (!path) return PL_EXIT_FAILED;
    if (pl_cli_get(cli, "keep")) {
        words[count++] = "--keep";
        words[count++] = pl_cli_get(cli, "keep");
    }
    if (pl_cli_has(cli, "verify")) words[count++] = "--verify";
    int exit_code = pl_cli_copy_ask(cli, data, words, count);
    pl_free(path);
    return exit_code;
}

static void say_what_was_made(const struct pl_backup *backup, char outcome[160]) {
    snprintf(outcome, 160, "backup %" PRIu64 ": %" PRIu64 " files, %" PRIu64 " of them (%" PRIu64 " MiB) copied",
             backup->made.id, backup->made.files, backup->copied_files, backup->copied_bytes / MIB);
    fprintf(stderr, "%s\n", outcome);
    if (backup->pruned) fprintf(stderr, "%" PRIu64 " older removed\n", backup->pruned);
}

/* Nobody has the folder open. */
static int by_itself(const struct pl_cli *cli, const char *data, const char *place, struct pl_backup_hold *hold,
                     uint64_t keep) {
    struct pl_cli_progress progress = {.command = "backup"};
    struct pl_backup backup = {.from = data,
                               .to = place,
                               .keep = keep,
                               .verify = pl_cli_has(cli, "verify"),
                               .time = now(),
                               .progress = pl_cli_progress_go_on,
                               .arg = &progress};
    struct pl_error *error = NULL;
    char outcome[160];
    if (!pl_cli_data_key_of(cli, data, &backup.key)) {
        pl_backup_release(hold);
        return PL_EXIT_USAGE;
    }
    enum pl_code code = pl_backup_make(&backup, &error);
    pl_cli_progress_end(&progress);
    pl_backup_release(hold);
    if (!code) {
        say_what_was_made(&backup, outcome);
        pl_cli_copy_note(
            cli, data, backup.key,
            &(struct pl_audit_record){.action = "backup", .object = place, .outcome = "done", .detail = outcome});
    }
    pl_store_key_unref(backup.key);
    return code ? pl_cli_copy_failed(cli, code, error) : PL_EXIT_OK;
}

static int run_backup(const struct pl_cli *cli) {
    const char *data = pl_cli_get(cli, "data"), *place = pl_cli_get(cli, "to"), *list = pl_cli_get(cli, "list");
    struct pl_backup_hold *hold;
    uint64_t keep;
    int exit_code = PL_EXIT_OK;
    if (list && (data || place)) return pl_cli_usage(cli, "--list goes without --data and --to");
    if (list) return list_all(cli, list);
    if (!place) return pl_cli_usage(cli, "--to DIR, where backups are kept, is needed (or --list)");
    if (!data && pl_cli_has(cli, "verify")) return verify_all(cli, place);
    if (!data) return pl_cli_usage(cli, "--data DIR is needed (or --verify alone)");
    if (!number_of(cli, "keep", &keep, &exit_code)) return exit_code;
    if (!pl_cli_copy_hold(cli, data, &hold, &exit_code)) return exit_code;
    exit_code = hold ? by_itself(cli, data, place, hold, keep) : by_engine(cli, data, place);
    return exit_code;
}

const struct pl_subcommand pl_subcommand_backup = {
    .name = "backup",
    .operands = "",
    .summary = "Keep a data folder in another place.",
    .doc =
        "Adds a backup to those that are kept in the folder of --to. Tables that an earlier one has are not copied\n"
        "again; what is copied is read back and compared. An engine may be running on the folder: it makes the backup\n"
        "then, beside its work, and --to is a path on its machine. A backup of an encrypted folder is encrypted with\n"
        "the same key. One that is interrupted leaves the earlier ones whole; it is simply made again.\n"
        "--verify reads the files of earlier backups that this one shares, and without --data those of all.\n"
        "\n"
        "One place may keep backups of several data folders, which are known also where they have been moved; --keep\n"
        "counts those of this one. What potline replay has made (the versions in DIR/versions) is not in a backup.",
    .options = PL_CLI_OPTIONS({"data", "DIR", "The data folder.", 0}, PL_CLI_KEY_FILE,
                              {"to", "DIR", "Where backups are kept; made when it is not there.", 0},
                              {"keep", "N", "So many of this folder stay, with this one; older ones are removed.", 0},
                              {"verify", NULL, "Read again what is there already.", 0},
                              {"list", "DIR", "Print which backups are kept there.", 0},
                              {"json", NULL, "With --list: an object a line.", 0}),
    .run = run_backup,
};

/* ---- Back ---- */

/* Which one, and the key that opens it. */
static bool choose(const struct pl_cli *cli, struct pl_restore *restore, struct pl_backup_info *info,
                   struct pl_store_key **key, int *exit_code) {
    struct pl_error *error = NULL;
    const char *at = pl_cli_get(cli, "at");
    restore->at = PL_TIME_MAX;
    if (at && !pl_text_time(at, strlen(at), &restore->at)) {
        *exit_code = pl_cli_usage(cli, "--at: \"%s\" is not a time; write 2026-11-26T06:00:00Z", at);
        return false;
    }
    if (!number_of(cli, "id", &restore->id, exit_code)) return false;
    enum pl_code code = pl_backup_find(restore->from, restore->id, restore->at, info, &error);
    if (code) {
        *exit_code = pl_cli_copy_failed(cli, code, error);
        return false;
    }
    *exit_code = PL_EXIT_USAGE;
    if (!pl_cli_data_key(cli, key)) return false;
    if (strcmp(info->key_id, *key ? pl_store_key_id(*key) : "") == 0) return true;
    pl_cli_usage(cli, "backup %" PRIu64 " is %s%s; the key that is given is %s", info->id,
                 info->key_id[0] ? "encrypted with the key " : "in the clear", info->key_id,
                 *key ? pl_store_key_id(*key) : "none (--key-file FILE, or POTLINE_KEY_FILE)");
    pl_store_key_unref(*key);
    *key = NULL;
    return false;
}

static void note_restored(const struct pl_cli *cli, const struct pl_restore *restore, struct pl_store_key *key) {
    char from[64], time[PL_TEXT_TIME_MAX];
    *pl_text_put_time(time, restore->restored.time) = 0;
    snprintf(from, sizeof from, "backup %" PRIu64 " of %.32s", restore->restored.id, time);
    pl_cli_copy_note(cli, restore->to, key,
                     &(struct pl_audit_record){.action = "restore",
                                               .object = "store",
                                               .from = from,
                                               .to = restore->to,
                                               .outcome = "done",
                                               .detail = restore->from});
    fprintf(stderr, "%s is %s, epoch %" PRIu64 ", of the data folder %s\n", restore->to, from, restore->restored.epoch,
            restore->restored.of);
}

static int run_restore(const struct pl_cli *cli) {
    struct pl_cli_progress progress = {.command = "restore"};
    struct pl_restore restore = {.from = pl_cli_get(cli, "from"),
                                 .to = pl_cli_get(cli, "data"),
                                 .progress = pl_cli_progress_go_on,
                                 .arg = &progress};
    struct pl_backup_info info;
    struct pl_store_key *key = NULL;
    struct pl_error *error = NULL;
    int exit_code = PL_EXIT_OK;
    if (!restore.from || !restore.to) return pl_cli_usage(cli, "--from DIR and --data DIR are needed");
    if (pl_cli_get(cli, "at") && pl_cli_get(cli, "id")) return pl_cli_usage(cli, "--at or --id, not both");
    if (!choose(cli, &restore, &info, &key, &exit_code)) return exit_code;
    restore.id = info.id;
    enum pl_code code = pl_backup_restore(&restore, &error);
    pl_cli_progress_end(&progress);
    if (!code) note_restored(cli, &restore, key);
    pl_store_key_unref(key);
    return code ? pl_cli_copy_failed(cli, code, error) : PL_EXIT_OK;
}

const struct pl_subcommand pl_subcommand_restore = {
    .name = "restore",
    .operands = "",
    .summary = "A data folder back from its backups.",
    .doc =
        "Makes the data folder what it was when a backup was made: the newest one, or the one of --at or --id (which\n"
        "it has to be where backups of several folders are kept). It\n"
        "must not be there yet, or be empty. Every file is compared with its checksum; until all are there the\n"
        "folder is none, and a restore that was interrupted is simply made again. A run goes on from there; what\n"
        "came in since the backup is read again from sources that can go back. Output files are not in a backup:\n"
        "a sink cuts its file back to where it was at the checkpoint, and goes on there.",
    .options = PL_CLI_OPTIONS({"from", "DIR", "Where backups are kept.", 0},
                              {"data", "DIR", "The data folder that is to be made.", 0}, PL_CLI_KEY_FILE,
                              {"at", "TIME", "The last backup that was made by then, as 2026-11-26T06:00:00Z.", 0},
                              {"id", "N", "This backup; see potline backup --list.", 0}),
    .run = run_restore,
};
