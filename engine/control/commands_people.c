/* commands_people.c: who may do what, and what they have done. Passwords travel beside the words of a command, so that
 * they are in no history, log or audit. */
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

#include <potline/alloc.h>
#include <potline/text.h>

#include "control/control_impl.h"
#include "control/users.h"

enum { LOGINS_MAX = 4 };

struct user_args {
    const char *user;
    uint32_t role;
};

static enum pl_code store_of(const struct pl_request *request, struct pl_store **store, struct pl_error **error) {
    *store = pl_engine_store(request->control->options.engine);
    return *store ? PL_OK : pl_error_set(error, PL_UNAVAILABLE, "this run has no data folder, so it knows no users");
}

/* ---- login: scrypt takes a tenth of a second, on a thread of libuv's ---- */

struct login {
    uv_work_t work;
    struct pl_request *request;
    struct pl_store *store;
    char name[PL_USER_NAME_MAX + 1];
    struct pl_user user;
    enum pl_code code;
    struct pl_error *error;
};

static void verify(uv_work_t *work) {
    struct login *login = work->data;
    login->code = pl_users_verify(login->store, login->name, login->request->password, &login->user, &login->error);
    OPENSSL_thread_stop(); /* a thread of the pool does not end: what is kept for it is given back now */
}

static void welcome(struct pl_request *request, const struct pl_user *user) {
    char token[PL_TOKEN_TEXT] = "";
    snprintf(request->who.name, sizeof request->who.name, "%s", user->name);
    request->who.role = user->role;
    request->who.known = true;
    if (!request->ask) pl_sessions_begin(request->control->sessions, &request->who, token);
    struct pl_pack *pack = pl_request_row(request, 3);
    pl_pack_pair_str(pack, "session", token);
    pl_pack_pair_str(pack, "user", user->name);
    pl_pack_pair_str(pack, "role", pl_role_names[user->role]);
    OPENSSL_cleanse(token, sizeof token);
}

static void verified(uv_work_t *work, int status) {
    struct login *login = work->data;
    struct pl_request *request = login->request;
    (void)status;
    request->control->logins--;
    request->waiting--;
    request->tried = true;
    struct pl_user now; /* what the user is by now: it took a while */
    bool still = !login->code && pl_users_find(login->store, login->name, &now, NULL) == PL_OK &&
                 now.changed == login->user.changed;
    if (still && !request->answered) {
        welcome(request, &now);
        pl_request_answer(request, PL_OK, NULL);
    } else {
        snprintf(request->who.name, sizeof request->who.name, "%s", login->name);
        request->who.known = false;
        pl_error_free(&login->error);
        struct pl_error *error = NULL;
        pl_error_set(&error, PL_DENIED, "name or password is wrong");
        pl_request_answer(request, PL_DENIED, &error);
    }
    pl_error_free(&login->error);
    pl_free(login);
}

static enum pl_code run_login(struct pl_request *request, struct pl_error **error) {
    const struct user_args *args = request->args;
    struct pl_store *store;
    enum pl_code code = store_of(request, &store, error);
    if (code) return code;
    if (!request->password) return pl_error_set(error, PL_USAGE, "login: a password expected");
    if (request->control->logins >= LOGINS_MAX) return pl_error_set(error, PL_BUSY, "too many logins at once");
    struct login *login = PL_NEW(struct login);
    if (!login) return pl_error_set(error, PL_NO_MEMORY, "no memory for a login");
    login->work.data = login;
    login->request = request;
    login->store = store;
    snprintf(login->name, sizeof login->name, "%s", args->user);
    if (uv_queue_work(&request->control->loop, &login->work, verify, verified)) {
        pl_free(login);
        return pl_error_set(error, PL_LIMIT, "login: no thread");
    }
    request->control->logins++;
    request->waiting++;
    pl_request_later(request);
    return PL_BUSY;
}

/* ---- users ---- */

/* What the user was allowed, or who it was, holds no longer. */
static void sign_out(struct pl_control *control, const char *name) {
    pl_sessions_end_user(control->sessions, name);
    pl__requests_end_user(control, name);
}

static void put_user(void *arg, const struct pl_user *user) {
    char created[PL_TEXT_TIME_MAX], changed[PL_TEXT_TIME_MAX];
    struct pl_pack *pack = pl_request_row(arg, 4);
    *pl_text_put_time(created, user->created) = 0;
    *pl_text_put_time(changed, user->changed) = 0;
    pl_pack_pair_str(pack, "user", user->name);
    pl_pack_pair_str(pack, "role", pl_role_names[user->role]);
    pl_pack_pair_str(pack, "created", created);
    pl_pack_pair_str(pack, "password_changed", changed);
}

static enum pl_code run_list(struct pl_request *request, struct pl_error **error) {
    struct pl_store *store;
    enum pl_code code = store_of(request, &store, error);
    return code ? code : pl_users_each(store, put_user, request, error);
}

static enum pl_code password_of(const struct pl_request *request, struct pl_error **error) {
    return request->password ? PL_OK
                             : pl_error_set(error, PL_USAGE, "%s: a password expected", request->command->spec->name);
}

static enum pl_code run_add(struct pl_request *request, struct pl_error **error) {
    const struct user_args *args = request->args;
    struct pl_store *store;
    enum pl_code code = store_of(request, &store, error);
    if (!code) code = password_of(request, error);
    if (!code)
        code = pl_users_add(store, args->user, (enum pl_role)args->role, request->password,
                            pl_engine_now(request->control->options.engine), error);
    if (code) return code;
    pl_request_changed(request, args->user, "", pl_role_names[args->role]);
    pl_request_say(request, "%s added as %s", args->user, pl_role_names[args->role]);
    return PL_OK;
}

static enum pl_code run_remove(struct pl_request *request, struct pl_error **error) {
    const struct user_args *args = request->args;
    struct pl_store *store;
    enum pl_code code = store_of(request, &store, error);
    if (!code) code = pl_users_remove(store, args->user, error);
    if (code) return code;
    sign_out(request->control, args->user);
    pl_request_changed(request, args->user, NULL, "removed");
    pl_request_say(request, "%s removed", args->user);
    return PL_OK;
}

static enum pl_code run_passwd(struct pl_request *request, struct pl_error **error) {
    const struct user_args *args = request->args;
    struct pl_store *store;
    enum pl_code code = store_of(request, &store, error);
    if (!code && request->who.role != PL_ROLE_ADMIN && strcmp(args->user, request->who.name) != 0)
        code = pl_error_set(error, PL_DENIED, "only an admin sets the password of others");
    if (!code) code = password_of(request, error);
    if (!code)
        code = pl_users_set_password(store, args->user, request->password,
                                     pl_engine_now(request->control->options.engine), error);
    if (code) return code;
    sign_out(request->control, args->user);
    pl_request_changed(request, args->user, NULL, "new password");
    pl_request_say(request, "%s has a new password", args->user);
    return PL_OK;
}

static enum pl_code run_role(struct pl_request *request, struct pl_error **error) {
    const struct user_args *args = request->args;
    struct pl_store *store;
    struct pl_user before;
    enum pl_code code = store_of(request, &store, error);
    if (!code) code = pl_users_find(store, args->user, &before, error);
    if (!code) code = pl_users_set_role(store, args->user, (enum pl_role)args->role, error);
    if (code) return code;
    sign_out(request->control, args->user);
    pl_request_changed(request, args->user, pl_role_names[before.role], pl_role_names[args->role]);
    pl_request_say(request, "%s is %s now, was %s", args->user, pl_role_names[args->role], pl_role_names[before.role]);
    return PL_OK;
}

/* ---- audit ---- */

struct audit_args {
    const char *user, *action, *object, *correlation;
    pl_time from, to;
    int64_t last;
};

struct audit_walk {
    struct pl_request *request;
    const struct audit_args *args;
    uint64_t matching, skip;
};

/* "RUN ID" is of ID, too: what a client has sent. */
static bool is_of(const char *pattern, const char *correlation) {
    const char *blank = strchr(correlation, ' ');
    return pl_glob(pattern, correlation) || (blank && pl_glob(pattern, blank + 1));
}

static bool matches(const struct audit_args *args, const struct pl_audit_record *record) {
    return record->time >= args->from && record->time < args->to && pl_glob(args->user, record->user) &&
           pl_glob(args->action, record->action) && pl_glob(args->object, record->object) &&
           is_of(args->correlation, record->correlation);
}

static enum pl_code count_record(void *arg, const struct pl_audit_record *record, struct pl_error **error) {
    struct audit_walk *walk = arg;
    (void)error;
    walk->matching += matches(walk->args, record);
    return PL_OK;
}

static enum pl_code put_record(void *arg, const struct pl_audit_record *record, struct pl_error **error) {
    struct audit_walk *walk = arg;
    char time[PL_TEXT_TIME_MAX];
    (void)error;
    if (!matches(walk->args, record)) return PL_OK;
    if (walk->skip) {
        walk->skip--;
        return PL_OK;
    }
    *pl_text_put_time(time, record->time) = 0;
    struct pl_pack *pack = pl_request_row(walk->request, 12);
    pl_pack_pair_str(pack, "time", time);
    pl_pack_pair_str(pack, "user", record->user);
    pl_pack_pair_str(pack, "role", record->role);
    pl_pack_pair_str(pack, "origin", record->origin);
    pl_pack_pair_str(pack, "action", record->action);
    pl_pack_pair_str(pack, "object", record->object);
    pl_pack_pair_str(pack, "from", record->from);
    pl_pack_pair_str(pack, "to", record->to);
    pl_pack_pair_str(pack, "reason", record->reason);
    pl_pack_pair_str(pack, "outcome", record->outcome);
    pl_pack_pair_str(pack, "correlation", record->correlation);
    pl_pack_pair_str(pack, "detail", record->detail);
    return PL_OK;
}

static enum pl_code run_audit(struct pl_request *request, struct pl_error **error) {
    struct pl_store *store;
    struct audit_walk walk = {.request = request, .args = request->args};
    enum pl_code code = store_of(request, &store, error);
    if (!code) code = pl_audit_each(store, 1, count_record, &walk, error);
    if (code) return code;
    uint64_t last = (uint64_t)walk.args->last;
    walk.skip = walk.matching > last ? walk.matching - last : 0;
    return pl_audit_each(store, 1, put_record, &walk, error);
}

static enum pl_code run_audit_head(struct pl_request *request, struct pl_error **error) {
    struct pl_audit_place head;
    char anchor[PL_AUDIT_PLACE_TEXT], time[PL_TEXT_TIME_MAX];
    if (!request->control->audit)
        return pl_error_set(error, PL_UNAVAILABLE, "this run has no data folder, so it keeps no audit");
    pl_audit_head(request->control->audit, &head);
    pl_audit_place_put(&head, anchor);
    *pl_text_put_time(time, pl_engine_now(request->control->options.engine)) = 0;
    struct pl_pack *pack = pl_request_row(request, 3);
    pl_pack_pair_int(pack, "sequence", (int64_t)head.sequence);
    pl_pack_pair_str(pack, "anchor", anchor);
    pl_pack_pair_str(pack, "time", time);
    return PL_OK;
}

/* ---- The table ---- */

static const struct pl_option user_args[] = {
    PL_OPT_STRING(struct user_args, user, "user", NULL, PL_FIXED, "The user's name."),
    PL_OPT_END,
};

static const struct pl_option role_args[] = {
    PL_OPT_STRING(struct user_args, user, "user", NULL, PL_FIXED, "The user's name."),
    PL_OPT_CHOICE(struct user_args, role, "role", NULL, pl_role_names, PL_FIXED, "What the user may do."),
    PL_OPT_END,
};

static const struct pl_option audit_args[] = {
    PL_OPT_STRING(struct audit_args, user, "user", "*", PL_FIXED, "A pattern of names."),
    PL_OPT_STRING(struct audit_args, action, "action", "*", PL_FIXED, "A pattern of commands."),
    PL_OPT_STRING(struct audit_args, object, "object", "*", PL_FIXED, "A pattern of what it was about."),
    PL_OPT_STRING(struct audit_args, correlation, "correlation", "*", PL_FIXED, "A pattern of correlation ids."),
    PL_OPT_TIME(struct audit_args, from, "from", "1970-01-01T00:00:00Z", PL_FIXED, "Not before."),
    PL_OPT_TIME(struct audit_args, to, "to", "2262-01-01T00:00:00Z", PL_FIXED, "Before."),
    PL_OPT_INT(struct audit_args, last, "last", "100", "1", "10000", PL_FIXED, "How many of the newest."),
    PL_OPT_END,
};

#define USER_COMMAND(name_, doc_, roles_, flags_, args_, run_)                                                         \
    {                                                                                                                  \
        .spec = {.name = (name_),                                                                                      \
                 .doc = (doc_),                                                                                        \
                 .roles = (roles_),                                                                                    \
                 .flags = (flags_),                                                                                    \
                 .args = (args_),                                                                                      \
                 .args_size = sizeof(struct user_args)},                                                               \
        .run = (run_)                                                                                                  \
    }

const struct pl_control_command pl__commands_people[] = {
    USER_COMMAND("login", "Signs in; the password is asked for.", PL_MAY_SEE, PL_COMMAND_CHANGES, user_args, run_login),
    USER_COMMAND("users list", "Who there is.", PL_MAY_ADMIN, 0, NULL, run_list),
    USER_COMMAND("users add", "A new user; the password is asked for.", PL_MAY_ADMIN, PL_COMMAND_CHANGES, role_args,
                 run_add),
    USER_COMMAND("users remove", "Removes a user and ends the user's sessions.", PL_MAY_ADMIN, PL_COMMAND_CHANGES,
                 user_args, run_remove),
    USER_COMMAND("users passwd", "A new password, yours or as an admin anybody's.", PL_MAY_SEE, PL_COMMAND_CHANGES,
                 user_args, run_passwd),
    USER_COMMAND("users role", "Gives a user another role.", PL_MAY_ADMIN, PL_COMMAND_CHANGES, role_args, run_role),
    {.spec = {.name = "audit",
              .doc = "Who did what, newest last.",
              .roles = PL_MAY_ENGINEER | PL_MAY(PL_ROLE_MANAGER),
              .args = audit_args,
              .args_size = sizeof(struct audit_args)},
     .run = run_audit},
    {.spec = {.name = "audit head",
              .doc = "The last record's number and hash, to be kept elsewhere for potline audit verify --anchor.",
              .roles = PL_MAY_ENGINEER | PL_MAY(PL_ROLE_MANAGER)},
     .run = run_audit_head},
    PL_CONTROL_COMMANDS_END,
};
