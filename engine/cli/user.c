/* user.c: `potline user`: who there is, in a data folder that no engine holds. */
#include "cli.h"

#include <jansson.h>
#include <openssl/crypto.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/text.h>

#include "base/clock.h"
#include "control/users.h"
#include "data.h"
#include "note.h"
#include "password.h"

/* What a verb works on. */
struct work {
    const struct pl_cli *cli;
    struct pl_store *store;
    struct pl_store_key *key;
    const char *name;
    enum pl_role role;
    char password[PL_CLI_PASSWORD];
    struct pl_audit_record record; /* from and to: what it changed */
};

struct verb {
    const char *name;
    int operands; /* behind the verb */
    bool asks_role, asks_password;
    const char *written, *action;
    enum pl_code (*run)(struct work *work, struct pl_error **error);
};

/* ---- The verbs that change something ---- */

static pl_time now(void) {
    struct pl_clock wall;
    pl_clock_init(&wall, PL_CLOCK_WALL, 0);
    return pl_clock_now(&wall);
}

static enum pl_code run_add(struct work *work, struct pl_error **error) {
    work->record.to = pl_role_names[work->role];
    return pl_users_add(work->store, work->name, work->role, work->password, now(), error);
}

static enum pl_code run_remove(struct work *work, struct pl_error **error) {
    work->record.to = "removed";
    return pl_users_remove(work->store, work->name, error);
}

static enum pl_code run_passwd(struct work *work, struct pl_error **error) {
    work->record.to = "new password";
    return pl_users_set_password(work->store, work->name, work->password, now(), error);
}

static enum pl_code run_role(struct work *work, struct pl_error **error) {
    struct pl_user user;
    enum pl_code code = pl_users_find(work->store, work->name, &user, error);
    if (code) return code;
    work->record.from = pl_role_names[user.role];
    work->record.to = pl_role_names[work->role];
    return pl_users_set_role(work->store, work->name, work->role, error);
}

static const struct verb verbs[] = {
    {"add", 1, true, true, "add NAME --role ROLE", "users add", run_add},
    {"list", 0, false, false, "list", NULL, NULL},
    {"remove", 1, false, false, "remove NAME", "users remove", run_remove},
    {"passwd", 1, false, true, "passwd NAME", "users passwd", run_passwd},
    {"role", 2, true, false, "role NAME ROLE", "users role", run_role},
    {.name = NULL},
};

static enum pl_code note(struct work *work, const struct verb *verb, const char *outcome, struct pl_error **error) {
    work->record.action = verb->action;
    work->record.object = work->name;
    work->record.outcome = outcome;
    return pl_cli_note(work->store, &work->record, error);
}

static int complain(struct pl_error *error) {
    fputs("potline user: ", stderr);
    pl_error_print(stderr, error);
    pl_error_free(&error);
    return PL_EXIT_FAILED;
}

/* While an engine holds the folder, its own command does it. */
static int failed(const struct work *work, const struct verb *verb, enum pl_code code, struct pl_error *error) {
    if (code != PL_BUSY) return complain(error);
    const char *file = verb->asks_password ? pl_cli_get(work->cli, "password-file") : NULL;
    fprintf(stderr, "potline user: an engine holds this folder; use: potline shell --data %s%s%s -c '%s %s%s%s'\n",
            pl_cli_get(work->cli, "data"), file ? " --new-password-file " : "", file ? file : "", verb->action,
            work->name, verb->asks_role ? " " : "", verb->asks_role ? pl_role_names[work->role] : "");
    pl_error_free(&error);
    return PL_EXIT_FAILED;
}

/* Only add makes a folder: the others would change nobody in a new one. */
static enum pl_code open_folder(struct work *work, const char *folder, bool make, struct pl_error **error) {
    struct pl_store *there = NULL;
    enum pl_code code =
        make ? PL_OK
             : pl_store_open(folder, &(struct pl_store_options){.read_only = true, .key = work->key}, &there, error);
    pl_store_close(there);
    return code ? code : pl_store_open(folder, &(struct pl_store_options){.key = work->key}, &work->store, error);
}

static int change(struct work *work, const struct verb *verb) {
    struct pl_error *error = NULL;
    const char *data = pl_cli_get(work->cli, "data");
    bool make = verb->run == run_add;
    char *folder = make ? pl_cli_data_folder(data, "") : pl_strdup(data);
    if (!folder) return PL_EXIT_FAILED;
    enum pl_code code = open_folder(work, folder, make, &error);
    pl_free(folder);
    if (code) return failed(work, verb, code, error);
    int exit_code = PL_EXIT_FAILED;
    if (!verb->asks_password || pl_cli_password(pl_cli_get(work->cli, "password-file"), work->name, work->password)) {
        code = verb->run(work, &error);
        char *refused = code ? pl_error_text(error) : NULL;
        enum pl_code noted = note(work, verb, code ? refused : "done", code ? NULL : &error);
        pl_free(refused);
        if (!code) code = noted;
        if (!code) code = pl_store_sync(work->store, &error);
        exit_code = code ? failed(work, verb, code, error) : PL_EXIT_OK;
    }
    OPENSSL_cleanse(work->password, sizeof work->password);
    pl_store_close(work->store);
    return exit_code;
}

/* ---- list: also beside a running engine ---- */

static void add_row(void *rows, const struct pl_user *user) {
    char created[PL_TEXT_TIME_MAX], changed[PL_TEXT_TIME_MAX];
    *pl_text_put_time(created, user->created) = 0;
    *pl_text_put_time(changed, user->changed) = 0;
    json_array_append_new(rows, json_pack("{s:s, s:s, s:s, s:s}", "user", user->name, "role", pl_role_names[user->role],
                                          "created", created, "password_changed", changed));
}

static void print_rows(const json_t *rows) {
    size_t i;
    json_t *row;
    json_array_foreach((json_t *)rows, i, row) {
        printf("%-24s %-10s password of %s\n", json_string_value(json_object_get(row, "user")),
               json_string_value(json_object_get(row, "role")),
               json_string_value(json_object_get(row, "password_changed")));
    }
}

static int list(struct work *work) {
    struct pl_error *error = NULL;
    json_t *rows = json_array();
    enum pl_code code =
        pl_store_open(pl_cli_get(work->cli, "data"), &(struct pl_store_options){.read_only = true, .key = work->key},
                      &work->store, &error);
    if (!code) code = pl_users_each(work->store, add_row, rows, &error);
    pl_store_close(work->store);
    if (!code && pl_cli_has(work->cli, "json")) {
        json_dumpf(rows, stdout, JSON_INDENT(2));
        putchar('\n');
    } else if (!code) {
        print_rows(rows);
    }
    json_decref(rows);
    return code ? complain(error) : PL_EXIT_OK;
}

/* ---- What was asked ---- */

static bool read_role(const struct pl_cli *cli, const char *text, enum pl_role *role) {
    if (!text) {
        pl_cli_usage(cli, "a role is missing: operator, engineer, manager, executive or admin");
        return false;
    }
    for (unsigned i = 0; i < PL_ROLES; i++)
        if (strcmp(pl_role_names[i], text) == 0) {
            *role = (enum pl_role)i;
            return true;
        }
    const char *nearest = pl_text_nearest(text, pl_role_names, PL_ROLES);
    if (nearest)
        pl_cli_usage(cli, "there is no role \"%s\"; did you mean %s?", text, nearest);
    else
        pl_cli_usage(cli, "there is no role \"%s\"; there are operator, engineer, manager, executive and admin", text);
    return false;
}

static int user(const struct pl_cli *cli) {
    struct work work = {.cli = cli};
    int which = pl_cli_verb(cli, verbs, sizeof *verbs);
    if (which < 0) return PL_EXIT_USAGE;
    const struct verb *verb = &verbs[which];
    if (pl_cli_count(cli) != 1 + verb->operands) return pl_cli_usage(cli, "write: potline user %s", verb->written);
    if (!pl_cli_get(cli, "data")) return pl_cli_usage(cli, "--data DIR is needed");
    const char *role = verb->operands == 2 ? pl_cli_operand(cli, 2) : pl_cli_get(cli, "role");
    if (verb->asks_role && !read_role(cli, role, &work.role)) return PL_EXIT_USAGE;
    if (!pl_cli_data_key_of(cli, pl_cli_get(cli, "data"), &work.key)) return PL_EXIT_USAGE;
    work.name = pl_cli_operand(cli, 1);
    int exit_code = verb->run ? change(&work, verb) : list(&work);
    pl_store_key_unref(work.key);
    return exit_code;
}

const struct pl_subcommand pl_subcommand_user = {
    .name = "user",
    .operands = "add NAME|list|remove NAME|passwd NAME|role NAME ROLE",
    .least = 1,
    .most = 3,
    .summary = "Who may use the engine of a data folder.",
    .doc =
        "add and passwd ask for the password on the terminal, twice, or take the first line of standard input or of\n"
        "a file. Roles are operator, engineer, manager, executive and admin; the last admin stays. While an engine\n"
        "holds the folder, only list works; its own commands (users add, ...) do the rest. Whoever may open the socket "
        "in\n"
        "the folder (its owner, and root) is an admin without signing in, also when there are users; run\n"
        "--require-login wants a login there too.",
    /* clang-format off */
    .options = PL_CLI_OPTIONS(
        {"data", "DIR", "The data folder; add makes it.", 0},
        PL_CLI_KEY_FILE,
        {"role", "ROLE", "What the new user may do.", 0},
        {"password-file", "FILE", "Take the password from the first line of a file.", 0},
        {"json", NULL, "Print the list as JSON.", 0}),
    /* clang-format on */
    .run = user,
};
