/* doctor.c: `potline doctor`: looks through all of a data folder, and takes out what is damaged where nothing else
 * depends on it. */
#include <inttypes.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <potline/alloc.h>
#include <potline/text.h>

#include "base/clock.h"
#include "batch/tags.h"
#include "cli.h"
#include "control/users.h"
#include "data.h"
#include "log/check.h"
#include "store/audit.h"

enum { NAMES_MAX = 16000000 /* the most a graph may allow */, DROPS_MAX = 1 << 20 };

/* A damaged record that may go. */
struct drop {
    enum pl_store_family family;
    size_t key_size;
    char *text; /* the key stands behind it */
};

struct doctor {
    const struct pl_cli *cli;
    struct pl_store *store;
    struct pl_store_key *key;
    uint64_t findings;
    struct drop *drops;
    unsigned drop_count, drop_room;
    bool no_memory;
};

/* ---- Findings ---- */

/* Names in texts come from people and from damaged bytes: what moves a terminal's cursor stays out of it. */
static void put_text(const char *text) {
    for (; *text; text++)
        putchar((unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text);
}

static bool keep_drop(struct doctor *doctor, const struct pl_finding *finding) {
    if (doctor->drop_count == DROPS_MAX) return true; /* the next time */
    if (doctor->drop_count == doctor->drop_room) {
        unsigned room = doctor->drop_room ? 2 * doctor->drop_room : 16;
        struct drop *more = pl_realloc(doctor->drops, room * sizeof *more);
        if (!more) return false;
        doctor->drops = more;
        doctor->drop_room = room;
    }
    size_t length = strlen(finding->area) + strlen(finding->text) + 3;
    char *text = pl_alloc(length + finding->key_size);
    if (!text) return false;
    snprintf(text, length, "%s: %s", finding->area, finding->text);
    memcpy(text + length, finding->key, finding->key_size);
    doctor->drops[doctor->drop_count++] =
        (struct drop){.family = finding->family, .key_size = finding->key_size, .text = text};
    return true;
}

static void found(void *arg, const struct pl_finding *finding) {
    struct doctor *doctor = arg;
    doctor->findings++;
    printf("%s: ", finding->area);
    put_text(finding->text);
    putchar('\n');
    if (finding->removable && !keep_drop(doctor, finding)) doctor->no_memory = true;
}

static void ignore_user(void *arg, const struct pl_user *user) {
    (void)user;
    ((struct pl_check *)arg)->checked++;
}

static enum pl_code check_users(struct pl_check *check, struct pl_error **error) {
    enum pl_code code = pl_users_each(check->store, ignore_user, check, error);
    if (code != PL_CORRUPT) return code;
    pl_check_unreadable(check, "users", error);
    return PL_OK;
}

/* ---- Looking ---- */

static enum pl_code look(struct doctor *doctor, struct pl_check *check, struct pl_error **error) {
    static const char *const areas[] = {"bronze and its index", "silver", "gold", "dead", "checkpoint",
                                        "what people decided",  "users",  "audit"};
    enum pl_code code = PL_OK;
    for (unsigned i = 0; i < PL_COUNT_OF(areas) && !code; i++) {
        uint64_t findings = doctor->findings, checked = check->checked;
        switch (i) {
        case 0: code = pl_check_log(check, error); break;
        case 1: code = pl_check_zone(check, PL_SILVER, error); break;
        case 2: code = pl_check_zone(check, PL_GOLD, error); break;
        case 3: code = pl_check_zone(check, PL_DEAD, error); break;
        case 4: code = pl_check_state(check, error); break;
        case 5: code = pl_check_kept(check, error); break;
        case 6: code = check_users(check, error); break;
        default: code = pl_check_audit(check, error); break;
        }
        findings = doctor->findings - findings;
        if (!code)
            printf("%s: %" PRIu64 " entries, %" PRIu64 " finding%s\n", areas[i], check->checked - checked, findings,
                   findings == 1 ? "" : "s");
    }
    return code;
}

/* A file that is known to be damaged is a finding, and no reason not to look at the rest. */
static enum pl_code open_folder(struct doctor *doctor, const char *data, struct pl_error **error) {
    struct pl_store_options options = {.read_only = true, .key = doctor->key};
    enum pl_code code = pl_store_open(data, &options, &doctor->store, error);
    if (code != PL_CORRUPT) return code;
    printf("files: ");
    put_text((*error)->text);
    putchar('\n');
    doctor->findings++;
    pl_error_free(error);
    options.unchecked = true;
    return pl_store_open(data, &options, &doctor->store, error);
}

static enum pl_code examine(struct doctor *doctor, struct pl_error **error) {
    const char *data = pl_cli_get(doctor->cli, "data");
    struct pl_tags *tags = pl_tags_new(&(struct pl_tags_options){.limit = NAMES_MAX});
    if (!tags) return pl_error_set(error, PL_NO_MEMORY, "no memory for the names");
    enum pl_code code = open_folder(doctor, data, error);
    if (!code) {
        struct pl_check check = {.store = doctor->store, .tags = tags, .found = found, .arg = doctor};
        code = look(doctor, &check, error);
    }
    pl_store_close(doctor->store);
    doctor->store = NULL;
    pl_tags_free(tags);
    if (!code && doctor->no_memory) code = pl_error_set(error, PL_NO_MEMORY, "no memory for what was found");
    return code;
}

/* ---- Repairing ---- */

static bool agreed(const struct doctor *doctor) {
    char answer[16] = "";
    if (pl_cli_has(doctor->cli, "yes")) return true;
    printf("remove %u damaged record%s? Their rows are lost already. [y/N] ", doctor->drop_count,
           doctor->drop_count == 1 ? "" : "s");
    fflush(stdout);
    return fgets(answer, sizeof answer, stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}

/* Recorded first: what is in the audit and was not done is better than the other way round. */
static enum pl_code drop_one(struct doctor *doctor, struct pl_audit *audit, const struct drop *drop,
                             struct pl_error **error) {
    struct passwd *person = getpwuid(getuid());
    struct pl_clock wall;
    pl_clock_init(&wall, PL_CLOCK_WALL, 0);
    struct pl_audit_record record = {.time = pl_clock_now(&wall),
                                     .user = person ? person->pw_name : "unknown",
                                     .origin = "cli",
                                     .action = "doctor remove",
                                     .object = drop->text,
                                     .reason = "damaged",
                                     .outcome = "done"};
    enum pl_code code = pl_audit_append(audit, &record, error);
    if (code) return code;
    rocksdb_writebatch_t *writes = rocksdb_writebatch_create();
    rocksdb_writebatch_delete_cf(writes, doctor->store->family[drop->family], drop->text + strlen(drop->text) + 1,
                                 drop->key_size);
    code = pl_store_write(doctor->store, writes, error);
    rocksdb_writebatch_destroy(writes);
    if (code) return code;
    fputs("removed: ", stdout);
    put_text(drop->text);
    putchar('\n');
    doctor->findings--;
    return PL_OK;
}

static enum pl_code repair(struct doctor *doctor, struct pl_error **error) {
    struct pl_audit *audit = NULL;
    if (!doctor->drop_count || !agreed(doctor)) return PL_OK;
    const char *data = pl_cli_get(doctor->cli, "data");
    enum pl_code code = pl_store_open(data, &(struct pl_store_options){.key = doctor->key}, &doctor->store, error);
    if (!code) code = pl_audit_open(doctor->store, &audit, error);
    for (unsigned i = 0; i < doctor->drop_count && !code; i++)
        code = drop_one(doctor, audit, &doctor->drops[i], error);
    pl_audit_close(audit);
    pl_store_close(doctor->store);
    doctor->store = NULL;
    return code;
}

/* ---- The command ---- */

static int run_doctor(const struct pl_cli *cli) {
    struct doctor doctor = {.cli = cli};
    struct pl_error *error = NULL;
    if (!pl_cli_get(cli, "data")) return pl_cli_usage(cli, "--data DIR is needed");
    if (pl_cli_has(cli, "yes") && !pl_cli_has(cli, "repair")) return pl_cli_usage(cli, "--yes is for --repair");
    if (!pl_cli_data_key_of(cli, pl_cli_get(cli, "data"), &doctor.key)) return PL_EXIT_USAGE;
    enum pl_code code = examine(&doctor, &error);
    if (!code && pl_cli_has(cli, "repair")) code = repair(&doctor, &error);
    if (code) {
        fputs("potline doctor: ", stderr);
        pl_error_print(stderr, error);
        pl_error_free(&error);
    } else {
        printf("%" PRIu64 " finding%s\n", doctor.findings, doctor.findings == 1 ? "" : "s");
    }
    for (unsigned i = 0; i < doctor.drop_count; i++)
        pl_free(doctor.drops[i].text);
    pl_free(doctor.drops);
    pl_store_key_unref(doctor.key);
    return code || doctor.findings ? PL_EXIT_FAILED : PL_EXIT_OK;
}

const struct pl_subcommand pl_subcommand_doctor = {
    .name = "doctor",
    .operands = "",
    .summary = "Look through all of a data folder.",
    .doc =
        "Reads every record with its checksum, looks for gaps in the log, follows the chain of the audit, and reads "
        "the\n"
        "checkpoint and what people decided. A line a finding; the exit code is 1 when there are any. An engine may "
        "be\n"
        "running on the folder, but not for --repair.\n"
        "--repair removes damaged records of silver, gold and dead, after asking, and records it in the audit. Damage "
        "of\n"
        "the log, the checkpoint or the audit is told and left: from there on only a backup helps, or another folder.",
    .options = PL_CLI_OPTIONS({"data", "DIR", "The data folder.", 0}, PL_CLI_KEY_FILE,
                              {"repair", NULL, "Remove what is damaged where nothing else depends on it.", 0},
                              {"yes", NULL, "Do not ask.", 'y'}),
    .run = run_doctor,
};
