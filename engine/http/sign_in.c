/* sign_in.c: who it is: bearer tokens, and the resource `tokens` that gives them out. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <potline/alloc.h>
#include <potline/diag.h>

#include "base/clock.h"
#include "http/rest_impl.h"

enum { CHANGED = 24, PASSWORD = 20, GROUP = 5 };
static const char audience[] = "potline-api";

static int64_t seconds_now(const struct pl_rest *rest) {
    return pl__rest_now(rest) / PL_SECOND;
}

/* ---- Who it is ---- */

static bool read_role(const char *text, enum pl_role *role) {
    for (unsigned i = 0; text && i < PL_ROLES; i++) {
        if (strcmp(pl_role_names[i], text) != 0) continue;
        *role = (enum pl_role)i;
        return true;
    }
    return false;
}

/* Of our own tokens: the grant is not over, and the user is who it was then. */
static const char *check_grant(struct pl__call *call, const json_t *claims) {
    struct pl_user user;
    const char *name = json_string_value(json_object_get(claims, "sub"));
    const char *id = json_string_value(json_object_get(claims, "sid"));
    enum pl_role role;
    const struct pl_grant *grant = id ? pl_grants_find(call->rest->grants, id) : NULL;
    if (!name || !grant || strcmp(grant->user, name) != 0) return "it has been revoked";
    if (!read_role(json_string_value(json_object_get(claims, "role")), &role)) return "it names no role";
    struct pl_store *store = pl__rest_store(call->rest);
    if (!store || pl_users_find(store, name, &user, NULL) || user.changed != grant->changed || user.role != role)
        return "its user is another one by now";
    snprintf(call->who.name, sizeof call->who.name, "%s", user.name);
    snprintf(call->grant, sizeof call->grant, "%s", grant->id);
    call->who.role = user.role;
    call->who.known = true;
    return NULL;
}

/* Of seconds that somebody else has written: what is beyond all time never comes. */
static pl_time time_of(double seconds) {
    double time = seconds * (double)PL_SECOND;
    return time < (double)PL_TIME_MAX ? (pl_time)time : PL_TIME_MAX;
}

/* Of the plant's identity provider: names are marked, so that nobody there is taken for a user of ours. */
static const char *check_provider(struct pl__call *call, const json_t *claims) {
    const char *name = json_string_value(json_object_get(claims, "sub"));
    const char *claim = call->rest->options.role_claim ? call->rest->options.role_claim : "potline_role";
    bool good = name && *name && strlen(name) + strlen("oidc:") < sizeof call->who.name;
    for (const char *c = name; good && *c; c++)
        good = (unsigned char)*c >= ' ' && *c != 0x7f;
    if (!good) return "it names nobody";
    if (!read_role(json_string_value(json_object_get(claims, claim)), &call->who.role)) return "it names no role";
    snprintf(call->who.name, sizeof call->who.name, "oidc:%s", name);
    call->expires = time_of(json_number_value(json_object_get(claims, "exp")));
    call->who.known = true;
    return NULL;
}

static const char keys_come[] = "The keys of the identity provider are being asked for.";

static const char *check_token(struct pl__call *call, const char *token) {
    const struct pl_rest *rest = call->rest;
    struct pl_error *error = NULL;
    json_t *claims = NULL;
    const char *why = "it is not good";
    enum pl_code code = PL_DENIED;
    struct pl_jwt_wants own = {.issuer = rest->issuer, .audience = audience, .now = seconds_now(rest)};
    struct pl_jwt_wants other = {.issuer = rest->options.issuer ? rest->options.issuer : "",
                                 .audience = rest->options.audience ? rest->options.audience : audience,
                                 .now = own.now,
                                 .leeway = PL_JWT_LEEWAY_S};
    if (!pl_jwt_verify(token, &rest->signing.keys, &own, &claims, &error))
        why = check_grant(call, claims);
    else
        code = pl_jwt_verify(token, pl_provider_keys(rest->provider), &other, &claims, NULL);
    if (error && strcmp(error->text, PL_JWT_EXPIRED) == 0) why = PL_JWT_EXPIRED;
    if (!code)
        why = check_provider(call, claims);
    else if (code == PL_NOT_FOUND && pl_provider_ask(rest->provider, pl_clock_monotonic()))
        why = keys_come;
    pl_error_free(&error);
    json_decref(claims);
    return why;
}

bool pl__sign_in(struct pl__call *call) {
    static const char scheme[] = "Bearer ";
    const char *given = call->request->header[PL_HTTP_AUTHORIZATION], *why = "A bearer token is expected.";
    unsigned wait;
    if (!pl__rest_enter(call->rest)) {
        pl__problem_wait(call, PL__NOT_NOW, 1, "The engine is being started, or ends.");
        return false;
    }
    if (strncasecmp(given, scheme, strlen(scheme)) == 0) {
        given += strlen(scheme);
        why = check_token(call, given + strspn(given, " "));
    }
    pl__rest_leave(call->rest);
    if (!why) return true;
    if (!pl_limits_take(call->rest->limits, PL_LIMITED_STRANGERS, call->request->peer, pl_clock_monotonic(), &wait))
        pl__problem_wait(call, PL__TOO_MANY, wait, "Too many requests without a good token.");
    else if (why == keys_come)
        pl__problem_wait(call, PL__NOT_NOW, 1, why);
    else
        pl__complain(call, PL__UNAUTHORIZED, "%s", why);
    return false;
}

/* ---- Tokens ---- */

static char *access_token(const struct pl_rest *rest, const struct pl_grant *grant, enum pl_role role) {
    int64_t now = seconds_now(rest);
    const struct pl_jwt_key *key = pl_signing_key(&rest->signing);
    json_t *claims =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I}", "iss", rest->issuer, "aud", audience, "sub", grant->user,
                  "role", pl_role_names[role], "sid", grant->id, "iat", (json_int_t)now, "nbf", (json_int_t)now, "exp",
                  (json_int_t)now + (json_int_t)(PL_ACCESS_LIFE / PL_SECOND));
    char *token = key && claims ? pl_jwt_sign(key, claims) : NULL;
    json_decref(claims);
    return token;
}

/* Takes the call. */
static void answer_grant(struct pl__call *call, const struct pl_grant *grant, enum pl_role role) {
    char refresh[PL_REFRESH_TEXT], moment[40], href[PL__PATH];
    char *token = access_token(call->rest, grant, role);
    pl_http_note(call->exchange, call->correlation, grant->user);
    pl_grant_refresh_put(grant, refresh);
    pl__moment(pl__rest_now(call->rest), moment);
    pl__href(call, href, "tokens/%s", grant->id);
    json_t *value =
        json_pack("{s:s, s:s, s:s, s:s, s:i, s:s, s:s, s:s, s:s, s:o}", "tokenId", grant->id, "status", "created",
                  "accessToken", token ? token : "", "tokenType", "Bearer", "expiresIn",
                  (int)(PL_ACCESS_LIFE / PL_SECOND), "refreshToken", refresh, "user", grant->user, "role",
                  pl_role_names[role], "creationTimestamp", moment, "links", pl__links(call, "tokens/%s", grant->id));
    if (token) OPENSSL_cleanse(token, strlen(token));
    OPENSSL_cleanse(refresh, sizeof refresh);
    if (!token) {
        json_decref(value);
        value = NULL;
    }
    pl_free(token);
    pl__answer_json(call, PL__CREATED, value, href);
}

static void begin_grant(struct pl__call *call, const struct pl_user *user) {
    struct pl_grant grant;
    struct pl_error *error = NULL;
    enum pl_code code = PL_UNAVAILABLE;
    if (pl__rest_enter(call->rest)) {
        code = pl_grants_begin(call->rest->grants, pl__rest_store(call->rest), user, pl__rest_now(call->rest), &grant,
                               &error);
        pl__rest_leave(call->rest);
    }
    if (code)
        pl__problem_code(call, code, error ? error->text : NULL);
    else
        answer_grant(call, &grant, user->role);
    pl_error_free(&error);
}

static void denied(struct pl__call *call) {
    pl__complain(call, PL__UNAUTHORIZED, "Name or password is wrong.");
}

/* The command `login` has looked at the password, and put it into the audit. */
static void login_told(struct pl__call *call) {
    const char *name = pl__call_text(call, "username");
    bool good = call->result.code == PL_OK, wrong = call->result.code == PL_DENIED;
    struct pl_user user;
    pl_limits_end_login(call->rest->limits, name, call->request->peer,
                        good    ? PL_LOGIN_GOOD
                        : wrong ? PL_LOGIN_WRONG
                                : PL_LOGIN_UNDECIDED,
                        pl_clock_monotonic());
    if (wrong) {
        denied(call);
    } else if (!good) {
        pl__call_failed(call);
    } else {
        bool there = pl__rest_enter(call->rest);
        enum pl_code code = there ? pl_users_find(pl__rest_store(call->rest), name, &user, NULL) : PL_UNAVAILABLE;
        if (there) pl__rest_leave(call->rest);
        if (code == PL_OK)
            begin_grant(call, &user);
        else if (there)
            denied(call);
        else
            pl__problem_wait(call, PL__NOT_NOW, 1, "The engine is ending.");
    }
}

static void login(struct pl__call *call, const char *name, const char *password) {
    char user[PL_REST_SEGMENT + 8];
    struct pl_limits *limits = call->rest->limits;
    const char *peer = call->request->peer;
    unsigned wait, next;
    pl_time now = pl_clock_monotonic();
    if (!pl_limits_begin_login(limits, name, peer, now, &wait)) {
        if (pl_limits_take(limits, PL_LIMITED_REFUSALS, peer, now, &next)) /* nobody fills the audit */
            pl__call_audit(call, "login", name, "refused: too many wrong passwords");
        pl__problem_wait(call, PL__TOO_MANY, wait, "Too many wrong passwords; try again later.");
        return;
    }
    snprintf(user, sizeof user, "--user=%s", name);
    const char *words[] = {"login", user};
    pl__call_ask(call, words, 2, password, login_told);
}

static void renew(struct pl__call *call, const char *refresh) {
    struct pl_grant grant;
    struct pl_user user;
    bool reused = false, there = pl__rest_enter(call->rest);
    struct pl_store *store = there ? pl__rest_store(call->rest) : NULL;
    enum pl_code code = PL_UNAVAILABLE;
    if (store)
        code = pl_grants_renew(call->rest->grants, store, refresh, pl__rest_now(call->rest), &grant, &reused, NULL);
    if (!code && (pl_users_find(store, grant.user, &user, NULL) || user.changed != grant.changed)) {
        pl_grants_end(call->rest->grants, store, grant.id);
        code = PL_DENIED;
    }
    if (there) pl__rest_leave(call->rest);
    if (reused) pl__call_audit(call, "token refresh", grant.user, "refused: a used token came again; signed out");
    if (code == PL_DENIED)
        pl__complain(call, PL__UNAUTHORIZED, "The refresh token is not good any more.");
    else if (code)
        pl__problem_code(call, code, NULL);
    else
        answer_grant(call, &grant, user.role);
}

void pl__tokens_create(struct pl__call *call) {
    const char *name = pl__call_text(call, "username"), *password = pl__call_text(call, "password");
    const char *refresh = pl__call_text(call, "refreshToken");
    if (refresh && !name && !password) {
        renew(call, refresh);
    } else if (name && password && !refresh) {
        login(call, name, password);
    } else {
        json_t *errors = json_array();
        if (!name) pl__field_error(errors, "/username", "it is missing, or a refreshToken by itself");
        if (!password) pl__field_error(errors, "/password", "it is missing, or a refreshToken by itself");
        if (refresh) pl__field_error(errors, "/refreshToken", "it stands by itself");
        pl__problem_fields(call, errors);
    }
}

static json_t *grant_json(const struct pl__call *call, const struct pl_grant *grant) {
    char began[40], used[40];
    pl__moment(grant->began, began);
    pl__moment(grant->used, used);
    return json_pack("{s:s, s:s, s:s, s:s, s:b, s:o}", "tokenId", grant->id, "user", grant->user, "creationTimestamp",
                     began, "renewed", used, "current", strcmp(grant->id, call->grant) == 0, "links",
                     pl__links(call, "tokens/%s", grant->id));
}

static bool may_see(const struct pl__call *call, const struct pl_grant *grant) {
    return call->who.role == PL_ROLE_ADMIN || strcmp(grant->user, call->who.name) == 0;
}

void pl__tokens_list(struct pl__call *call) {
    json_t *list = json_array();
    size_t at = 0;
    for (const struct pl_grant *grant = NULL; (grant = pl_grants_next(call->rest->grants, grant));) {
        if (!may_see(call, grant)) continue;
        if (at >= call->offset && at < call->offset + call->limit) json_array_append_new(list, grant_json(call, grant));
        at++;
    }
    pl__answer_list(call, list, at > call->offset + call->limit);
}

/* The one of the path; NULL after answering that there is none. */
static const struct pl_grant *named_grant(struct pl__call *call) {
    const char *id = call->match.value[0];
    if (strcmp(id, "current") == 0) id = call->grant;
    const struct pl_grant *grant = pl_grants_find(call->rest->grants, id);
    if (grant && may_see(call, grant)) return grant;
    pl__complain(call, PL__NOT_FOUND, "There is no such token.");
    return NULL;
}

void pl__tokens_get(struct pl__call *call) {
    const struct pl_grant *grant = named_grant(call);
    if (grant) pl__answer_json(call, PL__OK, grant_json(call, grant), NULL);
}

void pl__tokens_end(struct pl__call *call) {
    const struct pl_grant *grant = named_grant(call);
    if (!grant) return;
    char id[PL_GRANT_ID];
    snprintf(id, sizeof id, "%s", grant->id);
    char user[PL_USER_NAME_MAX + 1];
    snprintf(user, sizeof user, "%s", grant->user);
    if (pl__rest_enter(call->rest)) {
        pl_grants_end(call->rest->grants, pl__rest_store(call->rest), id);
        pl__rest_leave(call->rest);
    }
    pl__call_audit(call, "logout", user, "done");
    pl__answer_gone(call);
}

/* ---- The first user ---- */

static void count_one(void *arg, const struct pl_user *user) {
    (void)user;
    ++*(unsigned *)arg;
}

/* 20 of 32 signs, none of which looks like another: 100 bits. */
static bool make_password(char text[PASSWORD + PASSWORD / GROUP + 1]) {
    static const char signs[] = "abcdefghijkmnpqrstuvwxyz23456789";
    uint8_t bytes[PASSWORD];
    if (RAND_bytes(bytes, sizeof bytes) != 1) return false;
    for (unsigned i = 0; i < PASSWORD; i++) {
        if (i && i % GROUP == 0) *text++ = '-';
        *text++ = signs[bytes[i] % (sizeof signs - 1)];
    }
    *text = 0;
    return true;
}

static void tell_admin(struct pl_rest *rest, const char *password) {
    const struct pl_journal *journal = pl_engine_journal(rest->engine);
    struct pl_audit_record record = {.time = pl_engine_now(rest->engine),
                                     .origin = "engine",
                                     .action = "users add",
                                     .object = "admin",
                                     .to = "admin",
                                     .reason = "the first start with HTTP: there was no user",
                                     .outcome = "done",
                                     .correlation = journal->run};
    if (journal->audit) pl_audit_append(journal->audit, &record, NULL);
    pl_diag(PL_INFO, "https: there was no user: \"admin\" can sign in with the password %s (it is told this once)",
            password);
}

void pl__first_admin(struct pl_rest *rest) {
    struct pl_store *store = pl__rest_store(rest);
    unsigned users = 0;
    char password[PASSWORD + PASSWORD / GROUP + 1];
    struct pl_error *error = NULL;
    if (!store || pl_users_each(store, count_one, &users, NULL) || users || !make_password(password)) return;
    if (pl_users_add(store, "admin", PL_ROLE_ADMIN, password, pl__rest_now(rest), &error))
        pl_diag(PL_ERROR, "https: nobody can sign in, the first user cannot be made: %s",
                error ? error->text : "no memory");
    else
        tell_admin(rest, password);
    pl_error_free(&error);
    OPENSSL_cleanse(password, sizeof password);
}
